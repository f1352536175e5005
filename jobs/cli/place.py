"""Responsible for the parameters that name an output, and files that only this machine can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class OutputPlace(click.Path):
    """A folder or a URL of an object store; completes as a path does."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The :data:`extract.place.Place` that a text stands for.

        :raises StoreRefused: when a URL names no bucket.
        """
        from extract.place import parse_place

        return parse_place(value)


class LocalFile(click.Path):
    """A file to write on this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path that a text stands for; a URL would be taken for a folder of that odd name."""
        from extract.urls import is_url

        if is_url(str(value)):
            self.fail(f"{value} is not on a file system: write a file here, then copy it there", param, ctx)
        return super().convert(value, param, ctx)


OUTPUT = OutputPlace()
WRITTEN = LocalFile(path_type=Path, dir_okay=False)
