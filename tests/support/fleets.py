"""A fleet of sandbox tenants in the process of the test, and its fleet file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bds_async.sandbox import Sandbox, SandboxSettings


@dataclass(frozen=True)
class Fleet:
    """Tenants by name, and the folder with their configs, destinations and fleet file."""

    folder: Path
    sandboxes: dict[str, Sandbox]

    @property
    def file(self) -> Path:
        """The fleet file."""
        return self.folder / "fleet.toml"

    def write(self, defaults: str = "", more: Sequence[str] = (), groups: dict[str, str] | None = None) -> Path:
        """Write a config for each tenant and the fleet file; `more` are tenants that have no sandbox."""
        self.folder.mkdir(exist_ok=True)
        parts = [f"[defaults]\n{defaults}\n"]
        for name in (*self.sandboxes, *more):
            if name in self.sandboxes:
                self.sandboxes[name].write_config(self.folder / f"{name}.json")
            group = f'group = "{groups[name]}"\n' if groups and name in groups else ""
            parts.append(f'[[tenant]]\nname = "{name}"\nconfig = "{name}.json"\nto = "to/{name}"\n{group}')
        self.file.write_text("\n".join(parts), "utf-8")
        return self.file

    def files(self, name: str) -> list[str]:
        """The published files of a tenant."""
        to = self.folder / "to" / name
        return sorted(path.relative_to(to).as_posix() for path in to.rglob("*.zip") if ".bds-async" not in path.parts)


@asynccontextmanager
async def running_fleet(folder: Path, names: Sequence[str], **settings: Any) -> AsyncIterator[Fleet]:
    """Start a small sandbox for each name."""
    async with AsyncExitStack() as stack:
        sandboxes = {}
        for seed, name in enumerate(names):
            chosen = SandboxSettings(**{"data_sets": 2, "scale": 0.01, "seed": seed, **settings})
            sandboxes[name] = await stack.enter_async_context(Sandbox(chosen))
        yield Fleet(folder, sandboxes)


def report_of(path: Path) -> Any:
    """Read a written report."""
    return json.loads(path.read_text("utf-8"))
