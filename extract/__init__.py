"""Reading and tagging: citations in, mentions out. Usable in one process without Dask or torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.output import open_output

__all__ = ["open_output"]


def __getattr__(name: str) -> Any:
    """Import what is exported when it is first used: Arrow takes a third of a second, and not all need it."""
    if name == "open_output":
        from extract.output import open_output

        return open_output
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
