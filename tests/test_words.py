"""Words for people: singular and plural, and nothing that steers a terminal."""

import pytest

from bds_async.words import counted, printable


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "file", "0 files"),
        (1, "data set", "1 data set"),
        (2, "data set", "2 data sets"),
        (1, "retry", "1 retry"),
        (3, "retry", "3 retries"),
    ],
)
def test_one_is_singular_and_all_else_is_plural(count, noun, said):
    assert counted(count, noun) == said


def test_control_characters_are_replaced_and_letters_of_every_script_are_not():
    assert printable("\x1b[31mNote\r\u202eé成绩") == "\ufffd[31mNote\ufffd\ufffdé成绩"
