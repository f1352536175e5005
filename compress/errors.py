"""Responsible for what can go wrong while models are made, as one tree.

::

    ExtractError                 (extract.errors)
    └── CompressError            anything that stops a model from being made
        ├── CheckpointError      a checkpoint that cannot be read: architecture, files, sizes, labels
        ├── DataError            well-formed data that cannot be trained or calibrated on
        ├── DeviceError          a GPU that is not there
        └── BudgetError          a budget that no choice of heads and neurons meets
"""

from __future__ import annotations

from extract.errors import ExtractError


class CompressError(ExtractError):
    """A model that cannot be made."""


class CheckpointError(CompressError):
    """A checkpoint that cannot be read or written."""


class DataError(CompressError):
    """Well-formed data that this work cannot start from."""


class DeviceError(CompressError):
    """A device to compute on that is not there."""


class BudgetError(CompressError):
    """A budget that no choice of heads and neurons meets."""
