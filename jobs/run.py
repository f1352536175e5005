"""Responsible for a whole run: take in the inputs, plan, process what is not done, report."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cluster.cores import count_cores
from cluster.errors import ClusterUnreachable
from extract.commits import CommitRecord, read_commits, read_sources
from extract.errors import ExtractError, SourceError
from extract.place import Place, find_sizes
from extract.remote import Location
from jobs.commit import withdraw
from jobs.config import JobConfig, Listener, Silence, StopRequest
from jobs.ending import complaint_of
from jobs.errors import (
    ClusterLost,
    Interrupted,
    JobError,
    ProgramFault,
    SettingsMismatch,
    Stalled,
    TooManyQuarantined,
)
from jobs.finding import find_paths
from jobs.intake import CheckTask, Intake, check_input
from jobs.layout import run_folder
from jobs.metrics import RunReport, Tally
from jobs.model import measured_of
from jobs.plan import Shard, find_gaps, find_new_year, plan_shards, plan_slice_records
from jobs.plan_notes import plan_of
from jobs.process import peak_rss_bytes
from jobs.runs import new_run_id, opened_run, read_run, write_metrics
from jobs.settings import settings_of, settle_settings
from jobs.store import store_of

# Dask takes half a second to import, so a run that finds nothing to do must not need it.
if TYPE_CHECKING:
    from typing import Any

    from distributed import Client

    from jobs.dispatch import Dispatcher

CHECK_TRIES = 3


def run_job(
    config: JobConfig, *, listener: Listener | None = None, stop: StopRequest | None = None
) -> RunReport:
    """Run a job to its end, or to where it has to stop; what is committed stays in any case.

    A run that stopped, or refused input, says why in the report's ``stopped_by``.

    :raises InputMissing: when an input is not there.
    :raises SettingsMismatch: when the output was made with other settings, or for another year.
    :raises OutputUnwritable: when the output folder cannot be written.
    """
    paths, refused = find_paths(config.inputs, config.out)
    store_of(config.out).make()
    run_id = new_run_id(config.out)
    wanted = settings_of(config.model, gate=config.gate)
    settings = settle_settings(config.out, wanted, run_id=run_id, replace=config.replace_model)
    facts = {
        "settings": wanted,
        "inputs": len(paths),
        "gate": config.gate,
        "gate_measured": measured_of(config.model) if config.gate else {},
        "shadow": config.shadow and {"model": config.shadow.name, "model_sha256": config.shadow.sha256},
    }
    with opened_run(config.out, run_id, facts):
        listener = listener or Silence()
        run = _Run(config, run_id, settings.digest, listener, stop or StopRequest())
        report = run.go(paths, refused)
        metrics = report.to_dict()
        plan = plan_of(config.out, read_run(config.out, run_id), metrics)
        write_metrics(config.out, run_id, metrics if plan is None else {**metrics, "plan": plan})
        _write_report(config.out, run_id, listener)
    return report


def _write_report(root: Place, run_id: str, listener: Listener) -> None:
    """Write the run's page. Everything it tells is in other files, so a run does not fail for it."""
    from jobs.report_page import write_report_page

    try:
        write_report_page(root, run_folder(root, run_id) / "report.html", run_id=run_id)
    except ExtractError as error:
        listener.note(f"no report page: {error}")


def _connection_lost(error: OSError) -> ClusterLost:
    """The scheduler may end in the middle of any question to it; Dask calls that an error of the system.

    :raises OSError: the error again, when it is another.
    """
    from distributed.comm import CommClosedError

    from jobs.dispatch import cluster_lost

    if not isinstance(error, CommClosedError):
        raise error
    return cluster_lost(error)


