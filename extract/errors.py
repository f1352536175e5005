"""Responsible for what can go wrong while reading and tagging, as one tree.

::

    ExtractError                 anything this project reports to its user
    ├── SourceError              an input file that cannot be read (carries a reason code)
    ├── AnnotationError          training or test data that does not say what it should
    ├── BundleError              a model bundle that cannot be used
    │   ├── UnknownModel         a name that stands for no bundle
    │   ├── NotPromoted          a variant that falls too far below its dense model
    │   └── ProbeMismatch        a bundle that answers its golden probe differently on this machine
    ├── TaggingError             a sentence that the model could not be run on
    ├── StoreError               an object store that does not answer as it should
    │   └── StoreRefused         one that cannot be used as asked: bucket, credentials, missing package
    └── OutputError              an output that is damaged
        ├── NewerOutput          an output that a newer version of this program wrote to
        └── NotAnOutput          a folder that is no output at all

Every message is one line: what, where, got, expected, what to do. The fields are positional
arguments of :class:`Exception`, so an error that crosses process borders by pickle arrives as itself.
"""

from __future__ import annotations


class ExtractError(Exception):
    """One thing that went wrong, told in one line.

    ``what`` went wrong, ``where`` (file, line, field), what was ``got`` and what was ``expected``,
    and the ``advice``: what to do now. Empty parts are left out of the line.
    """

    def __init__(
        self, what: str, where: str = "", got: str = "", expected: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where, got, expected, advice)
        self.what = what
        self.where = where
        self.got = got
        self.expected = expected
        self.advice = advice

    def __str__(self) -> str:
        line = self.what + (f" in {self.where}" if self.where else "")
        details = [
            f"{name} {value}" for name, value in (("got", self.got), ("expected", self.expected)) if value
        ]
        parts = [": ".join([line, ", ".join(details)]) if details else line]
        if self.advice:
            parts.append(self.advice)
        return "; ".join(parts).replace("\n", " ")


class SourceError(ExtractError):
    """An input file that cannot be read. ``what`` is a reason code of :mod:`extract.reasons`."""


class AnnotationError(ExtractError):
    """Annotated data (training, dev, test) that does not say what it should."""


class BundleError(ExtractError):
    """A model bundle that cannot be used: missing file, wrong hash, unknown format."""


class UnknownModel(BundleError):
    """A model name that stands for no bundle on this machine."""


class NotPromoted(BundleError):
    """A variant that was marked, when it was built, as falling too far below its dense model."""


class ProbeMismatch(BundleError):
    """The bundle's golden probe came out differently here: other CPU class, or a broken model."""


class TaggingError(ExtractError):
    """A sentence that the model could not be run on."""


class StoreError(ExtractError):
    """An object store, or another place behind a URL, that does not answer as it should."""


class StoreRefused(StoreError):
    """A place behind a URL that cannot be used as asked: no bucket, no credentials, a package missing."""


class OutputError(ExtractError):
    """An output that is damaged: a record or a data file is missing or is not what was committed."""


class NewerOutput(OutputError):
    """A record with fields that this version does not know. It is whole, and not to be repaired."""


class NotAnOutput(OutputError):
    """A folder that is not the output of a run, or a run that is not in it."""
