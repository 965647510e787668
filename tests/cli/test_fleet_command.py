"""`bds-async fleet`: many tenants in one command, independent of each other."""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import click
import pytest

from bds_async.brightspace.auth import TokenRefresher
from bds_async.cli.fleet.command import carried_out, command, parsed
from bds_async.cli.fleet.member import Bound, members_of
from bds_async.cli.help import EXAMPLES
from bds_async.cli.main import cli
from bds_async.cli.options.settings import Settings
from bds_async.errors import ConfigError
from bds_async.recipes import recipe
from bds_async.sandbox import Fault
from bds_async.sandbox.seen import Counters
from bds_async.support.running import Stop
from tests.support.commands import bds, starting, until
from tests.support.fleets import report_of, running_fleet
from tests.support.machine import checked

TENANT = '[[tenant]]\nname = "{0}"\nconfig = "{0}.json"\nto = "to/{0}"\n'


async def test_all_other_tenants_are_delivered_beside_a_dead_token_and_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is the worst one, each tenant has its own, and no live token is refused."""
    monkeypatch.setattr(TokenRefresher.__init__, "__kwdefaults__", {"first_patience": 0, "patience": 0})
    names = [f"tenant-{number}" for number in range(8)]
    async with running_fleet(tmp_path, names, data_sets=1) as fleet:
        file = fleet.write()
        fleet.sandboxes["tenant-1"].revoke_refresh_tokens()
        await fleet.sandboxes["tenant-5"].go_away()
        members = members_of(file, "pull", Settings(), Bound(16))
        report = await carried_out(members, "pull", 4, 16, Stop())
        found = checked("fleet-report", report.document())
        broken = {"tenant-1": 4, "tenant-5": 5}
        assert {each["name"]: each["exit_code"] for each in found["tenants"]} == {**dict.fromkeys(names, 0), **broken}
        assert (found["command"], found["exit_code"]) == ("fleet pull", 4)
        for each in found["tenants"]:
            is_broken = each["name"] in broken
            assert (each["report"] is None, each["error"] is not None) == (is_broken, is_broken)
            assert len(fleet.files(each["name"])) == (0 if is_broken else 1)
        live = [sandbox for name, sandbox in fleet.sandboxes.items() if name not in broken]
        assert sum(sandbox.counters.refused_exchanges for sandbox in live) == 0


async def test_the_command_writes_one_report_and_names_the_tenant_in_each_line(tmp_path: Path) -> None:
    async with running_fleet(tmp_path, ["yale", "brock", "delft"]) as fleet:
        file = fleet.write("with_fulls = true", groups={"brock": "canada", "delft": "europe"})
        fleet.sandboxes["brock"].revoke_refresh_tokens()
        fleet.sandboxes["delft"].play(Fault.of("status", status=404, on="download", bds_type="Full"))
        done = await bds("fleet", file, "--report", tmp_path / "fleet.json", "--log-format", "json")
        assert (done.code, done.out) == (4, "")
        lines = [json.loads(line) for line in done.err.splitlines()]
        assert {line["tenant"] for line in lines if line["event"] in ("run.finished", "error")} == {
            "yale",
            "brock",
            "delft",
        }
        assert [line["message"] for line in lines][-1].startswith(
            "1 of 3 tenants done; exit code 4: brock; exit code 3: delft."
        )
        (refused,) = [line["message"] for line in lines if line["event"] == "error"]
        assert refused.startswith("brock: ")
        assert f"`bds-async login --config {tmp_path / 'brock.json'}`" in refused
        report = checked("fleet-report", report_of(tmp_path / "fleet.json"))
        assert [(each["name"], each["group"], each["exit_code"]) for each in report["tenants"]] == [
            ("yale", None, 0),
            ("brock", "canada", 4),
            ("delft", "europe", 3),
        ]
        assert [each["report"] and each["report"]["exit_code"] for each in report["tenants"]] == [0, None, 3]

        again = await bds("fleet", "pull", file, "--group", "europe", "-q")
        assert again.code == 2
        assert "[defaults], tenant yale: pull has no option 'with_fulls': it belongs to sync." in again.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_a_report_that_cannot_be_written_loses_neither_the_summary_nor_the_worse_code(tmp_path: Path) -> None:
    """Exit code 2 of a tenant wins over the 6 of the report, which wins over 0."""
    async with running_fleet(tmp_path, ["yale"], data_sets=1) as fleet:
        for more, code, last in ((["nowhere"], 2, "report.failed"), ([], 6, "error")):
            done = await bds("fleet", fleet.write(more=more), "--report", "/dev/full", "--log-format", "json")
            summary, failed = [json.loads(line) for line in done.err.splitlines()][-2:]
            assert (done.code, summary["event"], failed["event"]) == (code, "fleet.finished", last)
            assert "The report /dev/full can't be written" in failed["message"]


async def test_check_names_each_tenant_and_writes_nothing_in_a_destination(tmp_path: Path) -> None:
    async with running_fleet(tmp_path, ["yale", "brock"]) as fleet:
        file = fleet.write(more=["nowhere"])
        done = await bds("fleet", "--check", file, "--report", tmp_path / "check.json")
    assert done.code == 2
    assert {"yale:", "brock:", "nowhere:"} <= {*done.out.splitlines()}
    assert "--json" not in done.out
    assert not (tmp_path / "to").exists()
    report = checked("fleet-report", report_of(tmp_path / "check.json"))
    assert (report["command"], report["exit_code"]) == ("fleet check", 2)
    assert {each["name"]: each["exit_code"] for each in report["tenants"]} == {"yale": 0, "brock": 0, "nowhere": 2}


async def test_a_signal_stops_every_run_in_an_orderly_way(tmp_path: Path) -> None:
    """Current runs end, later ones do not begin, and the report says both."""
    async with running_fleet(tmp_path, ["yale", "brock", "delft"], bandwidth=2_000, scale=0.2) as fleet:
        file, report = fleet.write(), tmp_path / "fleet.json"
        async with starting("fleet", file, "--tenants-at-once", 2, "--report", report) as running:
            under_way = [fleet.sandboxes["yale"].counters, fleet.sandboxes["brock"].counters]
            await until(lambda: all(each.bodies_in_flight for each in under_way))
            done = await running.stopped_by(signal.SIGTERM, within=10)
        assert (done.code, done.complaints) == (143, [])
        found = report_of(report)["tenants"]
        assert [each["exit_code"] for each in found] == [143, 143, 143]
        assert [each["report"] is not None for each in found] == [True, True, False]
        assert fleet.sandboxes["delft"].counters.requests == 0


async def test_workers_bound_the_bodies_of_all_tenants_together(tmp_path: Path) -> None:
    """At most 2, since the server counts a body slightly longer than the client; without a bound it would be 3."""
    async with running_fleet(tmp_path, ["yale", "brock", "delft"], bandwidth=20_000) as fleet:
        together = Counters()
        for sandbox in fleet.sandboxes.values():
            sandbox._tenant.log.counters = together
        members = members_of(fleet.write(), "pull", Settings(), Bound(1))
        report = await carried_out(members, "pull", 3, 1, Stop())
        assert (report.exit_code, together.most_bodies_in_flight <= 2) == (0, True)


@pytest.fixture
def fleet_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "fleet.toml").write_text(text, "utf-8")
        return tmp_path / "fleet.toml"

    return write


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[tenant]\n", "is not TOML"),
        ("", "names no tenant"),
        ("tenant = 3\n", "names no tenant"),
        ('[[tenant]]\nname = "yale"\nto = "to"\n', "tenant 1 (yale) lacks the key 'config'"),
        ('[[tenant]]\nname = "a\\u0007b"\nconfig = "c"\nto = "to"\n', "needs name as a text of one line"),
        (TENANT.format("yale") + "group = 3\n", "needs group as a text"),
        (TENANT.format("yale") + "worker = 3\n", "unknown key 'worker'"),
        ("[default]\nforce = true\n" + TENANT.format("yale"), "did you mean defaults?"),
        (TENANT.format("yale") * 2, "two tenants have the name yale"),
        (TENANT.format("yale") + TENANT.format("brock").replace("to/brock", "to/../to/yale"), "the same destination"),
        (
            "[defaults]\nreport = 'r.json'\n" + TENANT.format("yale") + TENANT.format("brock"),
            "r.json would overwrite the report of the tenant yale",
        ),
        ("[defaults]\nstate = 'x'\n" + TENANT.format("yale"), "state is a key of the tenant"),
        ("[defaults]\nwith-fulls = true\n" + TENANT.format("yale"), "did you mean with_fulls?"),
        ("[defaults]\nwith_fulls = 1\n" + TENANT.format("yale"), "with_fulls is a flag"),
        ("[defaults]\nattempts = [1, 2]\n" + TENANT.format("yale"), "attempts takes one text or number."),
        (
            "[defaults]\nattempts = 0\n" + TENANT.format("yale"),
            "[defaults], tenant yale: Invalid value for '--attempts'",
        ),
        (TENANT.format("yale").replace("yale.json", "~nosuchuser/x"), "config ~nosuchuser/x is in the home folder of"),
        (TENANT.format("yale") + 'state = "~nosuchuser/x"\n', "state ~nosuchuser/x is in the home folder of"),
        ("[defaults]\nreport = '~nosuchuser/x'\n" + TENANT.format("yale"), "report ~nosuchuser/x is in the home"),
        (
            "[defaults]\nmirror = 'DuckDB:~nosuchuser/x'\n" + TENANT.format("yale"),
            "mirror ~nosuchuser/x is in the home",
        ),
        ('[defaults]\nreport = "a\\u0000"\n' + TENANT.format("yale"), "report contains a NUL character"),
        ('[defaults]\ndata_set = ["a\\u0000"]\n' + TENANT.format("yale"), "data_set contains a NUL character"),
        (f"[defaults]\nattempts = 0x{'f' * 4000}\n" + TENANT.format("yale"), "attempts is a number that is too large"),
        ("[defaults]\nforce = true\n" + TENANT.format("yale"), "[defaults], tenant yale: sync has no option 'force'"),
        (
            TENANT.format("yale") + "[tenant.options]\nforce = true\n",
            "toml: tenant yale: sync has no option 'force': it belongs to pull",
        ),
        ("[defaults]\ndry_run = true\n" + TENANT.format("yale"), "dry_run is for a single run of `bds-async sync`"),
    ],
)
def test_a_broken_file_is_refused_before_anything_is_done(
    fleet_file: Callable[[str], Path], text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        members_of(fleet_file(text), "sync", Settings(), Bound(16))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ('report = "yale.json"', "would overwrite the config file of the tenant yale"),
        ('html = "yale-token"', "would overwrite the file that token_file names of the tenant yale"),
        ('metrics = "fleet.toml"', "would overwrite the fleet file"),
        ('html = "yale.prom"', "would overwrite the metrics file of the tenant yale"),
        ('metrics = "to/yale/.bds-async/ledger.sqlite3"', "the folder of bds-async's own files"),
    ],
)
def test_no_tenant_writes_over_a_file_of_another_one_in_whatever_group_that_is(
    fleet_file: Callable[[str], Path], tmp_path: Path, option: str, says: str
) -> None:
    (tmp_path / "yale.json").write_text('{"token_file": "yale-token"}', "utf-8")
    yale = TENANT.format("yale") + '[tenant.options]\nmetrics = "yale.prom"\n'
    text = yale + TENANT.format("brock") + f'group = "canada"\n[tenant.options]\n{option}\n'
    with pytest.raises(ConfigError, match="tenant brock: The ") as caught:
        members_of(fleet_file(text), "sync", Settings(), Bound(16), ["canada"])
    assert says in str(caught.value)


def test_the_report_of_the_fleet_spares_the_files_of_tenants_of_other_groups(
    fleet_file: Callable[[str], Path], tmp_path: Path
) -> None:
    file = fleet_file(TENANT.format("yale") + TENANT.format("brock") + 'group = "canada"\n')
    with pytest.raises(ConfigError, match="the config file of the tenant yale"):
        members_of(file, "sync", Settings(), Bound(16), ["canada"], report=tmp_path / "yale.json")


@pytest.mark.parametrize(
    ("yale", "brock", "is_one"),
    [
        ("duckdb:lake.duckdb", "duckdb:./lake.duckdb", True),
        ("postgresql://a@db.example/lake", "postgres://b@DB.example:5432/lake?sslmode=require", True),
        ("postgresql://a@db.example/lake", "postgresql://a@db.example:5433/lake", False),
        ("duckdb:yale.duckdb", "duckdb:brock.duckdb", False),
    ],
)
def test_a_schema_of_a_mirror_belongs_to_one_tenant(
    fleet_file: Callable[[str], Path], yale: str, brock: str, is_one: bool
) -> None:
    """Two schemas of one database do not conflict."""
    parts = [
        TENANT.format(name) + f'options = {{mirror = "{mirror}"}}\n'
        for name, mirror in (("yale", yale), ("brock", brock))
    ]

    def members(text: str) -> int:
        return len(members_of(fleet_file(text), "sync", Settings(), Bound(16), [], report=None))

    with pytest.raises(ConfigError, match="yale and brock are one schema, bds,") if is_one else nullcontext():
        members("".join(parts))
    parts[1] = parts[1].replace("}", ', mirror_schema = "brock"}')
    assert members("".join(parts)) == 2


@pytest.mark.parametrize(
    ("yale", "brock", "says"),
    [
        ('to = "lake"', 'to = "lake/brock"', "of brock lies in the destination"),
        ('to = "lake/yale"', 'to = "lake"', "of yale lies in the destination"),
        ('to = "yale"\nstate = "own"', 'to = "own"', "of brock is the state folder of yale"),
        ('to = "yale"\nstate = "own"', 'to = "own/brock"', "of brock lies in the state folder"),
        ('to = "yale"', 'to = "brock"\nstate = "yale/brock"', "of brock lies in the destination"),
        ('to = "yale"\nstate = "own"', 'to = "brock"\nstate = "own"', "have the same state folder"),
        ('to = "s3://lake/a"\nstate = "y"', 'to = "s3://lake/a/b"\nstate = "b"', "lies in the destination s3://lake/a"),
    ],
)
def test_no_tenant_works_in_a_folder_of_another_one(
    fleet_file: Callable[[str], Path], yale: str, brock: str, says: str
) -> None:
    parts = [
        f'[[tenant]]\nname = "{name}"\nconfig = "c"\n{keys}\n' for name, keys in (("yale", yale), ("brock", brock))
    ]
    with pytest.raises(ConfigError) as caught:
        members_of(fleet_file("".join(parts)), "sync", Settings(), Bound(16))
    assert says in str(caught.value)
    assert {"yale", "brock"} <= {*str(caught.value).replace(":", " ").split()}


def test_names_that_only_begin_alike_and_a_state_folder_in_its_own_destination_are_fine(
    fleet_file: Callable[[str], Path],
) -> None:
    one, other = (
        TENANT.format("yale"),
        TENANT.format("yale-2").replace('to/yale-2"', 'to/yale-2"\nstate = "to/yale-2/.bds-async"'),
    )
    assert len(members_of(fleet_file(one + other), "sync", Settings(), Bound(16))) == 2


def test_a_group_without_a_tenant_and_a_variable_for_all_tenants_are_refused(
    fleet_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fleet_file(TENANT.format("yale") + 'group = "us"\n')
    with pytest.raises(ConfigError, match="is in the group 'eu'; its groups: us"):
        members_of(file, "sync", Settings(), Bound(16), groups=["eu"])
    monkeypatch.setenv("BDS_REFRESH_TOKEN", "secret")
    with pytest.raises(ConfigError, match="BDS_REFRESH_TOKEN would hold for each tenant"):
        members_of(file, "sync", Settings(), Bound(16))


def test_the_options_of_a_tenant_win_over_the_defaults_and_paths_are_relative_to_the_file(
    fleet_file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDS_PING_URL", "https://health.example/one-for-all")
    text = '[defaults]\nas = "csv"\nwith_fulls = true\nworkers = 8\n' + TENANT.format("yale")
    own = '[tenant.options]\nwith_fulls = false\ndata_set = ["Users", "Role*"]\nmetrics = "yale.prom"\nmax_time = 2.5\n'
    own += 'mirror = "duckdb:yale.duckdb"\n'
    yale, brock = members_of(fleet_file(text + own + TENANT.format("brock")), "sync", Settings(), Bound(4, "tcp://x:1"))
    options = yale.request.options
    assert (options.publish_as, options.data_set, options.max_time) == ("csv", ("Users", "Role*"), 2.5)
    assert (options.workers, options.cluster) == (4, "tcp://x:1")
    assert options.mirror == f"duckdb:{tmp_path}/yale.duckdb"
    assert (yale.request.metrics, brock.request.metrics) == (tmp_path / "yale.prom", None)
    assert yale.request.workspace.to == str(tmp_path / "to/yale")
    assert (brock.request.options.with_fulls, brock.request.ping, brock.request.options.data_set) == (True, None, ())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sinc", "fleet.toml"], "'sinc' is no command of fleet: did you mean sync?"),
        (["a.toml", "b.toml"], "'a.toml' is no command of fleet: name pull or sync, or neither, and one fleet file."),
        (["pull", "sync", "fleet.toml"], "Name pull or sync"),
        (["fleet.toml", "--check", "--cluster", "tcp://127.0.0.1:1"], "leave out --cluster"),
        (["fleet.toml", "--tenants-at-once", "many"], "'many' is not a valid whole number"),
    ],
)
def test_a_misused_command_says_what_is_meant(words: list[str], says: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        cli.main(["fleet", *words], standalone_mode=False)
    assert says in caught.value.format_message()


def test_the_commands_of_the_guide_and_of_the_help_accept_the_recipe(
    fleet_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """With its groups, for sync and for pull."""
    fleet_file(recipe("fleet"))
    guide = (Path(__file__).parents[2] / "docs" / "scale.md").read_text("utf-8")
    lines = [*re.findall(r"^bds-async (fleet [^#\n]*)", guide, re.MULTILINE), *EXAMPLES["fleet"]]
    root = click.Context(cli, info_name="bds-async", **cli.context_settings)
    asked = [command.make_context("fleet", shlex.split(line)[1:], parent=root).params for line in lines]
    found = [(*parsed(each["words"]), each["groups"]) for each in asked]
    assert {kind for kind, _, _ in found} == {"pull", "sync"}
    for kind, file, groups in found:
        assert len(members_of(tmp_path / file, kind, Settings(), Bound(16), groups)) >= 2
