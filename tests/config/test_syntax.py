"""Config files that are not JSON: the message names the mistake and the line, and no value of the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.config import KEYS, Config, parse_object
from bds_async.config.syntax import SHOWN
from bds_async.errors import ConfigError

GOOD = {
    "bspace_url": "https://hush.example",
    "client_id": "hush-id",
    "client_secret": "hush-1",
    "scope": "hush",
}
LAID_OUT = json.dumps(GOOD, indent=2)
LINE = '  "client_id": "hush-id",'
INSERTED = st.sampled_from(["", "'", '"', ",", "}", "“", "#", "\n", "\\"])

MISTAKES = {
    "a trailing comma": (LAID_OUT[:-2] + ",\n}", "line 5: remove the comma before the closing bracket"),
    "a comment": (LAID_OUT.replace(LINE, "  // hush\n" + LINE), "line 3: JSON has no comments"),
    "a comment at the end of a line": (LAID_OUT.replace(LINE, LINE + "  # hush"), "line 3: JSON has no comments"),
    "curly quotes": (LAID_OUT.replace(LINE, "  “client_id”: “hush-id”,"), "line 3: it has the curly quote “"),
    "single quotes": (str(GOOD), "line 1: JSON has no single quotes"),
    "an empty file": ("", "is empty: see config-sample.json"),
    "blanks": (" \n\n", "is empty: see config-sample.json"),
    "YAML": ("bspace_url: https://hush.example\n", "is not JSON but YAML or INI"),
    "INI": ("[brightspace]\nclient_secret = hush\n", "is not JSON but YAML or INI"),
    "a web page": ("<html>hush</html>", "is not JSON but something else"),
    "a missing comma": (LAID_OUT.replace(LINE, LINE[:-1]), "line 3: a comma is missing at its end"),
    "a missing quote": (LAID_OUT.replace(LINE, LINE.replace('id",', "id,")), "line 3: the closing quote is missing"),
    "a missing bracket": (LAID_OUT[:-1], "line 5: the file ends too early"),
    "half a file": (LAID_OUT[:20], "the closing quote is missing"),
    "a path of Windows": ('{\n"token_file": "C:\\hush"\n}', r"line 2: write \\ for each backslash"),
    "a value of Python": ('{\n"scope": None\n}', "line 2: write null in place of None"),
    "a name without quotes": ('{\nclient_id: "hush"\n}', "line 2: a name or value is without quotes"),
    "two objects": (LAID_OUT + "\n" + LAID_OUT, "line 7: remove what follows the closing bracket"),
    "an array": ("[1]", "is JSON, but no object"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_usual_mistakes_are_named(tmp_path: Path, mistake: str) -> None:
    content, words = MISTAKES[mistake]
    (tmp_path / "config.json").write_text(content, "utf-8")
    with pytest.raises(ConfigError) as raised:
        Config.load(tmp_path / "config.json", {})
    said = str(raised.value)
    assert said.startswith(f"The config file {tmp_path / 'config.json'} is ")
    assert words in said
    assert "hush" not in said
    assert len(said.splitlines()) == 1


@given(st.integers(0, len(LAID_OUT)), INSERTED, st.integers(0, 3))
def test_no_mistake_prints_a_value(place: int, inserted: str, dropped: int) -> None:
    content = LAID_OUT[:place] + inserted + LAID_OUT[place + dropped :]
    said = ""
    try:
        parse_object(content.encode())
    except ValueError as error:
        said = str(error)
    assert "hush" not in said
    assert "https" not in said


def test_the_names_that_may_be_shown_are_those_of_the_keys() -> None:
    assert set(KEYS.all) == SHOWN
