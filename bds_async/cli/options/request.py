"""The run that options of `pull` or `sync` ask for, on the command line or in a fleet file."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from ...config import Config
from ...events import Observer
from ...options import PullOptions, SyncOptions, mirror_file
from ...report import RunReport
from ...runs.job import Job, pull_job, sync_job
from ...runs.run import deliver
from ...support.running import Stop
from ...transfer import Bodies
from ...watching import MetricsFile, Ping
from ...workspace import Workspace
from ..output.own_files import demand_apart
from ..output.report_files import ReportFiles
from ..output.watching import all_of, savers
from .settings import settings

Options = TypeVar("Options", PullOptions, SyncOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[Options]):
    """What to deliver where, and the files to write and the address to call at the end."""

    workspace: Workspace
    options: Options
    files: ReportFiles = field(default_factory=ReportFiles)
    metrics: Path | None = None
    ping: Ping | None = None

    @property
    def written(self) -> dict[Path, str]:
        """The files to write at the end, each with a short description."""
        return {**self.files.named, **({self.metrics: "the metrics file"} if self.metrics is not None else {})}

    async def carried_out(self, observer: Observer, stop: Stop, bodies: Bodies | None = None) -> RunReport:
        """Do the run; raises as `pull` and `sync` do. The health check also reports a run that finds no config."""
        run = self._run(observer, stop, bodies)
        return await (run if self.ping is None else self.ping.around(run, stop))

    async def _run(self, observer: Observer, stop: Stop, bodies: Bodies | None) -> RunReport:
        file = self._metrics_file()
        with file.around() if file is not None else nullcontext():
            config = Config.load(settings().config)
            save = all_of(savers(self.workspace, stop, self.files, file, others=self._mirror_file()))
            where = config, self.workspace
            return await deliver(self._job(), *where, observer=observer, stop=stop, save=save, bodies=bodies)

    def _job(self) -> Job:
        return sync_job(self.options) if isinstance(self.options, SyncOptions) else pull_job(self.options)

    def _mirror_file(self) -> dict[Path, str]:
        """The mirror's file with a short description, if the run has a mirror in a file."""
        target = self.options.mirror if isinstance(self.options, SyncOptions) else None
        path = None if target is None else mirror_file(target)
        return {} if path is None else {Path(path): "the mirror"}

    def _metrics_file(self) -> MetricsFile | None:
        if self.metrics is None:
            return None
        demand_apart(self.metrics, "metrics file", self.workspace, {**self.files.named, **self._mirror_file()})
        return MetricsFile(self.metrics)
