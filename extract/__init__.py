"""Reading and tagging: citations in, mentions out. Usable in one process without Dask or torch.

What is named here is meant for other programs; docs/python-api.md shows it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.annotations import read_annotations
    from extract.endpoints import join_records
    from extract.errors import ExtractError
    from extract.output import Output, open_output
    from extract.records import Mention
    from extract.score import evaluate
    from extract.tagged_text import TaggedText, load_tagger, tag_text

__all__ = [
    "ExtractError",
    "Mention",
    "Output",
    "TaggedText",
    "evaluate",
    "join_records",
    "load_tagger",
    "open_output",
    "read_annotations",
    "tag_text",
]
_HOMES = {
    "ExtractError": "extract.errors",
    "Mention": "extract.records",
    "Output": "extract.output",
    "TaggedText": "extract.tagged_text",
    "evaluate": "extract.score",
    "join_records": "extract.endpoints",
    "load_tagger": "extract.tagged_text",
    "open_output": "extract.output",
    "read_annotations": "extract.annotations",
    "tag_text": "extract.tagged_text",
}


def __getattr__(name: str) -> Any:
    """Import what is exported when it is first used: Arrow takes a third of a second, and not all need it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
