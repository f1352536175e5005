"""Responsible for model bundles behind URLs: fetched once to this host, and verified like any other.

::

    FOLDER/                 this user's alone, mode 0700
        KEY/                the bundle; KEY is the SHA-256 of its manifest, which names all other hashes
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from extract.bundle import MANIFEST, ModelBundle, open_bundle, read_manifest
from extract.errors import BundleError, StoreError
from extract.patience import ask
from extract.private import require_private
from extract.urls import open_filesystem, shown_url

KEPT = 8
"""Bundles that stay when one is fetched, those used last."""
_MANIFEST_BYTES = 64 << 20
_CARD = "README.md"


def bundle_cache() -> Path:
    """Where this user's processes on this host keep bundles from elsewhere; may be deleted at any time."""
    return Path(tempfile.gettempdir()) / f"extract-models-{os.getuid()}"


def fetch_bundle(url: str, folder: Path | None = None) -> Path:
    """The folder of a copy of the bundle behind a URL; its manifest is read there each time, the rest once.

    :raises BundleError: when there is no bundle, it cannot be had, or is not what its manifest says.
    """
    where, folder = shown_url(url), folder or bundle_cache()
    try:
        filesystem, remote = open_filesystem(url.rstrip("/"))
        manifest = _read(filesystem, url, f"{remote}/{MANIFEST}", _MANIFEST_BYTES)
        entry = folder / hashlib.sha256(manifest).hexdigest()
        require_private(folder)
        if not _is_whole(entry):
            _fetch(filesystem, url, remote, manifest, entry)
            _forget_old(folder)
        os.utime(entry)
    except StoreError as exc:
        got = f"{exc.what} ({exc.got})" if exc.got else exc.what
        raise BundleError("the model cannot be fetched", where, got, exc.expected, exc.advice) from exc
    except FileNotFoundError as exc:
        missing = f"no {Path(str(exc.filename or exc)).name}"
        raise BundleError(
            "no model bundle", where, missing, f"a folder with {MANIFEST}", "check the URL"
        ) from exc
    except OSError as exc:
        got = f"no copy of it can be made in {folder}: {exc.strerror or exc}"
        raise BundleError("the model cannot be fetched", where, got, advice="free or mend that disk") from exc
    return entry


def _fetch(filesystem: Any, url: str, remote: str, manifest: bytes, entry: Path) -> None:
    """Fetch all files that a manifest names, check them, and give the folder its name."""
    aside = entry.with_name(f".{entry.name}.{uuid.uuid4().hex}")
    aside.mkdir(mode=0o700)
    try:
        (aside / MANIFEST).write_bytes(manifest)
        bundle = read_manifest(aside)  # its file names are plain names, checked there
        for name, expected in bundle.files.items():
            data = _read(filesystem, url, f"{remote}/{name}", expected.n_bytes)
            (aside / name).write_bytes(data)
        _fetch_card(filesystem, url, remote, aside)
        _told_of(url, aside)
        shutil.rmtree(entry, ignore_errors=True)  # one that somebody damaged
        try:
            aside.rename(entry)
        except OSError:  # another process was first
            if not _is_whole(entry):
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _told_of(url: str, aside: Path) -> ModelBundle:
    """The bundle verified; what is wrong with it is told of the URL, where it must be mended."""
    try:
        return open_bundle(aside)
    except BundleError as error:
        where = error.where.replace(str(aside), shown_url(url).rstrip("/"))
        raise BundleError(error.what, where, error.got, error.expected, "upload it again") from error


def _fetch_card(filesystem: Any, url: str, remote: str, aside: Path) -> None:
    """The card is for people, and may be missing."""
    try:
        (aside / _CARD).write_bytes(_read(filesystem, url, f"{remote}/{_CARD}", _MANIFEST_BYTES))
    except (FileNotFoundError, StoreError):
        return


def _read(filesystem: Any, url: str, path: str, most: int) -> bytes:
    """A file whole, but no more of it than one byte too many."""
    data: bytes = ask(url, lambda: filesystem.cat_file(path))
    return data[: most + 1]


def _is_whole(entry: Path) -> bool:
    if not entry.is_dir():
        return False
    try:
        open_bundle(entry)
    except BundleError:
        return False
    return True


def _forget_old(folder: Path) -> None:
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
