"""A sample download: whether it arrives whole, and observations of the answers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path

import aiofiles
import aiohttp

from ..brightspace import Listing, Tenant, to_url
from ..brightspace.http import chunks
from ..brightspace.retry import Tries, retrying
from ..errors import ExtractError
from ..formats import decode_zip, format_of
from ..formats.zip_members import members_of
from ..models import BdsType, Extract, newest
from ..options import PublishAs, Verify
from ..support.text import size_text
from ..workspace import writing_to
from .reach import ATTEMPTS
from .steps import Case, CheckStatus, Finding
from .storage_traits import AS_IT_IS, Downloaded, described, probed, shown
from .token import STALL_TIMEOUT

#: Upper bound for the members of a zip whose names are recorded.
_MEMBERS = 20


async def check_download(case: Case) -> Finding:
    """Check that a small full arrives whole, and record observations of the answers."""
    full = _sample(case[Listing])
    if full is None:
        return Finding("No full has been generated yet.", CheckStatus.SKIPPED)
    temporary = Path(tempfile.gettempdir())
    with writing_to(temporary), tempfile.TemporaryDirectory(prefix="bds-async-doctor-") as folder:
        downloaded = await _download(case[Tenant], full, Path(folder) / "full.zip")
        case.observations["full"] = {
            **described(case[Tenant], case.now(), full, downloaded),
            **await probed(case[Tenant], downloaded),
        }
        await _observe_differential(case, full, Path(folder) / "differential.zip")
    return Finding(f"{full}: {size_text(downloaded.size)}, whole and verified.")


def _sample(listing: Listing) -> Extract | None:
    """The smallest of the newest fulls, preferably of a data set with a differential, to compare their inner names."""
    fulls = {newest(_of_type(listed, BdsType.FULL)): listed for listed in listing.extracts.values()}
    paired = [full for full, listed in fulls.items() if full and _of_type(listed, BdsType.DIFFERENTIAL)]
    return smallest(paired) or smallest(full for full in fulls if full)


def smallest(extracts: Iterable[Extract]) -> Extract | None:
    """The extract with the smallest listed size; unknown sizes count as largest."""
    return min(extracts, key=lambda extract: (extract.download_size is None, extract.download_size), default=None)


def _of_type(extracts: Iterable[Extract], bds_type: BdsType) -> list[Extract]:
    return [extract for extract in extracts if extract.bds_type is bds_type]


async def _observe_differential(case: Case, full: Extract, path: Path) -> None:
    """Record the inner names of a differential of the same data set; a failed download is recorded, not raised."""
    listed = next(extracts for extracts in case[Listing].extracts.values() if full in extracts)
    differential = smallest(_of_type(listed, BdsType.DIFFERENTIAL))
    if differential is None:
        return
    try:
        downloaded = await _download(case[Tenant], differential, path)
    except ExtractError as error:
        case.observations["differential"] = {"error": str(error)}
        return
    seen = described(case[Tenant], case.now(), differential, downloaded)
    case.observations["differential"] = seen
    case.observations["same_inner_names"] = seen["members"] == case.observations["full"]["members"]


async def _download(tenant: Tenant, extract: Extract, path: Path) -> Downloaded:
    async for attempt in retrying(Tries(ATTEMPTS), extract):
        with attempt:
            async with tenant.open(to_url(extract.download_link), AS_IT_IS) as response:
                await _save(response, path)
            size, members = await asyncio.to_thread(_verified, path)
            return Downloaded(response.url, response.headers, size, members)
    raise AssertionError("unreachable: the last failure is raised")


async def _save(response: aiohttp.ClientResponse, path: Path) -> None:
    async with aiofiles.open(path, "wb") as file:
        async for chunk in chunks(response, STALL_TIMEOUT):
            await file.write(chunk)


def _verified(path: Path) -> tuple[int, tuple[str, ...]]:
    decode_zip(path)
    checked = format_of(PublishAs.ZIP).check(path, Verify.FULL)
    with path.open("rb") as file:
        return checked.bytes, tuple(shown(member.name) for member in members_of(file, checked.bytes)[:_MEMBERS])
