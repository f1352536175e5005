"""Responsible for URLs: whether a text is one, the fsspec filesystem behind it, its errors in our words.

Nothing is kept between calls that could be stale: listings are never cached. Where and as whom a store is
reached is the business of its own library (AWS and Google settings, profiles, environment, fsspec's files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from extract.errors import StoreError, StoreRefused

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://?")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}
"""Which extra of this package brings what a scheme needs."""
_UNCACHED = {"use_listings_cache": False}


def is_url(text: str) -> bool:
    """Whether a text is a URL, not a path; ``file:`` counts too."""
    return _URL.match(text) is not None


def scheme_of(url: str) -> str:
    """``s3`` of ``s3://bucket/prefix``; empty for a path."""
    found = _URL.match(url)
    return found[1].lower() if found else ""


def open_filesystem(url: str) -> tuple[Any, str]:
    """The fsspec filesystem behind a URL, and the path there; asks nothing of the store yet.

    :raises StoreRefused: when the scheme is unknown, or what it needs is not installed.
    """
    import fsspec

    scheme = scheme_of(url)
    try:
        with reaching(url):
            filesystem, path = fsspec.core.url_to_fs(url, **(_UNCACHED if scheme in _EXTRAS else {}))
    except ImportError as exc:
        extra = _EXTRAS.get(scheme)
        needed = f"pip install 'extraction-runner[{extra}]'" if extra else str(exc)
        raise StoreRefused("what this URL needs is not installed", url, advice=needed) from exc
    except ValueError as exc:
        known = ", ".join(f"{name}://" for name in ("s3", "gs", "https"))
        raise StoreRefused("unknown kind of URL", url, f"{scheme}://", f"a path, or one of {known}") from exc
    return filesystem, str(path)


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn the errors of a store and its library into those of this package.

    A missing object stays a :class:`FileNotFoundError`, and one that should not be there a
    :class:`FileExistsError`: these are answers, not failures.

    :raises StoreRefused: when there is no such bucket, no credentials, or no permission.
    :raises StoreError: on any other failure to reach the store.
    """
    try:
        yield
    except (StoreError, ImportError, ValueError, MemoryError):
        raise
    except FileNotFoundError as exc:
        if code_of(exc) == "NoSuchBucket":
            raise StoreRefused("no such bucket", url, advice="make it, or correct the URL") from exc
        raise
    except FileExistsError:
        raise
    except Exception as exc:  # the libraries behind fsspec raise errors of many kinds, their own and others'
        raise _translated(url, exc) from exc


def code_of(error: BaseException) -> str:
    """The store's own code for what went wrong, such as ``NoSuchBucket``; empty where it gave none."""
    for source in (error, error.__cause__):
        response = getattr(source, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        code = getattr(source, "code", None)
        if code is not None:
            return str(code)
    return ""


def _translated(url: str, error: Exception) -> StoreError:
    name, said = type(error).__name__, " ".join(str(error).split())[:300]
    if "credentials" in f"{name} {said}".lower():
        advice = "set up credentials as for the store's own tools, such as aws configure or gcloud auth"
        return StoreRefused("no usable credentials", url, said or name, advice=advice)
    if isinstance(error, PermissionError) or said.startswith("Forbidden") or code_of(error) in ("401", "403"):
        advice = "ask for permission to list, read, write and delete there, or use other credentials"
        return StoreRefused("permission denied", url, said or name, advice=advice)
    advice = "check the address and the network, then run the same command again"
    return StoreError("the store cannot be used", url, f"{name}: {said}", advice=advice)