class _Run:
    """The state of one run."""

    def __init__(
        self, config: JobConfig, run_id: str, settings: str, listener: Listener, stop: StopRequest
    ) -> None:
        self._config = config
        self._run_id = run_id
        self._settings = settings
        self._listener = listener
        self._stop = stop
        self._tally = Tally()
        self._started = time.monotonic()
        self._cpu_started = time.process_time()
        self._check_cpu = 0.0
        self._n_workers = 0
        self._refused: list[SourceError] = []
        self._failed: list[str] = []
        self._n_duplicates = 0
        self._stack = ExitStack()
        self._client: Client | None = None

    def go(self, paths: list[Location], refused: Sequence[SourceError] = ()) -> RunReport:
        """All steps in order.

        :param refused: inputs that were found and cannot be had.
        """
        stopped_by: JobError | None = None
        try:
            with self._stack:
                intake = self._take_in(paths, refused)
                self._process(plan_shards(intake.inputs, self._settings))
        except (Interrupted, Stalled, ClusterLost, TooManyQuarantined, ProgramFault) as error:
            stopped_by = error
        except OSError as error:
            stopped_by = _connection_lost(error)
        finally:
            store_of(self._config.out).end(self._run_id)
        return self._report(stopped_by or complaint_of(self._refused, self._failed))

    def _take_in(self, paths: list[Location], refused: Sequence[SourceError]) -> Intake:
        """Register all inputs; those not known are checked on the cluster first."""
        self._check_years(paths)
        intake = Intake(self._config.out, paths)
        intake.refused += refused
        if intake.unknown:
            sizes = [(candidate.path.name, candidate.n_bytes) for candidate in intake.unknown]
            n_workers = self._config.cluster.n_workers or count_cores()
            slice_records = self._config.slice_records or plan_slice_records(sizes, n_workers)
            self._check(intake, intake.plan_checks(slice_records))
            intake.write_seen()
        for error in intake.refused:
            self._listener.note(f"refused: {error}")
        self._refused += intake.refused
        for gap in find_gaps(read_sources(self._config.out)):
            self._listener.note(gap)
        return intake

    def _check(self, intake: Intake, tasks: list[CheckTask]) -> None:
        dispatcher: Dispatcher[CheckTask] = self._dispatcher()
        self._listener.checking(len(tasks))
        pending = deque(tasks)
        tries = dict.fromkeys((task.candidate.path for task in tasks), 0)
        while pending or dispatcher.n_running:
            while pending and dispatcher.has_room:
                task = pending.popleft()
                tries[task.candidate.path] += 1
                dispatcher.submit(task, check_input, task)
            outcome = dispatcher.wait()
            path = outcome.tag.candidate.path
            if outcome.error is None:
                self._check_cpu += outcome.result.cpu_seconds
                intake.register(outcome.result, self._run_id)
            elif isinstance(outcome.error, SourceError):
                intake.refused.append(outcome.error)
            elif tries[path] < CHECK_TRIES:
                pending.append(outcome.tag)
                continue
            else:
                intake.refused.append(SourceError("unreadable", str(path), repr(outcome.error)[:200]))
            self._listener.checked()

    def _check_years(self, paths: list[Location]) -> None:
        known = [source.name for source in read_sources(self._config.out)]
        found = find_new_year([*known, *(path.name for path in paths)])
        if found is not None:
            name, years = found
            raise SettingsMismatch(
                f"two yearly baselines of {name!r} in one output",
                str(self._config.out),
                str(years[-1]),
                str(years[0]),
                "a new baseline is a complete re-issue: start a new output for it",
            )

    def _process(self, shards: list[Shard]) -> None:
        """Get every shard committed that is not."""
        done = self._intact(read_commits(self._config.out))
        pending = [shard for shard in shards if shard.id not in done]
        n_citations = sum(shard.piece.n_records for shard in shards)
        n_pending = sum(shard.piece.n_records for shard in pending)
        self._listener.planned(n_citations, n_citations - n_pending)
        if not pending:
            return
        from jobs.carry import refresh_index
        from jobs.work import Work

        store_of(self._config.out).begin(self._run_id)
        work = Work(
            self._config,
            self._run_id,
            self._dispatcher(),
            listener=self._listener,
            on_commit=self._tally.add,
            n_citations=n_pending,
            n_workers=self._n_workers,
            carry=refresh_index(self._config.out.absolute(), done, self._settings),
        )
        try:
            work.run(pending)
        finally:
            self._refused += work.refused
            self._failed += work.failed
            self._n_duplicates += work.n_duplicates

    def _intact(self, commits: dict[str, CommitRecord]) -> dict[str, CommitRecord]:
        """The commits whose files are there; the others are withdrawn, so that they are done again.

        Looks at sizes only: that costs nothing. ``extract verify`` reads everything.
        """
        files = [file for commit in commits.values() for file in commit.files]
        sizes = {
            kind: find_sizes(self._config.out / kind, [file.name for file in files if file.kind == kind])
            for kind in {file.kind for file in files}
        }
        intact = {}
        for shard, commit in commits.items():
            if all(sizes[file.kind][file.name] == file.n_bytes for file in commit.files):
                intact[shard] = commit
            else:
                self._listener.note(f"shard {shard[:8]} has lost a file; doing it again")
                withdraw(self._config.out, shard)
        return intact

    def _dispatcher(self) -> Dispatcher[Any]:
        """A dispatcher on the cluster, which is opened when first needed."""
        from cluster.open import count_slots, count_threads, open_cluster
        from jobs.dispatch import Dispatcher
        from jobs.remote import check_remote

        if self._client is None:
            try:
                self._client = self._stack.enter_context(open_cluster(self._config.cluster))
            except ClusterUnreachable as exc:
                raise ClusterLost(str(exc), advice="run the same command again to continue") from exc
            if self._config.cluster.kind != "local":
                self._config = check_remote(self._client, self._config, self._listener)
        client = self._client
        self._n_workers = count_threads(client)
        return Dispatcher(
            client,
            window=count_slots(client, self._config.cluster),
            recount=lambda: count_slots(client, self._config.cluster),
            stop=self._stop,
            silence_seconds=self._config.silence_seconds,
        )

    def _report(self, stopped_by: JobError | None) -> RunReport:
        commits = read_commits(self._config.out).values()
        return RunReport(
            run_id=self._run_id,
            model=self._config.model.name,
            model_sha256=self._config.model.sha256,
            tally=self._tally,
            n_workers=self._n_workers,
            wall_seconds=time.monotonic() - self._started,
            driver_cpu_seconds=time.process_time() - self._cpu_started + self._check_cpu,
            driver_rss_bytes=peak_rss_bytes(),
            price_per_hour=self._config.price_per_hour,
            n_citations_output=sum(commit.n_citations for commit in commits),
            refused=tuple(self._refused),
            n_shards_failed=len(self._failed),
            n_duplicates=self._n_duplicates,
            stopped_by=stopped_by,
        )
