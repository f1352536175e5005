"""Responsible for URLs: whether a text is one, the fsspec filesystem behind it, its errors in our words.

Nothing is kept between calls that could be stale: listings are never cached. Where and as whom a store is
reached is the business of its own library (AWS and Google settings, profiles, environment, fsspec's files).
What is told of a URL never holds a password or a signature (:func:`shown_url`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from extract.errors import ExtractError, StoreError, StoreRefused

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://?")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}
"""Which extra of this package brings what a scheme needs."""
_UNCACHED = {"use_listings_cache": False}
_WEB = frozenset(("http", "https"))
_CONNECT_SECONDS, _SILENT_SECONDS = 30, 60
_SECRET = re.compile(r"sig|token|key|credential|password|x-amz|x-goog", re.IGNORECASE)
_USER, _QUERY = re.compile(r"//[^/@\s]+@"), re.compile(r"\?[^\s'\"]+")
_MISSING = frozenset(("404", "410", "NoSuchKey"))
_REFUSAL = re.compile(r"4\d\d")
_PASSING = frozenset(("408", "425", "429"))
"""Refusals that may pass by themselves: too slow, too early, too many."""
_FORBIDDEN = frozenset(("401", "403", "AccessDenied"))


def is_url(text: str) -> bool:
    """Whether a text is a URL, not a path; ``file:`` counts too."""
    return _URL.match(text) is not None


def scheme_of(url: str) -> str:
    """``s3`` of ``s3://bucket/prefix``; empty for a path."""
    found = _URL.match(url)
    return found[1].lower() if found else ""


def shown_url(url: str) -> str:
    """The URL as it may be told and stored: without password, and without a query that signs."""
    if scheme_of(url) not in _WEB:
        return url
    parts = urlsplit(url)
    query = "" if _SECRET.search(parts.query) else parts.query
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def name_of_url(url: str) -> str:
    """The name of the file that a URL leads to, such as ``pubmed26n0001.xml.gz``."""
    path = unquote(urlsplit(url).path) if scheme_of(url) in _WEB else url
    return path.rstrip("/").rpartition("/")[2]


def open_filesystem(url: str) -> tuple[Any, str]:
    """The fsspec filesystem behind a URL, and the path there; asks nothing of the store yet.

    :raises StoreRefused: when the scheme is unknown, or what it needs is not installed.
    """
    import fsspec

    scheme = scheme_of(url)
    logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # what it says is raised too, and told once
    try:
        with reaching(url):
            filesystem, path = fsspec.core.url_to_fs(url, **_options_of(scheme))
    except ImportError as exc:
        extra = _EXTRAS.get(scheme)
        needed = f"pip install 'extraction-runner[{extra}]'" if extra else str(exc)
        raise StoreRefused("what this URL needs is not installed", shown_url(url), advice=needed) from exc
    except ValueError as exc:
        known = ", ".join(f"{name}://" for name in ("s3", "gs", "https"))
        expected = f"a path, or one of {known}"
        raise StoreRefused("unknown kind of URL", shown_url(url), f"{scheme}://", expected) from exc
    return filesystem, str(path)


def _options_of(scheme: str) -> dict[str, Any]:
    """What a filesystem is opened with."""
    if scheme not in _WEB:
        return _UNCACHED if scheme in _EXTRAS else {}
    import aiohttp

    client = {
        # A file is what the server stores: its size and digests are those of these bytes, unpacked by nobody.
        "auto_decompress": False,
        "headers": {"Accept-Encoding": "identity"},
        # Without limit as a whole (the default is five minutes): a large file over a slow line takes long.
        "timeout": aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS
        ),
        "trust_env": True,  # proxies, as other programs are told of them
    }
    return {**_UNCACHED, "client_kwargs": client}


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
    except (ExtractError, ImportError, ValueError, MemoryError):
        raise
    except FileNotFoundError as exc:
        if code_of(exc) == "NoSuchBucket":
            raise StoreRefused("no such bucket", shown_url(url), advice="make it, or mend the URL") from exc
        hidden = _hidden_in(exc)
        if hidden is not None:
            raise _translated(url, hidden) from exc
        raise
    except FileExistsError:
        raise
    except Exception as exc:  # the libraries behind fsspec raise errors of many kinds, their own and others'
        raise _translated(url, exc) from exc


def code_of(error: BaseException) -> str:
    """The store's own code for what went wrong, such as ``NoSuchBucket`` or ``404``; empty without one."""
    for source in (error, error.__cause__):
        response = getattr(source, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    # What stands behind an error may have a code of another kind: aiohttp gives a cut answer the code 400.
    codes = (getattr(error, name, None) for name in ("status", "code"))  # aiohttp has both, and warns of one
    return next((str(code) for code in codes if code is not None), "")


def _hidden_in(error: FileNotFoundError) -> Exception | None:
    """What befell a request over HTTP when it was not 404: fsspec calls all of it "not found"."""
    cause = error.__cause__
    if not isinstance(cause, Exception) or code_of(cause) in _MISSING:
        return None
    own = isinstance(cause, (ConnectionError, TimeoutError)) or type(cause).__module__.startswith("aiohttp")
    return cause if own else None


def _translated(url: str, error: Exception) -> StoreError:
    name, code, where = type(error).__name__, code_of(error), shown_url(url)
    said = _without_secrets(" ".join(str(error).split())[:300], url)
    if "credentials" in f"{name} {said}".lower():
        advice = "set up credentials as for the store's own tools, such as aws configure or gcloud auth"
        return StoreRefused("no usable credentials", where, said or name, advice=advice)
    if isinstance(error, PermissionError) or said.startswith("Forbidden") or code in _FORBIDDEN:
        advice = "ask for permission to what is to be done there, or use other credentials"
        return StoreRefused("permission denied", where, said or name, advice=advice)
    if _REFUSAL.fullmatch(code) and code not in _PASSING:
        return StoreRefused("the request is refused", where, said or name, advice="correct the URL")
    advice = "check the address and the network, then run the same command again"
    return StoreError("the store cannot be used", where, f"{name}: {said}", advice=advice)


def _without_secrets(text: str, url: str) -> str:
    """What a library says, which may hold the URL as it was asked for."""
    if shown_url(url) == url:
        return text
    return _USER.sub("//", _QUERY.sub("", text))
