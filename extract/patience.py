"""Responsible for asking a server again that failed in a manner that may pass."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from extract.errors import StoreError, StoreRefused
from extract.urls import reaching, scheme_of

Result = TypeVar("Result")

DELAYS = (0.5, 2.0, 6.0)
"""Seconds before each further try over HTTP. Libraries of stores try for up to a minute themselves: of these
delays there is only the first for them."""


def ask(url: str, question: Callable[[], Result]) -> Result:
    """The answer to a question about a URL.

    :raises StoreRefused: at once, when asking again would be in vain.
    :raises StoreError: when the last try failed too.
    :raises FileNotFoundError: when there is no such object.
    """
    for delay in DELAYS if scheme_of(url) in ("http", "https") else DELAYS[:1]:
        try:
            with reaching(url):
                return question()
        except StoreRefused:
            raise
        except StoreError:
            time.sleep(delay * random.uniform(0.75, 1.25))  # not all workers at the same time
    with reaching(url):
        return question()
