"""The page of a run: its content, that it is one valid file, and that no server text becomes markup."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async import Config, PullOptions, RunReport, pull
from bds_async.columns import ChangeKind, SchemaChange
from bds_async.errors import ConfigError
from bds_async.models import BdsType
from bds_async.report import (
    AttemptTimes,
    Counters,
    FailedList,
    Gap,
    Hold,
    HoldKind,
    Outcome,
    RunReportDocument,
    Status,
    read_run_report,
)
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.watching.page import demand_package, page_of
from bds_async.watching.page.axis import Scale
from bds_async.watching.page.bars import MOST_BARS, NARROW
from bds_async.watching.page.shares import Cause, Shares
from bds_async.watching.page.spans import Spans
from bds_async.watching.page.timeline import timeline_of
from bds_async.watching.page.verdict import verdict
from tests.support.builders import an_extract, an_outcome
from tests.support.page_reader import Element, read_page
from tests.watching.a_run import HELD_BACK, STARTED, a_mirror, a_report, a_table

#: Names and errors that would be markup if they were not escaped, or that would affect the text around them.
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></svg><b>",
    "{{ 7 * 7 }}{% for %}",
    "&amp;&lt;",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\x00\x1b[31m\x85\r\n",
    "مرحبا بالعالم",
    "HTTPS://evil.example/http://x",
    "hhttp://ttp://x ftp://x ://x a:b:////x",
    "\udcff\ud800",
    "long" * 1000,
]
#: The elements of a page.
ELEMENTS = {
    *("", "html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "footer", "div"),
    *("h1", "h2", "p", "strong", "b", "span", "bdi", "ul", "li", "dl", "dt", "dd", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "desc", "rect", "line", "path", "text"),
}


def times(worker: int, began: float, seconds: float, **more: Any) -> AttemptTimes:
    """An attempt of 1000 bytes with an immediate answer, and these changes."""
    return AttemptTimes(**{"worker": worker, "began": began, "waited": 0.0, "seconds": seconds, "bytes": 1000} | more)


def fetched(*attempts: AttemptTimes, name: str = "Users", **changes: Any) -> Outcome:
    """A downloaded extract with these attempts; it is published at the end of the last one."""
    seconds = attempts[-1].ended - attempts[0].began
    usual: dict[str, Any] = {"extract": an_extract(data_set=name), "seconds": seconds, "attempt_times": attempts}
    return an_outcome(**usual | changes)


def document(*outcomes: Outcome, seconds: float = 10.0, **changes: Any) -> RunReportDocument:
    return RunReportDocument.of(a_report(*outcomes, seconds=seconds, **{"workers": 16} | changes))


def page(*outcomes: Outcome, **changes: Any) -> Element:
    return read_page(page_of(document(*outcomes, **changes)))


def said(*outcomes: Outcome, **changes: Any) -> str:
    spans = Spans(document(*outcomes, **changes))
    return verdict(spans, Shares(spans))


async def a_real_run(home: Path) -> RunReport:
    faults = (
        Fault.of("status", status=503, data_set="Users", first=2),
        Fault.of("status", status=404, data_set="User Enrollments"),
        Fault.of("status", on="download", status=429, retry_after=0.2, at=[4], counted="together"),
    )
    async with Sandbox(SandboxSettings(data_sets=20, scale=0.01, faults=faults)) as sandbox:
        sandbox.write_config(home / "config.json")
        return await pull(Config.load(home / "config.json", {}), home / "to", PullOptions(workers=4, attempts=3))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    """The report of a run with retries, a failure and a wait for the rate limit."""
    return asyncio.run(a_real_run(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def real_page(real: RunReport) -> str:
    """The page of this report, made from its JSON."""
    return page_of(read_run_report(real.to_json().encode()))


class TestARealRun:
    def test_each_worker_does_one_thing_at_a_time_and_each_try_is_timed(self, real):
        spans = Spans(RunReportDocument.of(real))
        assert set(spans.lanes) <= {1, 2, 3, 4}
        for lane in spans.lanes.values():
            assert all(one.ended <= other.began for one, other in pairwise(lane))
        assert all(0 <= span.began <= span.answered <= span.ended <= real.seconds for span in spans.all)
        for outcome in real.outcomes:
            failed = [each for each in outcome.attempt_times if each.error is not None]
            assert len(outcome.attempt_times) == outcome.attempts
            assert len(failed) == outcome.attempts - (outcome.status is Status.DOWNLOADED)
            if outcome.status is Status.DOWNLOADED:
                assert sum(each.bytes for each in outcome.attempt_times) == outcome.bytes

    def test_the_wait_for_the_rate_limit_is_in_it(self, real):
        (hold,) = real.holds
        assert hold.kind is HoldKind.RATE_LIMIT
        assert 0 < hold.began < hold.ended <= real.seconds

    def test_the_page_is_one_sound_file_that_refers_to_nothing(self, real_page):
        root = read_page(real_page)
        assert {each.tag for each in root} <= ELEMENTS
        assert re.findall(r"http|src=|url\(|@import|//", real_page, re.IGNORECASE) == []
        assert [each.attributes["href"] for each in root.all("a")] == ["#main"]
        assert root.all("html")[0].attributes["lang"] == "en"

    def test_it_says_what_happened(self, real_page, real):
        root = read_page(real_page)
        assert "A part failed exit code 3" in root.text
        assert f"downloaded {real.count(Status.DOWNLOADED)} already there 0 failed 1" in root.text
        assert "answered 404" in root.find("failures").text
        assert "Users 2" in root.find("retries").text
        assert "rate limit" in root.find("timeline").text
        for name in ("throughput", "extracts"):
            assert root.find(name).text

    def test_what_is_drawn_is_said_too(self, real_page):
        """For readers who cannot see it: each drawing has a title and a description, each table a caption."""
        root = read_page(real_page)
        drawings = [each for each in root.all("svg") if each.attributes.get("role") == "img"]
        assert len(drawings) == 3
        for drawing in drawings:
            assert [each.tag for each in drawing.children[:2]] == ["title", "desc"]
            assert all(each.text for each in drawing.children[:2])
        hidden = [each for each in root.all("svg") if each not in drawings]
        assert {each.attributes.get("aria-hidden") for each in hidden} == {"true"}
        for table in root.all("table"):
            assert table.children[0].tag == "caption"
            assert {each.attributes["scope"] for each in table.all("th")} == {"col", "row"}
        assert {each.attributes["tabindex"] for each in root if each.attributes.get("role") == "region"} == {"0"}


@pytest.fixture(scope="module")
def text() -> str:
    """A page with hostile text in every place for text from a server."""
    outcomes = [
        fetched(
            times(1, number, 0.2, bytes=0, error=name),
            times(1, number + 0.5, 0.4),
            name=name,
            schema_change=SchemaChange(ChangeKind.BREAKING, (name,), (name, name)),
            bytes=None,
        )
        for number, name in enumerate(HOSTILE)
    ]
    outcomes += [an_outcome(Status.FAILED, extract=an_extract(data_set=name), error=name) for name in HOSTILE]
    mirror = a_mirror(*(a_table(name, notes=(name,), problems=(HELD_BACK,)) for name in HOSTILE), error=HOSTILE[0])
    found = document(
        *outcomes,
        tenant=HOSTILE[0],
        command=HOSTILE[1],
        lacks=HOSTILE[2],
        ended_by=HOSTILE[1],
        mirror=mirror,
        gaps=[Gap(name, None, None, STARTED, name) for name in HOSTILE],
        failed=tuple(FailedList(name, None, name) for name in HOSTILE),
    )
    return page_of(found)


class TestNames:
    def test_nothing_of_a_server_becomes_markup(self, text):
        root = read_page(text)
        assert {each.tag for each in root} <= ELEMENTS
        assert {name for each in root for name in each.attributes if name.startswith("on")} == set()
        assert root.find("columns").text.count("<script>alert(1)</script>") >= 3
        assert "{{ 7 * 7 }}" in root.find("columns").text

    def test_what_is_shown_can_be_read_by_anything(self, text):
        """No control characters, no half surrogate pairs, no address that a reader turns into a link."""
        assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text) == []
        assert "http" not in text.lower()
        assert "://" not in text
        assert "evil.example/x" in text
        assert "long" * 60 not in text

    def test_names_of_any_direction_stand_apart(self, text):
        cells = [each for each in read_page(text) if "مرحبا" in each.own_text and each.tag != "title"]
        assert {each.tag for each in cells} == {"bdi"}


def many(count: int, name: str) -> Iterable[Outcome]:
    """`count` extracts, each with five failed attempts, by 64 workers."""
    for number in range(count):
        made = [times(number % 64 + 1, number / 9 + i, 0.6, bytes=0, error=f"{name} answered 503.") for i in range(5)]
        status = Status.FAILED if number % 2 else Status.DOWNLOADED
        extract = an_extract(data_set=f"{name} {number}", bds_type=BdsType.DIFFERENTIAL)
        known = {"extract": extract, "seconds": number / 50, "attempt_times": [*made, times(1, number / 9 + 6, 0.5)]}
        yield an_outcome(status, **known, error=f"{name} failed {number}" if number % 2 else None)


def test_a_page_of_2000_extracts_has_less_than_500_kilobytes():
    """With names of the maximum length, in which each character is escaped."""
    name = "<" * 4000
    gaps = [Gap(f"{name} {number}", None, STARTED, STARTED) for number in range(2000)]
    found = document(*many(2000, name), seconds=300.0, gaps=gaps, mirror=a_mirror(*[a_table(name)] * 2000))
    text = page_of(found)
    assert len(text.encode()) < 500_000
    assert "1,900 more rows are in the JSON report" in read_page(text).text
    lanes = timeline_of(Spans(found), None).lanes
    assert sum(len(lane.boxes) for lane in lanes) <= MOST_BARS


class TestDrawnTogether:
    def test_neighbours_too_narrow_to_be_seen_are_one_bar_and_others_their_own(self):
        """In a drawing of 1000 s, in which 1.2 s are visible."""
        tries = [times(1, 0, 1), times(1, 2, 1), times(1, 5, 1), times(1, 7, 20, waited=10), times(1, 27, 1)]
        drawn = timeline_of(Spans(document(fetched(*tries), fetched(times(1, 990, 10)), seconds=1000)), None)
        (lane,) = drawn.lanes
        assert [(box.kind, round(box.x, 3), round(box.width, 3)) for box in lane.boxes] == [
            ("data", 0, 0.3),
            ("data", 0.5, 0.15),
            ("answer", 0.7, 1),
            ("data", 1.7, 1),
            ("data", 2.7, 0.15),
            ("data", 99, 1),
        ]
        assert lane.boxes[0].title() == "2 tries, 2.0 kB"

    def test_each_moment_of_many_tries_is_placed_once(self, monkeypatch):
        """No matter how often the bars must be widened. Here a lane finally has eight bars and seven waits."""
        placed: list[float] = []
        at = Scale.at
        monkeypatch.setattr(Scale, "at", lambda scale, moment: placed.append(moment) or at(scale, moment))
        tries = [times(number % 8, number + number // 250 * 40, 0.9, error="x") for number in range(2000)]
        drawn = timeline_of(Spans(document(fetched(*tries), seconds=2300)), None)
        assert len(placed) < 6 * len(tries) + 100
        assert [len(lane.boxes) for lane in drawn.lanes] == [8 + 7] * 8

    def test_holds_without_a_visible_time_between_them_are_one_band(self):
        limit, outage = HoldKind.RATE_LIMIT, HoldKind.OUTAGE
        holds = [Hold(limit, 300, 10), Hold(limit, 100, 10), Hold(limit, 105, 6), Hold(limit, 112, 8)]
        spans = Spans(document(fetched(times(1, 0, 1000)), seconds=1000, holds=[*holds, Hold(outage, 110, 5)]))
        drawn = timeline_of(spans, None).holds
        assert [(box.kind, round(box.x, 3), round(box.width, 3), box.title()) for box in drawn] == [
            ("limit", 10, 2, "Rate limit, 3 times: no new request for 19 s"),
            ("limit", 30, 1, "Rate limit: no new request for 10 s"),
            ("outage", 11, 0.5, "Outage: no new request for 5.0 s"),
        ]

    def test_the_bands_of_20_000_holds_are_no_more_than_can_be_seen(self):
        holds = [Hold(HoldKind.RATE_LIMIT, number / 10, 0.05) for number in range(20_000)]
        spans = Spans(document(fetched(times(1, 0, 2000)), seconds=2000, holds=holds))
        assert len(timeline_of(spans, None).holds) <= 100 / NARROW + 1


class TestOtherReports:
    @pytest.mark.parametrize(
        ("outcomes", "words"),
        [
            ([], "There was nothing to fetch."),
            ([an_outcome(Status.SKIPPED)] * 2, "2 extracts had been delivered before"),
            ([an_outcome(Status.PENDING)], "the run ended before the turn of 1 extract"),
            ([an_outcome()], "its report has no times of transfers"),
        ],
    )
    def test_a_run_without_attempts_has_no_drawing_and_says_why(self, outcomes, words):
        root = page(*outcomes)
        assert words in root.find("main").text
        assert [each for each in root.all("svg") if each.attributes.get("role") == "img"] == []

    def test_what_ended_the_run_is_said_first(self):
        text = page(fetched(times(1, 1, 2)), exit_code=143, ended_by="Stopped by SIGTERM; run again.").text
        assert "Stopped by a signal exit code 143" in text
        assert text.index("It ended early. Stopped by SIGTERM") < text.index("Totals")

    def test_an_attempt_that_was_stopped_before_its_answer_is_a_wait_alone(self):
        spans = Spans(document(an_outcome(Status.PENDING, attempt_times=(times(1, 1, 5, waited=5, bytes=0),))))
        (lane,) = timeline_of(spans, None).lanes
        assert [box.kind for box in lane.boxes] == ["answer"]

    def test_a_gap_has_the_moments_that_are_known(self):
        gaps = [
            Gap("Users", None, STARTED, None),
            Gap("Tools", None, None, STARTED, "x"),
            Gap("Logs", None, None, None),
        ]
        assert (
            page(gaps=gaps)
            .find("gaps")
            .text.endswith("Users after 2026-11-22 05:00:00 open Logs – open Tools before 2026-11-22 05:00:00 x")
        )

    def test_an_attempt_without_duration_can_be_drawn(self):
        assert page(fetched(times(1, 0, 0)), seconds=0.0).find("timeline")

    @pytest.mark.parametrize("began", [5e9, 1e10, 1e17])
    def test_attempts_too_late_for_a_small_time_can_be_drawn(self, began):
        """Their seconds are so large that a part of the drawing is less than the resolution of a float."""
        drawn = page(fetched(times(1, began, 0)), fetched(times(2, began, 0)), seconds=began)
        assert drawn.find("timeline")
        assert "Peak" in drawn.find("throughput").text

    def test_without_jinja2_the_error_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
        with pytest.raises(ConfigError, match=r"pip install 'bds-async\[report\]'"):
            demand_package()


def lanes_of(count: int, seconds: float = 6.0, **more: Any) -> list[Outcome]:
    return [fetched(times(worker, 1, seconds, **more), name=f"Set {worker}") for worker in range(1, count + 1)]


class TestWhatLimitedTheRun:
    def test_the_lists(self):
        outcomes = lanes_of(4, 2)
        late = [fetched(times(each.attempt_times[0].worker, 7, 2)) for each in outcomes]
        assert "before the first download" in said(*late)
        assert "Among the downloads, the transfer of data set the pace" in said(*late)

    def test_the_transfer_of_data(self):
        assert said(*lanes_of(4)).startswith(
            "The transfer of data set the pace: most workers were receiving for 6.0 s of"
        )

    def test_the_limit_of_the_rate(self):
        text = said(*lanes_of(4, bytes=6000), limit_rate=4000)
        assert text.startswith("The limit --limit-rate set the pace: 4.0 kB/s")

    def test_the_answers(self):
        assert said(*lanes_of(4, waited=5.5)).startswith("The tenant's answers set the pace: for 5.5 s of 10 s")

    def test_retries(self):
        lost = [(times(n, 1, 1, bytes=0, error="h answered 503."), times(n, 6, 1)) for n in (1, 2, 3)]
        text = said(*(fetched(*each) for each in lost))
        assert text.startswith(
            "Failed tries and the waits after them set the pace: 5.0 s of 10 s. 3 of 6 tries failed."
        )
        assert text.endswith("The most frequent reason: h answered 503.")

    @pytest.mark.parametrize(
        ("kind", "words"), [(HoldKind.RATE_LIMIT, "The tenant's rate limit"), (HoldKind.OUTAGE, "An outage")]
    )
    def test_the_rate_limit_and_an_outage(self, kind, words):
        """Even if the attempts that wait for its end fail afterwards."""
        held = [fetched(times(worker, 1, 6, bytes=0, waited=6, error="x"), times(worker, 8, 1)) for worker in (1, 2)]
        text = said(*held, holds=[Hold(kind, 1, 4), Hold(kind, 3, 3)], counters=Counters(rate_limit_waits=2))
        assert text.startswith(f"{words} set the pace")
        assert "5.0 s of 10 s" in text

    def test_bodies_that_go_on_while_the_rate_limit_holds_are_no_wait(self):
        assert "transfer of data" in said(*lanes_of(4), holds=[Hold(HoldKind.RATE_LIMIT, 1, 6)])

    def test_one_huge_extract(self):
        huge = fetched(times(1, 1, 8.5), name="Huge {0}", bytes=7_000_000)
        text = said(huge, *(fetched(times(worker, 1, 1)) for worker in range(2, 9)))
        assert text.startswith(
            "One extract set the pace: Huge {0} (7.0 MB) was still under way for 7.5 s of 10 s after"
        )
        assert "the extract that ended last" in page(huge, *lanes_of(3, 1)).find("timeline").text

    def test_a_slow_tail(self):
        slow = [fetched(times(worker, 1, 8 + worker / 10), name=f"Slow {worker}") for worker in (1, 2)]
        text = said(*slow, *(fetched(times(worker, 1, 1)) for worker in range(3, 17)))
        assert text.startswith("A slow tail set the pace: for 7.1 s of 10 s at most 4 of 16 workers had work left.")
        assert text.endswith("The last to end: Slow 2, Slow 1, Users.")

    def test_publishing_and_the_mirror(self):
        outcome = fetched(times(1, 0.5, 1), seconds=9.0)
        assert said(outcome).startswith("Verifying and publishing set the pace: 8.0 s of 10 s")
        mirrored = said(fetched(times(1, 0.5, 1)), mirror=a_mirror(a_table()))
        assert mirrored.startswith("The mirror set the pace: applying the extracts took 8.5 s of 10 s.")

    @settings(max_examples=40)
    @given(
        st.lists(st.tuples(st.integers(1, 4), st.floats(0, 20), st.floats(0, 5), st.floats(0, 1), st.booleans())),
        st.lists(st.tuples(st.sampled_from(HoldKind), st.floats(0, 30), st.floats(0, 30))),
    )
    def test_each_moment_counts_once_and_every_bar_is_in_the_drawing(self, made, held):
        outcomes = [
            fetched(times(worker, began, seconds, waited=seconds * share, error="x" if bad else None))
            for worker, began, seconds, share, bad in made
        ]
        spans = Spans(document(*outcomes, holds=[Hold(*each) for each in held]))
        shares = Shares(spans)
        assert sum(shares.seconds.values()) == pytest.approx(spans.seconds if made else 0)
        assert set(shares.seconds) <= {*Cause}
        if made:
            drawn = timeline_of(spans, None)
            boxes = [box for boxes in (drawn.holds, *(lane.boxes for lane in drawn.lanes)) for box in boxes]
            assert all(box.x >= 0 and box.width > 0 and box.x + box.width <= 100.01 for box in boxes)


def luminance(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_and_drawings_of_3(scheme):
    css = files("bds_async.watching.page").joinpath("run-report.css").read_text("utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css.split(":root {")[scheme + 1]))
    for text in ("ink", "soft", "link", "bad", "fair"):
        assert contrast(colours[text], colours["card"]) >= 4.5, text
    assert min(contrast(colours[text], colours["ground"]) for text in ("ink", "soft")) >= 4.5
    for badge in ("good", "fair", "bad"):
        assert contrast(colours[badge], colours[f"{badge}-ground"]) >= 4.5, badge
    for drawn in ("data", "answer", "failed", "retry", "key", "lists", "publish", "mirror", "tail", "outage"):
        assert contrast(colours[drawn], colours["card"]) >= 3, drawn
