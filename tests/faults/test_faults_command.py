"""How a person sees failures: exit code 3, each reason in words, no traceback and no secret."""

import json

from bds_async.sandbox import Fault
from tests.faults.playing import SECRETS, published
from tests.support.commands import bds

#: A fault for each data set, and the message about it.
FAILURES = {
    "Users": (Fault.of("html", data_set="Users"), "sent an HTML page in place of a zip"),
    "User Enrollments": (Fault.of("corrupt", data_set="User Enrollments"), "is damaged"),
    "Organizational Units": (Fault.of("status", status=404, data_set="Organizational Units", on="download"), "404"),
    "Role Details": (Fault.of("zip", shape="encrypted", data_set="Role Details"), "is encrypted"),
    "Grade Objects": (Fault.of("redirect", on="download", data_set="Grade Objects"), "redirects in a circle"),
}


async def test_failures_are_told_one_by_one_and_everything_else_arrives(start_sandbox, tmp_path):
    lost = Fault.of("status", status=400, on="extracts", data_set="Organizational Unit Ancestors")
    sandbox = await start_sandbox(data_sets=8, faults=(*(fault for fault, _ in FAILURES.values()), lost))
    sandbox.write_config(tmp_path / "config.json")
    places = ["--config", tmp_path / "config.json", "--to", tmp_path / "to", "--report", tmp_path / "report.json"]
    done = await bds("pull", *places, "--attempts", 2)
    assert (done.code, done.complaints) == (3, [])
    assert not SECRETS.search(done.err)
    report = json.loads((tmp_path / "report.json").read_text())
    errors = {entry["data_set"]: entry["error"] for entry in report["extracts"] if entry["status"] == "failed"}
    assert errors.keys() == FAILURES.keys()
    for data_set, (_, words) in FAILURES.items():
        assert words in errors[data_set]
        assert errors[data_set] in done.err
    assert [failed["data_set"] for failed in report["failed_lists"]] == ["Organizational Unit Ancestors"]
    assert "Organizational Unit Ancestors: Could not fetch its extract list: " in done.err
    assert len(published(tmp_path / "to")) == report["totals"]["downloaded"] == 8 - len(FAILURES) - 1
