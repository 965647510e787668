"""One extract from a signed link to a verified file, without tenant and ledger."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from yarl import URL

from bds_async.brightspace import Storage
from bds_async.brightspace.http import Transport
from bds_async.errors import LinkExpired
from bds_async.formats import format_of
from bds_async.options import PublishAs, Verify
from bds_async.planning import Step
from bds_async.runs.one_extract import Assignment, FetchOptions, OneExtract
from bds_async.sandbox import Fault
from bds_async.support.threads import ZipThreads
from bds_async.workspace import workspace_of
from tests.conftest import Connect, StartSandbox

OPTIONS = FetchOptions(attempts=3, stall_timeout=10, verify=Verify.FULL)


@pytest.mark.usefixtures("quick_retries")
async def test_it_retries_here_resumes_and_asks_nothing_of_the_tenant(
    start_sandbox: StartSandbox, connect: Connect, tmp_path: Path
) -> None:
    """A damaged body is fetched again; an expired link ends the fetch, and the next link resumes it."""
    sandbox = await start_sandbox(data_sets=1, huge_bytes=70_000_000)
    tenant = await connect(sandbox)
    listed = [extract async for data_set in tenant.data_sets() async for extract in tenant.extracts(data_set)]
    extract = max(listed, key=lambda each: each.download_size or 0)
    step, workspace = Step(extract, "Huge", "Huge/full/huge.zip"), workspace_of(tmp_path)
    workspace.prepare()
    # Of the five ranges, the third breaks off once, and the fourth is refused.
    sandbox.play(Fault.of("reset", at=(3,)), Fault.of("status", status=403, at=(5,)))
    asked = len(sandbox.requests)
    async with Transport() as transport:

        async def one() -> OneExtract:
            link = await tenant.signed_link(URL(extract.download_link))
            assert link is not None
            source = Storage(tenant.origin, transport)
            return OneExtract(Assignment(step, link, workspace), source, format_of(PublishAs.ZIP), OPTIONS)

        with ZipThreads(1) as threads:
            first = await one()
            with pytest.raises(LinkExpired):
                await first.staged(threads)
            held = first.download.partial.held_bytes
            assert 0 < held < (extract.download_size or 0)
            again = await one()
            staged = await again.staged(threads)
    assert again.download.resumed_bytes == held
    assert staged.checked.sha256 == hashlib.sha256(staged.path.read_bytes()).hexdigest()
    to_tenant = [each for each in list(sandbox.requests)[asked:] if each.kind == "download" and each.authorised]
    assert len(to_tenant) == 2
