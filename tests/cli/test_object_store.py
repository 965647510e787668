"""The commands with `--to s3://…`: the same promises as for a folder, and no secret in any output."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import Done, bds, starting, until
from tests.support.forked import with_extras
from tests.support.store_proxy import HANG, Answer, Rule, first, proxy_of
from tests.support.stores import (
    AZURITE_KEY,
    SECRET,
    Store,
    azure_container,
    objects,
    put_to_azure,
    unavailable,
    unfinished,
)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
#: Three days after the weekly fulls: each data set has differentials before the first run.
SMALL: dict[str, Any] = {"data_sets": 2, "scale": 0.01, "now": datetime(2026, 3, 4, tzinfo=UTC)}
#: One extract that is uploaded in two parts, and small ones.
LARGE: dict[str, Any] = {**SMALL, "huge_bytes": 6_000_000}


class Scene:
    """A sandbox, a bucket, and commands that work on a prefix of it."""

    def __init__(self, sandbox: Sandbox, s3: Store, home: Path) -> None:
        self.sandbox, self.s3, self.home = sandbox, s3, home
        self.bucket = s3.bucket()
        self.to = f"s3://{self.bucket}/some/prefix"
        self.state = home / "state"
        sandbox.write_config(home / "config.json")

    def arguments(self, *command: object, to: str | None = None, state: Path | None = None) -> list[object]:
        places = ("--to", to or self.to, "--state", state or self.state)
        return [*command, "--config", self.home / "config.json", *places]

    async def run(self, *command: object, to: str | None = None, state: Path | None = None, **environ: str) -> Done:
        arguments = self.arguments(*command, to=to, state=state)
        done = await bds(*arguments, cwd=None, **{**self.s3.environ, **environ})
        assert done.complaints == []
        assert SECRET not in done.out + done.err
        return done

    @property
    def objects(self) -> dict[str, bytes]:
        """Every object in the bucket, by its path below the prefix."""
        return {key.removeprefix("some/prefix/"): body for key, body in objects(self.s3, self.bucket).items()}

    def put(self, path: str, content: bytes) -> None:
        self.s3.client.put_object(Bucket=self.bucket, Key=f"some/prefix/{path}", Body=content)

    def delete(self, path: str) -> None:
        self.s3.client.delete_object(Bucket=self.bucket, Key=f"some/prefix/{path}")

    @property
    def left(self) -> list[str]:
        """Files of downloads that are left in the state folder."""
        return [path.name for path in (self.state / "partial").iterdir()]

    def is_delivered(self) -> bool:
        """Whether the objects are exactly the newest fulls, each once."""
        truth = sorted(each.newest_full.sha256 for each in self.sandbox.catalogue())
        return sorted(hashlib.sha256(body).hexdigest() for body in self.objects.values()) == truth


@pytest.fixture(autouse=True)
def extras() -> Iterator[None]:
    """Fork from the nursery with the store's packages, since each command needs a store."""
    with with_extras():
        yield


async def scene_of(s3_server: Store, home: Path, **settings: Any) -> AsyncIterator[Scene]:
    async with Sandbox(SandboxSettings(**settings)) as sandbox:
        yield Scene(sandbox, s3_server, home)


