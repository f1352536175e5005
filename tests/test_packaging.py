"""The wheel holds what the source tree holds: every package, and every file in them that is not Python."""

from __future__ import annotations

import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
ROOTS = ("extract", "compress", "cluster", "jobs")


def test_every_package_is_listed() -> None:
    folders = {path.parent for root in ROOTS for path in (REPOSITORY / root).rglob("__init__.py")}
    found = {".".join(folder.relative_to(REPOSITORY).parts) for folder in folders}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


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
