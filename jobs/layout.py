"""Responsible for where things lie in an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from extract.commits import COMMITS, RUNS, SETTINGS, SOURCES
from extract.place import ObjectPlace
from extract.table import SCHEMAS
from jobs.durable import make_folder

Root = TypeVar("Root", Path, ObjectPlace, Path | ObjectPlace)

STAGING = "_staging"
CACHE = "_cache"


def make_output(root: Path) -> None:
    """Make the folders of an output, unless they are there.

    :raises OutputUnwritable: when one cannot be made, or is a symbolic link.
    """
    for name in (*SCHEMAS, COMMITS, SOURCES, SETTINGS, RUNS):
        make_folder(root / name)
    for name in (STAGING, CACHE):
        make_folder(root / name, 0o700)


def run_folder(root: Root, run_id: str) -> Root:
    return root / RUNS / run_id


def staging_folder(root: Path, run_id: str) -> Path:
    """Where workers of a run write; on the filesystem of the output, so that a rename publishes."""
    return root / STAGING / run_id


def staging_path(root: Path, run_id: str, kind: str, name: str) -> Path:
    return staging_folder(root, run_id) / f"{kind}-{name}"


def final_path(root: Root, kind: str, name: str) -> Root:
    return root / kind / name


def data_file_name(shard: str, attempt: str) -> str:
    """Made of our own hexadecimal ids only, never of anything that came from an input."""
    return f"{shard}.{attempt}.parquet"
