"""Words for people: singular and plural."""

import pytest

from bds_async.words import counted


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
