"""All settings of the sandbox tenant, in one frozen class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from .data.events import HardDelete, LateExtract, Reissue, SchemaChange
from .faults import Fault

#: Scopes that a consent grants by default: the new routes, and listing and downloading by the old ones.
DEFAULT_SCOPES = frozenset({"datasets:bds:read", "datahub:dataexports:read", "datahub:dataexports:download"})
#: The versions of the LP API that the tenant supports.
DEFAULT_LP_VERSIONS = tuple(f"1.{minor}" for minor in range(15, 64))


def todays_midnight() -> datetime:
    """Return the last UTC midnight: a moment that stays the same all day."""
    return datetime.combine(datetime.now(UTC).date(), time(), UTC)


@dataclass(frozen=True)
class SandboxSettings:
    """The tenant's data, and how the tenant serves it.

    Durations are seconds unless the name says otherwise. Two sandboxes with the same settings and the same `now` list
    the same extracts and serve byte-identical zips.
    """

    # What it holds.
    seed: int = 0
    #: Number of data sets; numbered ones follow the 139 documented ones.
    data_sets: int = 139
    #: Multiplies the row counts; at 1 the zips of the newest fulls have about 30 MB in total, the largest about 7 MB.
    scale: float = 1.0
    #: Rows inserted per day, as a share of the row count.
    growth_per_day: float = 0.0004
    #: Size of one additional full extract that does not compress; 0 leaves it out.
    huge_bytes: int = 0
    #: The moment at which the tenant's clock starts; None is the last UTC midnight.
    now: datetime | None = None
    version: str = "9.4"
    differential_hours: float = 24.0
    differential_retention_days: float = 14.0
    full_days: float = 7.0
    full_retention_days: float = 21.0
    #: Patterns of data sets whose `Differential` (or `Full`) is null.
    without_differential: tuple[str, ...] = ("Role Details", "Tools")
    without_full: tuple[str, ...] = ()
    #: Name patterns of fulls (or of differentials, with their suffix) that never have an extract.
    never_generated: tuple[str, ...] = ("CPD Methods Differential", "Portfolio Categories Differential")

    # What its rows are like.
    #: Fulls of windowed data sets hold only the rows inside the window.
    windows: bool = False
    #: Keys of neighbouring rows differ in the seventh digit of a moment, or else in the letter case of a text.
    close_keys: bool = False
    #: Share (0 to 1) of a differential's rows that appear twice: in an earlier state and in the newest one.
    doubled_rows: float = 0.0

    # What happens over time.
    schema_changes: tuple[SchemaChange, ...] = ()
    late_extracts: tuple[LateExtract, ...] = ()
    reissues: tuple[Reissue, ...] = ()
    hard_deletes: tuple[HardDelete, ...] = ()

    # The tenant.
    lp_versions: tuple[str, ...] = DEFAULT_LP_VERSIONS
    #: Which families of routes the tenant has: "new", "old".
    route_families: frozenset[str] = frozenset({"new", "old"})
    page_size: int = 20
    extract_page_size: int = 50
    rate_credits: int = 50_000
    rate_window: float = 60.0
    request_cost: int = 10
    #: "seconds" or "date": the form of `Retry-After` (RFC 9110 section 10.2.3).
    retry_after_form: str = "seconds"

    # The auth service.
    scopes: frozenset[str] = DEFAULT_SCOPES
    access_token_life: float = 3600.0
    authorization_code_life: float = 120.0

    # The storage.
    signed_link_life: float = 300.0
    ranges: bool = True
    etags: bool = True
    #: Serve the bytes from the tenant itself, without a redirect to the storage.
    direct: bool = False
    #: Bytes per second for each connection that carries a body; None means unlimited.
    bandwidth: float | None = None

    # All three.
    #: Ports are port (auth), port+1 (tenant) and port+2 (storage); 0 means free ports.
    port: int = 0
    #: Delay before each answer.
    latency: float = 0.0
    #: Size limit of the temporary folder for archives; the least recently used are dropped, and generated again on
    #: demand.
    spool_bytes: int = 2 * 1024**3
    #: Misbehaviour on demand.
    faults: tuple[Fault, ...] = ()
    #: Number of requests that the log keeps.
    log_length: int = 20_000

    def __post_init__(self) -> None:
        """Check the values (ValueError); a moment without a time zone would differ from machine to machine."""
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("SandboxSettings.now needs a time zone")
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError("SandboxSettings.bandwidth is above 0, or None")
        if self.data_sets < 0 or self.scale <= 0 or self.port < 0 or self.growth_per_day < 0:
            raise ValueError("SandboxSettings: data_sets, port and growth_per_day are not negative, scale is above 0")
        if not all(0 <= share <= 1 for share in (self.doubled_rows, *(event.share for event in self.hard_deletes))):
            raise ValueError("SandboxSettings: shares of rows are between 0 and 1")
