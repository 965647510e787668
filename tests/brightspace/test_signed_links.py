"""The lifetime of a signed link, from any of the parameters that signers use."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bds_async.doctor.signed_links import life

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
LINK = "https://storage.example/bucket/Users.zip"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("X-Amz-Date=20261122T115900Z&X-Amz-Expires=300&X-Amz-Signature=hush", ("X-Amz-Expires", 240.0)),
        ("x-amz-date=20261122T120000Z&x-amz-expires=300", ("X-Amz-Expires", 300.0)),
        ("X-Goog-Date=20261122T120000Z&X-Goog-Expires=60&X-Goog-Signature=hush", ("X-Goog-Expires", 60.0)),
        (f"Expires={NOW + 90:.0f}&Signature=hush&Key-Pair-Id=K", ("Expires", 90.0)),
        ("se=2026-11-22T13%3A00%3A00Z&sp=r&sig=hush", ("se", 3600.0)),
        ("se=2026-11-22T13:00:00&sig=hush", ("se", 3600.0)),
        (f"Expires={NOW - 5:.0f}", ("Expires", -5.0)),
        ("", None),
        ("Signature=hush", None),
        ("X-Amz-Expires=300", None),
        ("X-Amz-Date=today&X-Amz-Expires=300", None),
        ("X-Amz-Date=20261122T120000Z&X-Amz-Expires=soon", None),
        ("Expires=soon", None),
        ("se=soon", None),
    ],
)
def test_the_life_is_read_from_the_query(query, expected):
    assert life(URL(f"{LINK}?{query}", encoded=True), NOW) == expected


@given(st.dictionaries(st.sampled_from(["Expires", "se", "X-Amz-Expires", "X-Amz-Date", "X-Goog-Expires"]), st.text()))
def test_no_query_is_an_error(query):
    found = life(URL(LINK).with_query(query), NOW)
    assert found is None or found[0] in ("Expires", "se", "X-Amz-Expires", "X-Goog-Expires")
