"""Responsible for finding a model bundle by its variant name, by its folder, or by its URL."""

from __future__ import annotations

from pathlib import Path

from extract.bundle import MANIFEST
from extract.errors import UnknownModel
from extract.urls import is_url

DEFAULT_MODEL = "pruned25-int8"

_EMBEDDED = Path(__file__).parent / "models"


def list_bundles() -> list[Path]:
    """Folders of the bundles that come with the package, by name."""
    return sorted(manifest.parent for manifest in _EMBEDDED.glob(f"*/{MANIFEST}"))


def find_bundle(name_or_path: str) -> Path:
    """The folder of a bundle.

    :param name_or_path: a variant name that comes with the package, a path to a bundle folder, or its URL:
        then it is fetched to this host, once.
    :raises UnknownModel: when it is none of these; the message lists the known names.
    :raises BundleError: when it cannot be fetched.
    """
    if is_url(name_or_path):
        from extract.fetch_bundle import fetch_bundle

        return fetch_bundle(name_or_path)
    for path in list_bundles():
        if path.name == name_or_path:
            return path
    folder = Path(name_or_path)
    if (folder / MANIFEST).is_file():
        return folder
    known = ", ".join(path.name for path in list_bundles()) or "none"
    got = f"{name_or_path!r}, a folder without {MANIFEST}" if folder.is_dir() else repr(name_or_path)
    raise UnknownModel(
        "unknown model", "", got, f"a bundle folder or one of: {known}", "see `extract models list`"
    )
