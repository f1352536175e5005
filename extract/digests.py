"""Responsible for the identity of a file's bytes: its SHA-256, and what its ``.md5`` sidecar says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from extract import reasons
from extract.bytestream import DOWNLOAD_AGAIN, translated_errors
from extract.errors import SourceError

_MD5 = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_BLOCK_BYTES = 1 << 20
_SIDECAR_BYTES = 1 << 12


def read_digest(path: Path) -> tuple[str, int]:
    """Hash a file as it lies on disk: (SHA-256, size). Compare it with ``NAME.md5`` where there is one.

    :raises SourceError: ``missing``, ``unreadable``, ``empty``, ``md5_mismatch``.
    """
    expected = _read_sidecar(path)
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    n_bytes = 0
    with translated_errors(path), path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            n_bytes += len(block)
            sha256.update(block)
            if expected:
                md5.update(block)
    if not n_bytes:
        raise SourceError(reasons.EMPTY, str(path), "0 bytes", advice=DOWNLOAD_AGAIN)
    if expected and md5.hexdigest() != expected:
        raise SourceError(reasons.MD5_MISMATCH, str(path), md5.hexdigest(), expected, DOWNLOAD_AGAIN)
    return sha256.hexdigest(), n_bytes


def _read_sidecar(path: Path) -> str | None:
    """The digest in ``NAME.md5`` (``MD5(NAME)= hex``, or ``hex  NAME``); None where there is no such file."""
    sidecar = path.with_name(path.name + ".md5")
    if not sidecar.exists():
        return None
    with translated_errors(sidecar), sidecar.open("rb") as file:
        match = _MD5.search(file.read(_SIDECAR_BYTES).decode("ascii", "replace"))
    if not match:
        got, expected = "no digest", "32 hexadecimal digits"
        raise SourceError(reasons.MD5_MISMATCH, str(sidecar), got, expected, DOWNLOAD_AGAIN)
    return match[0].lower()
