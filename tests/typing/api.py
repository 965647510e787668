"""The public API as a user's program uses it: checked by mypy --strict and pyright, never run."""

from __future__ import annotations

from pathlib import Path

from bds_async import (
    AuthorisationError,
    BdsError,
    Config,
    ConfigError,
    DataSet,
    Delivery,
    DestinationError,
    Ended,
    Event,
    Extract,
    Fault,
    Finished,
    FolderBusy,
    Gap,
    Held,
    Ledger,
    Listing,
    Mirrored,
    Mirroring,
    OutageBegan,
    Outcome,
    Planned,
    PublishAs,
    PullOptions,
    Received,
    RunPlan,
    RunReport,
    Started,
    Status,
    Step,
    Stop,
    Stopped,
    SyncOptions,
    SyncPlan,
    Tenant,
    UnreachableError,
    Verification,
    Verify,
    Wanted,
    Warned,
    __version__,
    connect_tenant,
    preview_pull,
    preview_sync,
    pull,
    read_ledger,
    read_listing,
    repair,
    sync,
    verify,
)


def observe(event: Event) -> None:
    """Every event has its own fields."""
    match event:
        case Planned(extracts=extracts, skipped=skipped):
            count: int = len(extracts) + skipped
            print(count)
        case Started(extract=extract) | Received(extract=extract):
            name: str = extract.data_set
            print(name)
        case Ended(outcome=outcome):
            show(outcome)
        case Held(why=why, seconds=seconds):
            print(why, seconds + 0.5)
        case OutageBegan() | Warned():
            print(event)
        case Mirroring() | Mirrored():
            show_mirror(event)
        case Finished(report=report):
            print(report.exit_code)
        case _:
            pass


def show_mirror(event: Mirroring | Mirrored) -> None:
    """The progress of a mirror."""
    match event:
        case Mirroring(extracts=number):
            print(number + 1)
        case Mirrored(table=table, extract=applied):
            print(table.upper(), applied.rows + applied.deleted)


def show(outcome: Outcome) -> None:
    """The outcome of one extract."""
    path: str | None = outcome.path
    if outcome.status is Status.DOWNLOADED and path is not None:
        print(path.upper(), outcome.extract.version)


async def bulk(config: Config) -> RunReport:
    """One-shot pulls, by text and by path."""
    options = PullOptions(data_set=("Users",), wanted=Wanted.ALL, publish_as=PublishAs.CSV, verify=Verify.FAST)
    plan: RunPlan = await preview_pull(config, "data", options)
    steps: tuple[Step, ...] = plan.steps
    print(len(steps))
    await pull(config, Path("data"), options, observer=observe, save=lambda report: print(report.to_json()))
    return await pull(config, "data", state="state", stop=asked_to_end(Stop()))


def asked_to_end(stop: Stop) -> Stop:
    """A stop needs no reason; text or an error is one."""
    stop.request()
    stop.request("The disk is needed.")
    stop.request(Stopped("Time is up.", 3))
    return stop


async def scheduled(config: Config) -> list[Gap]:
    """The scheduled job and what it missed."""
    plan: SyncPlan = await preview_sync(config)
    print(plan.gaps)
    report = await sync(config, "data", SyncOptions(mirror="duckdb:mirror.duckdb", delete_limit=30.0))
    if report.mirror is not None:
        print(report.mirror.target, [table.inserted + table.drift for table in report.mirror.tables])
    return [gap for gap in report.gaps if gap.closed_by is None]


async def examined(config: Config) -> int:
    """Verification, repair and the ledger."""
    found: Verification = await verify("data")
    mended = await repair(config, "data", observer=observe)
    with read_ledger("data") as ledger:
        known: Ledger = ledger
        deliveries: list[Delivery] = list(known.deliveries.all())
    return found.count(Fault.CORRUPT) + mended.exit_code + len(deliveries)


async def browsed(config: Config) -> dict[str, list[Extract]]:
    """What the tenant lists."""
    listing: Listing = await read_listing(config)
    print(len(listing.extracts))
    found: dict[str, list[Extract]] = {}
    async with connect_tenant(config) as tenant:
        site: Tenant = tenant
        async for data_set in site.data_sets():
            known: DataSet = data_set
            found[known.name] = [extract async for extract in site.extracts(known)]
    return found


def code_of(error: BdsError) -> int:
    """Errors are classified by who must act, and have their exit code."""
    if isinstance(error, ConfigError | AuthorisationError | DestinationError):
        print("a person must act")
    elif isinstance(error, FolderBusy | UnreachableError | Stopped):
        print("run again")
    return error.exit_code


#: Text is accepted for paths and secrets.
CONFIG = Config(bspace_url="https://school.example", client_id="x", client_secret="s", token_file="token")
VERSION: str = __version__
