"""Responsible for workers being the same software as the driver: other versions can give other rows."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from jobs.errors import ModelUnavailable

DECISIVE = ("extraction-runner", "onnxruntime", "tokenizers", "lxml", "pyarrow", "numpy")
"""Packages whose version can change a row or a file."""

Versions = tuple[tuple[str, str], ...]


@cache
def own_versions() -> Versions:
    """Versions in this process of Python and of the packages that matter."""
    return (("python", platform.python_version()), *((name, version_of(name)) for name in DECISIVE))


@cache
def require_versions(expected: Versions) -> None:
    """
    :raises ModelUnavailable: when this process has other versions than the driver.
    """
    own = dict(own_versions())
    wrong = [(name, own.get(name), wanted) for name, wanted in expected if own.get(name) != wanted]
    if wrong:
        raise ModelUnavailable(
            "version_mismatch",
            "a worker",
            ", ".join(f"{name} {got}" for name, got, _ in wrong),
            ", ".join(f"{name} {wanted}" for name, _, wanted in wrong),
            "install the same versions on every worker",
        )


def version_of(package: str) -> str:
    """Version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
