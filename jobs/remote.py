"""Responsible for workers that were not started by this process: the same software, files and model?

Asked once, before any work, of every worker that is there. Workers that come later ask themselves
(:mod:`jobs.versions`, :func:`jobs.model.require_model`).
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Client

from cluster.asking import ask_workers
from cluster.errors import ClusterMismatch
from cluster.versions import check_workers
from extract.errors import ExtractError
from extract.place import Place
from jobs.config import JobConfig, Listener
from jobs.durable import make_folder
from jobs.layout import CACHE, STAGING
from jobs.model import BundleSource, ModelSource, require_model
from jobs.store import store_of


def check_remote(client: Client, config: JobConfig, listener: Listener) -> JobConfig:
    """The job as these workers can do it: with the model where they find it.

    :raises ClusterMismatch: when a worker is other software, or does not see what it must.
    """
    try:
        workers = check_workers(client)
        _check_output(client, config.out.absolute())
        config = replace(config, model=_settle_model(client, config))
    except ClusterMismatch as mismatch:
        for row in mismatch.rows:
            listener.note(row)
        raise
    classes = Counter(worker.cpu for worker in workers)
    if len(classes) > 1:
        counted = "; ".join(f"{n} x {name}" for name, n in classes.most_common())
        listener.note(f"workers of {len(classes)} CPU classes: {counted}")
    return config


def _check_output(client: Client, out: Place) -> None:
    """Workers must see the output itself, not a folder of the same name on their own disk."""
    key = f"{STAGING}/seen-{uuid.uuid4().hex}"
    store_of(out).put_over(key, b"")
    mark = out / key
    try:
        wrong = _failures(ask_workers(client, _sees, mark))
    finally:
        mark.unlink(missing_ok=True)
    if wrong:
        raise ClusterMismatch(
            f"{len(wrong)} workers do not see the output {out}",
            "use a folder that all workers share under one path (NFS or alike), or a store that all may use",
            _rows(wrong),
        )


def _settle_model(client: Client, config: JobConfig) -> ModelSource:
    """The model at a path where every worker can open it: its own, else a copy within the output."""
    model = config.model
    if not _failures(ask_workers(client, _opens, model)) or not isinstance(model, BundleSource):
        return model
    out = config.out.absolute()
    if not isinstance(out, Path):
        raise ClusterMismatch(
            f"workers cannot open the model at {model.path}, and no copy is kept in a store",
            "give --model a place that every worker can open",
        )
    shipped = ship_model(out, model)
    wrong = _failures(ask_workers(client, _opens, shipped))
    if wrong:
        raise ClusterMismatch(
            f"{len(wrong)} workers cannot use the model: {next(iter(wrong.values()))}",
            "see extract models verify",
            _rows(wrong),
        )
    return shipped


def ship_model(out: Path, model: BundleSource) -> BundleSource:
    """A copy of the bundle in the output folder, which every worker shares; made once."""
    target = out / CACHE / "models" / model.sha256
    if not target.is_dir():
        make_folder(target.parent)
        half = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
        shutil.copytree(model.path, half)
        try:
            half.rename(target)
        except OSError:  # another run was first
            shutil.rmtree(half, ignore_errors=True)
    return replace(model, path=target)


def _sees(mark: Place) -> bool | str:
    """Whether this process can see a file that the driver made."""
    try:
        return mark.is_file()
    except ExtractError as error:
        return str(error)


def _opens(model: ModelSource) -> bool | str:
    """Whether this process can open the model; hashed and probed on the way."""
    try:
        require_model(model)
    except ExtractError as error:
        return str(error)
    return True


def _failures(answers: dict[str, Any]) -> dict[str, str]:
    """Workers that did not answer yes, with what they said."""
    return {
        worker: repr(answer) if isinstance(answer, BaseException) else str(answer)
        for worker, answer in answers.items()
        if answer is not True
    }


def _rows(wrong: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{worker}: {said}" for worker, said in sorted(wrong.items())[:20])
