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
from jobs.config import JobConfig, Listener
from jobs.durable import make_folder
from jobs.layout import CACHE, STAGING
from jobs.model import BundleSource, ModelSource, require_model


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


def _check_output(client: Client, out: Path) -> None:
    """Workers must see the folder of the output itself, not one of the same name on their own disk."""
    mark = out / STAGING / f"seen-{uuid.uuid4().hex}"
    mark.touch()
    try:
        wrong = _failures(ask_workers(client, _sees, mark))
    finally:
        mark.unlink(missing_ok=True)
    if wrong:
        raise ClusterMismatch(
            f"{len(wrong)} workers do not see the output folder {out}",
            "use a folder that every worker shares under one path (NFS or alike)",
            _rows(wrong),
        )


def _settle_model(client: Client, config: JobConfig) -> ModelSource:
    """The model at a path where every worker can open it: its own, else a copy within the output."""
    model = config.model
    if not _failures(ask_workers(client, _opens, model)) or not isinstance(model, BundleSource):
        return model
    shipped = ship_model(config.out.absolute(), model)
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


def _sees(mark: Path) -> bool:
    return mark.is_file()


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
