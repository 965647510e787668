"""What is recorded of an answer, and that the records contain neither links nor control characters."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bds_async.doctor.storage_traits import Downloaded, _strength, _validator, shown


def headers(**values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict({name.replace("_", "-"): value for name, value in values.items()}))


@pytest.mark.parametrize(
    ("etag", "strength"),
    [
        (None, "none"),
        ('"abc"', "strong"),
        ('W/"abc"', "weak"),
        ("abc", "malformed"),
        ('""', "strong"),
        ("", "malformed"),
    ],
)
def test_the_strength_of_an_entity_tag(etag, strength):
    """RFC 9110 section 8.8.3."""
    assert _strength(etag) == strength


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (headers(ETag='"abc"', Last_Modified="then"), ('"abc"', "ETag")),
        (headers(ETag='W/"abc"', Last_Modified="then"), ("then", "Last-Modified")),
        (headers(Last_Modified="then"), ("then", "Last-Modified")),
        (headers(ETag='W/"abc"'), (None, None)),
        (headers(), (None, None)),
    ],
)
def test_if_range_carries_a_strong_tag_or_else_the_date(found, expected):
    assert _validator(found) == expected


def test_a_download_does_not_show_where_it_came_from():
    """The address is signed: anyone who reads it can fetch the data."""
    downloaded = Downloaded(
        URL("https://storage.example/x?Signature=hush"), headers(Location="hush"), 7, ("Users.csv",)
    )
    assert "hush" not in repr(downloaded)


def test_server_text_is_bounded_and_printable():
    assert shown("a\x1b[31m\n\u202e") == "a\N{REPLACEMENT CHARACTER}[31m" + 2 * "\N{REPLACEMENT CHARACTER}"
    assert len(shown("x" * 1000)) == 120