@pytest.fixture
async def scene(s3_server: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async for found in scene_of(s3_server, tmp_path, **SMALL):
        yield found


@pytest.fixture
async def large(s3_server: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async for found in scene_of(s3_server, tmp_path, **LARGE):
        yield found


async def test_a_pull_delivers_the_same_objects_as_files_and_a_second_one_nothing(scene: Scene) -> None:
    assert (await scene.run("pull")).code == 0
    folder = scene.home / "folder"
    assert (await bds("pull", "--config", scene.home / "config.json", "--to", folder)).code == 0
    files = [path for path in folder.glob("*/*/*") if ".bds-async" not in path.parts]
    assert scene.objects == {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    assert scene.left == [], "the state folder keeps no copy"
    asked = scene.sandbox.counters.body_bytes
    again = await scene.run("pull")
    assert (again.code, scene.sandbox.counters.body_bytes) == (0, asked)
    assert "2 already there" in again.err


async def test_large_extracts_are_uploaded_in_parts(large: Scene) -> None:
    assert (await large.run("pull")).code == 0
    assert large.is_delivered()
    assert unfinished(large.s3, large.bucket) == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_a_sync_delivers_each_extract_once_and_in_queued_order(scene: Scene, kind: str) -> None:
    with proxy_of(scene.s3.endpoint) as proxy:
        for _ in range(3):
            assert (await scene.run("sync", "--as", kind, AWS_ENDPOINT_URL=proxy.url)).code == 0
            scene.sandbox.advance(timedelta(days=2))
    uploaded = [target.partition("some/prefix/")[2] for method, target in proxy.seen if method == "PUT"]
    assert len(uploaded) > 12, "differentials too"
    assert sorted(uploaded) == sorted(scene.objects), "each once"
    for data_set in {path.partition("/")[0] for path in uploaded}:
        moments = [path.rpartition("_2")[2] for path in uploaded if path.startswith(f"{data_set}/")]
        assert moments == sorted(moments)


async def test_duckdb_reads_the_objects_as_the_guide_says(scene: Scene) -> None:
    """With extensions from BDS_DUCKDB, a folder filled by pip (`.ci/run`), since DuckDB would download them."""
    extensions = os.environ.get("BDS_DUCKDB")
    if extensions is None:
        unavailable("DuckDB's extensions httpfs and aws are not installed (BDS_DUCKDB)")
    assert (await scene.run("pull", "--as", "parquet", "--data-set", "Users")).code == 0
    guide = (Path(__file__).parents[2] / "docs" / "object-stores.md").read_text("utf-8")
    query = guide.partition("```sql\n")[2].partition("```")[0].replace("my-bucket/brightspace", scene.to[5:])
    moto = f"credential_chain, ENDPOINT '{scene.s3.endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false"
    environ = {**os.environ, **scene.s3.environ, "PYTHONPATH": str(extensions)}
    command = [sys.executable, "-c", DUCKDB, str(extensions), query.replace("credential_chain", moto)]
    done = await asyncio.to_thread(subprocess.run, command, env=environ, capture_output=True, text=True)
    users = next(each for each in scene.sandbox.catalogue() if each.name == "Users")
    assert (done.stderr, done.stdout) == ("", f"{len(users.newest_full.rows())}\n")


#: Loads the extensions from a folder, and prints the first value selected by some statements.
DUCKDB = """
import sys, pathlib, duckdb
for file in sorted(pathlib.Path(sys.argv[1]).glob("duckdb_extension_*/extensions/*/*.duckdb_extension"), reverse=True):
    duckdb.execute(f"LOAD '{file}'")
print(duckdb.sql(sys.argv[2]).fetchone()[0])
"""


async def test_what_a_loader_took_is_not_delivered_again_by_sync(scene: Scene) -> None:
    assert (await scene.run("sync")).code == 0
    taken = next(iter(scene.objects))
    scene.delete(taken)
    assert (await scene.run("sync")).code == 0
    assert taken not in scene.objects


async def test_verify_compares_sizes_and_checksums(scene: Scene) -> None:
    assert (await scene.run("pull")).code == 0
    changed, missing = scene.objects
    scene.put(changed, bytes(len(scene.objects[changed])))
    scene.delete(missing)
    scene.put("note.txt", b"x")
    done = await scene.run("verify", "--json")
    found = {each["path"]: each["fault"] for each in done.document()["files"]}
    assert (done.code, found) == (3, {changed: "corrupt", missing: "missing", "note.txt": "unknown"})


async def test_verify_full_reads_the_objects(scene: Scene) -> None:
    """Other content with the right stored checksum deceives only the comparison of checksums."""
    assert (await scene.run("pull")).code == 0
    path, content = next(iter(scene.objects.items()))
    key, metadata = f"some/prefix/{path}", {"sha256": hashlib.sha256(content).hexdigest()}
    scene.s3.client.put_object(Bucket=scene.bucket, Key=key, Body=bytes(len(content)), Metadata=metadata)
    assert (await scene.run("verify")).code == 0
    assert (await scene.run("verify", "--full")).code == 3
    assert (await scene.run("verify", "--full", "--repair")).code == 0
    assert (await scene.run("verify", "--full")).code == 0
    assert list(scene.state.glob("object-*")) == [], "no temporary copy stays"


async def test_a_lost_ledger_is_rebuilt_from_the_objects(scene: Scene) -> None:
    assert (await scene.run("pull")).code == 0
    other = scene.home / "other"
    assert "2 files in the ledger" in (await scene.run("ledger", "rebuild", state=other)).err
    asked = scene.sandbox.counters.body_bytes
    assert (await scene.run("pull", state=other)).code == 0
    assert scene.sandbox.counters.body_bytes == asked


async def test_objects_that_the_ledger_does_not_know_are_adopted(scene: Scene) -> None:
    """Even with objects of other programs beside them; and a run checks the store once."""
    assert (await scene.run("pull")).code == 0
    asked = scene.sandbox.counters.body_bytes
    scene.put("/Users//x", b"x")
    with proxy_of(scene.s3.endpoint) as proxy:
        for is_known in (False, True):
            done = await scene.run("pull", state=scene.home / "other", AWS_ENDPOINT_URL=proxy.url)
            assert (done.code, scene.sandbox.counters.body_bytes) == (0, asked)
            assert proxy.count("HEAD", ".bds-async-check") == 1 + is_known


@pytest.mark.parametrize(
    ("to", "environ", "expected"),
    [
        ("s3://there-is-none/x", {}, "no bucket there-is-none"),
        (None, {"AWS_ACCESS_KEY_ID": ""}, "there are no credentials"),
        (None, {"AWS_PROFILE": "nobody"}, "ProfileNotFound"),
    ],
)
async def test_a_store_of_no_use_ends_the_run_before_a_token_is_spent(
    scene: Scene, to: str | None, environ: dict[str, str], expected: str
) -> None:
    done = await scene.run("pull", to=to, state=None, **environ)
    assert (done.code, expected in done.err, len(done.err.splitlines())) == (6, True, 1)
    assert scene.sandbox.counters.exchanges == 0
    if to is not None:
        assert (await scene.run("pull")).code == 0, "a mistyped bucket does not bind the state folder"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (first(99, "GET", "list-type", Answer(403, "InvalidAccessKeyId")), "refuses the credentials"),
        (first(99, "HEAD", "", Answer(403)), "s3:GetObject and s3:ListBucket"),
    ],
)
async def test_a_refusal_of_the_store_ends_the_run_before_a_token_is_spent(
    scene: Scene, rule: Rule, expected: str
) -> None:
    with proxy_of(scene.s3.endpoint, rule) as proxy:
        done = await scene.run("pull", "-v", AWS_ENDPOINT_URL=proxy.url)
    assert (done.code, expected in done.err, scene.sandbox.counters.exchanges) == (6, True, 0)


async def test_a_missing_permission_to_look_at_what_was_uploaded_is_named(scene: Scene) -> None:
    with proxy_of(scene.s3.endpoint, first(99, "HEAD", ".zip", Answer(403))) as proxy:
        done = await scene.run("pull", "--data-set", "Users", AWS_ENDPOINT_URL=proxy.url)
    assert (done.code, "s3:GetObject" in done.err, "s3:PutObject" in done.err) == (6, True, False)


async def test_doctor_examines_the_store(scene: Scene) -> None:
    done = await scene.run("doctor", "--json")
    checks = {each["name"]: each for each in done.document()["checks"]}
    assert (done.code, checks["destination"]["status"]) == (0, "ok")
    assert "can be listed and written" in checks["destination"]["found"]
    assert (scene.objects, unfinished(scene.s3, scene.bucket)) == ({}, [])
    refused = await scene.run("doctor", to="s3://there-is-none/x")
    assert (refused.code, "no bucket there-is-none" in refused.out) == (6, True)


async def test_a_dry_run_asks_the_store_what_is_there_and_reading_commands_of_the_ledger_do_not(scene: Scene) -> None:
    assert (await scene.run("pull", "--data-set", "Users")).code == 0
    done = await scene.run("pull", "--dry-run", "--json")
    assert (done.code, done.out.count('"fetch"')) == (0, 1)
    done = await scene.run("ledger", "export", AWS_ACCESS_KEY_ID="", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (done.code, len(done.out.splitlines())) == (0, 1)


@posix_only
async def test_a_stop_during_an_upload_is_answered_and_the_next_run_delivers_without_fetching(large: Scene) -> None:
    with proxy_of(large.s3.endpoint, first(99, "PUT", "partNumber=2", HANG)) as proxy:
        environ = {**large.s3.environ, "AWS_ENDPOINT_URL": proxy.url}
        async with starting(*large.arguments("pull"), cwd=None, **environ) as running:
            await until(lambda: proxy.count("PUT", "partNumber=2") > 0 and large.sandbox.counters.bodies_in_flight == 0)
            done = await running.stopped_by(signal.SIGTERM, within=3.0)
        assert (done.code, done.complaints) == (143, [])
    assert unfinished(large.s3, large.bucket) == []
    asked = large.sandbox.counters.body_bytes
    assert (await large.run("pull")).code == 0
    assert large.is_delivered()
    assert large.sandbox.counters.body_bytes == asked


@posix_only
@pytest.mark.crash
async def test_a_kill_during_an_upload_leaves_parts_that_the_next_run_aborts(large: Scene) -> None:
    with proxy_of(large.s3.endpoint, first(99, "PUT", "partNumber=2", HANG)) as proxy:
        environ = {**large.s3.environ, "AWS_ENDPOINT_URL": proxy.url}
        async with starting(*large.arguments("pull"), cwd=None, **environ) as running:
            await until(lambda: proxy.count("PUT", "partNumber=2") > 0 and large.sandbox.counters.bodies_in_flight == 0)
            running.signal(signal.SIGKILL)
            await running.ends()
    assert unfinished(large.s3, large.bucket) != []
    asked = large.sandbox.counters.body_bytes
    report = large.home / "run.json"
    assert (await large.run("pull", "--report", report)).code == 0
    assert unfinished(large.s3, large.bucket) == []
    assert large.is_delivered()
    assert large.sandbox.counters.body_bytes == asked, "what was fetched is not fetched again"


async def test_a_mirror_reads_the_objects_and_needs_a_target(scene: Scene) -> None:
    assert (await scene.run("pull")).code == 0
    done = await scene.run("mirror")
    assert (done.code, "needs --into or BDS_MIRROR" in done.err) == (2, True)
    taken = next(iter(scene.objects))
    scene.delete(taken)
    arguments = ("mirror", "--into", f"duckdb:{scene.home / 'm.duckdb'}", "--json")
    done = await scene.run(*arguments)
    assert (done.code, sum(each["applied"] for each in done.document()["tables"])) == (3, 1)
    assert f"{taken} is gone" in done.err
    assert list(scene.state.glob("object-*")) == [], "no temporary copy stays"


async def test_azure_holds_what_was_pulled(azure_server: Store, tmp_path: Path) -> None:
    """With the large extract in parts. A second pull fetches nothing; `verify --full` and `doctor` find no fault.

    An object of another program whose key makes listing the container fail does not stop a pull.
    """
    async with Sandbox(SandboxSettings(**LARGE)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        container = azure_container(azure_server)
        to = f"az://{container}/some/prefix"
        arguments = ("--config", tmp_path / "config.json", "--to", to, "--state", tmp_path / "state")

        async def run(*command: str) -> Done:
            done = await bds(*command, *arguments, cwd=None, **azure_server.environ)
            assert (done.code, done.complaints, AZURITE_KEY in done.out + done.err) == (0, [], False)
            return done

        await run("pull")
        asked = sandbox.counters.body_bytes
        assert "3 already there" in (await run("pull")).err
        assert sandbox.counters.body_bytes == asked
        assert "3 right" in (await run("verify", "--full")).out
        put_to_azure(azure_server, container, "some/prefix/Users//x")
        places = (*arguments[:4], "--state", tmp_path / "other")
        assert (await bds("pull", *places, cwd=None, **azure_server.environ)).code == 0
        assert sandbox.counters.body_bytes == asked
        assert "can be listed and written" in (await run("doctor")).out
        unlisted = await bds("verify", *arguments, cwd=None, **azure_server.environ)
        assert (unlisted.code, "has a key with an empty part" in unlisted.err) == (6, True)
        elsewhere = (*arguments[:2], "--to", "az://none", "--state", tmp_path / "x")
        missing = await bds("pull", *elsewhere, cwd=None, **azure_server.environ)
        assert (missing.code, "there is no bucket none" in missing.err) == (6, True)
        keys = {**azure_server.environ, "AZURE_STORAGE_ACCOUNT_KEY": "d3Jvbmc="}
        refused = await bds("pull", *arguments[:2], "--to", to, "--state", tmp_path / "y", cwd=None, **keys)
        assert (refused.code, "check AZURE_STORAGE_ACCOUNT_NAME" in refused.err) == (6, True)
