"""The wheel holds what the source tree holds: every package, and every file in them that is not Python."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
ROOTS = ("extract", "compress", "cluster", "jobs")


def test_every_package_is_listed() -> None:
    folders = {path.parent for root in ROOTS for path in (REPOSITORY / root).rglob("__init__.py")}
    found = {".".join(folder.relative_to(REPOSITORY).parts) for folder in folders}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


def installed_with(requirements: list[str]) -> set[str]:
    """Names of all that pip installs for requirements, by what the installed packages say they require."""
    found: set[tuple[str, frozenset[str]]] = set()
    pending = [Requirement(text) for text in requirements]
    while pending:
        wanted = pending.pop()
        entry = (re.sub(r"[-_.]+", "-", wanted.name).lower(), frozenset(wanted.extras))
        if entry in found:
            continue
        found.add(entry)
        try:
            needed = [Requirement(text) for text in requires(wanted.name) or ()]
        except PackageNotFoundError:
            continue  # for another platform, or not needed by anything here
        pending += [
            need
            for need in needed
            if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in ("", *wanted.extras))
        ]
    return {name for name, _ in found}


HEAVY = {"torch", "transformers", "onnx", "safetensors", "tensorflow", "jax"}


def test_worker_image_holds_no_torch() -> None:
    """The image is what its pip line installs: this package without extras, and what that requires."""
    lines = (REPOSITORY / "deploy" / "Containerfile").read_text("utf-8").splitlines()
    [line] = [line for line in lines if "pip install" in line and not line.startswith("#")]
    assert line.partition("pip install")[2].split() == ["--no-cache-dir", '".${EXTRAS}"']
    assert 'ARG EXTRAS=""' in lines
    extras = PROJECT["project"]["optional-dependencies"]
    names = installed_with(PROJECT["project"]["dependencies"])
    assert {"onnxruntime", "distributed", "scikit-learn", "tornado"} <= names  # so it does follow
    assert names & HEAVY == set()
    assert installed_with([*extras["s3"], *extras["gcs"], *extras["http"]]) & HEAVY == set()
    assert installed_with(extras["compress"]) & HEAVY


def test_no_module_lies_outside_a_package() -> None:
    modules = [path for root in ROOTS for path in (REPOSITORY / root).rglob("*.py")]
    assert [path for path in modules if not (path.parent / "__init__.py").exists()] == []


def test_every_data_file_is_packed() -> None:
    """A file that ``package-data`` does not name is there in the tests and missing once installed."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    packed = {
        path
        for package, globs in patterns.items()
        for pattern in globs
        for path in REPOSITORY.joinpath(*package.split(".")).glob(pattern)
    }
    files = {path for root in ROOTS for path in (REPOSITORY / root).rglob("*") if path.is_file()}
    data = {path for path in files if path.suffix not in (".py", ".pyc")}
    assert sorted(str(path.relative_to(REPOSITORY)) for path in data - packed) == []
