"""Only one value in config.json is changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.config import parse_object, with_refresh_token

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
keys = st.text() | st.sampled_from(["client_id", "token_file", "Refresh_Token"])
objects = st.dictionaries(keys.filter(lambda key: key != "refresh_token"), values, max_size=4)
layouts = st.fixed_dictionaries(
    {
        "indent": st.none() | st.integers(0, 8) | st.just("\t"),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",\r\n", ":\n")]),
        "ensure_ascii": st.booleans(),
    }
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
MARK = "the one that is spent"


def laid_out(parsed, layout, encoding):
    return json.dumps(parsed, **layout).encode(encoding)


@given(before=objects, after=objects, layout=layouts, encoding=encodings, token=st.text())
def test_every_byte_but_the_token_stays(before, after, layout, encoding, token):
    """Keys, their order, nested values, indents, blanks, escapes and the byte order mark survive."""
    after = {key: value for key, value in after.items() if key not in before}
    content = laid_out({**before, "refresh_token": MARK, **after}, layout, encoding)
    text = content.decode(encoding)
    at = text.rindex(json.dumps(MARK)) if MARK not in str(after) else None
    changed = with_refresh_token(content, token)
    assert list(parse_object(changed).items()) == list({**before, "refresh_token": token, **after}.items())
    if at is not None:
        assert changed.decode(encoding) == text[:at] + json.dumps(token) + text[at + len(json.dumps(MARK)) :]
    assert changed.startswith(content[:3]) or not content.startswith(b"\xef\xbb\xbf")


@given(parsed=objects, layout=layouts, encoding=encodings, token=st.text())
def test_a_key_that_is_not_there_yet_comes_last(parsed, layout, encoding, token):
    changed = with_refresh_token(laid_out(parsed, layout, encoding), token)
    assert list(parse_object(changed).items()) == [*parsed.items(), ("refresh_token", token)]


def test_the_first_token_is_indented_as_the_other_keys_are():
    content = b'{\n    "client_id": "x",\n    "nested": {"refresh_token": "inner"}\n}\n'
    assert with_refresh_token(content, "new").decode() == (
        '{\n    "client_id": "x",\n    "nested": {"refresh_token": "inner"},\n    "refresh_token": "new"\n}\n'
    )


@pytest.mark.parametrize("held", [b"null", b'""', b"17", b'{"a": [1, 2]}'])
def test_whatever_stood_there_is_replaced(held):
    content = b'{"refresh_token":' + held + b',"z":1}'
    assert with_refresh_token(content, "new") == b'{"refresh_token":"new","z":1}'


def test_of_a_key_given_twice_the_one_that_counts_is_changed():
    content = b'{"refresh_token": "a", "x": 1, "refresh_token": "b"}'
    assert with_refresh_token(content, "new") == b'{"refresh_token": "a", "x": 1, "refresh_token": "new"}'


def test_an_empty_object_takes_the_token():
    assert with_refresh_token(b" { } ", "new") == b' {"refresh_token": "new" } '
