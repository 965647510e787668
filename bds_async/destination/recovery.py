"""What a killed run was about to publish: this run finishes it, and tells of it as of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ..brightspace.catalogue.listing import Listing
from ..columns import SchemaChange
from ..ledger import Delivery
from ..models import Extract, Identity
from ..report import Outcome, Status
from .publishing import Publisher


async def finish_leftovers(publisher: Publisher, listing: Listing) -> list[Outcome]:
    """Finish what is left of a former run; the outcomes, since no report has told of them yet.

    Raises as the publisher does.
    """
    settled = await publisher.reconcile()
    listed = {extract.identity: extract for extract in _all(listing)} if settled else {}
    return [_outcome(each, listed, await publisher.change_of(each)) for each in settled]


def _all(listing: Listing) -> Iterator[Extract]:
    return (extract for extracts in listing.extracts.values() for extract in extracts)


def _outcome(delivery: Delivery, listed: dict[Identity, Extract], change: SchemaChange | None) -> Outcome:
    return Outcome(
        listed.get(delivery.identity) or _extract(delivery),
        Status.DOWNLOADED,
        path=delivery.path,
        bytes=delivery.bytes,
        sha256=delivery.sha256,
        columns=delivery.columns,
        schema_change=change,
    )


def _extract(delivery: Delivery) -> Extract:
    """What the ledger knows of an extract that is not listed, or was not asked for."""
    identity = delivery.identity
    return Extract(
        delivery.data_set,
        delivery.schema_id,
        identity.plugin_id,
        identity.bds_type,
        identity.queued_for_processing_date,
        identity.created_date,
        identity.version,
        download_link="",
    )
