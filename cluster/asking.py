"""Responsible for asking every worker something, when workers may end while they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distributed import Client
from distributed.comm import CommClosedError


def ask_workers(client: Client, question: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """What each worker answers, by address; an exception where it raised one.

    A worker that ended meanwhile is left out: that says nothing of what it is, and whatever takes its place
    asks itself before it works.
    """
    answers: dict[str, Any] = client.run(question, *arguments, on_error="return")
    lost = (CommClosedError, ConnectionError)
    return {worker: answer for worker, answer in answers.items() if not isinstance(answer, lost)}
