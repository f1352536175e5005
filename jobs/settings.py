"""Responsible for the settings that decide how rows come about, and for refusing to mix them."""

from __future__ import annotations

from collections.abc import Sequence

from extract.commits import SETTINGS, SettingsRecord, read_settings, to_json
from extract.endpoints import ENDPOINT_RULE_VERSION
from extract.place import Place
from extract.sentences import SENTENCE_RULE_VERSION
from extract.table import SCHEMA_VERSION
from extract.text import TEXT_RULE_VERSION
from jobs.errors import SettingsMismatch
from jobs.model import ModelSource
from jobs.store import store_of

SHARD_RULE_VERSION = 2
"""Raised when the code of a shard would give other rows for the same text and model. 2: a token that begins
within a number and ends behind it is tied to the number too."""


def settings_of(model: ModelSource, *, gate: bool) -> dict[str, str]:
    """What decides how rows come about, by name. Worker count, shard size and batch order do not."""
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "gate": ("on" if gate else "off") if model.has_gate else "none",
        "text_rule": str(TEXT_RULE_VERSION),
        "sentence_rule": str(SENTENCE_RULE_VERSION),
        "endpoint_rule": str(ENDPOINT_RULE_VERSION),
        "shard_rule": str(SHARD_RULE_VERSION),
        "tables": str(SCHEMA_VERSION),
    }


def settle_settings(root: Place, wanted: dict[str, str], *, run_id: str, replace: bool) -> SettingsRecord:
    """The output's settings, which are now the wanted ones.

    A fresh output takes them. Another output is only told to change them with ``replace``: every citation
    is then stale until it has been processed again.

    :raises SettingsMismatch: when the output has others; the message lists each difference.
    """
    while True:
        known = read_settings(root)
        if known and dict(known[-1].values) == wanted:
            return known[-1]
        if known and not replace:
            raise mismatch(root, known, wanted)
        record = SettingsRecord(number=len(known) + 1, run_id=run_id, values=wanted)
        key = f"{SETTINGS}/{record.number:04d}.json"
        if store_of(root).put_new(key, to_json(record), point="settings"):
            return record


def mismatch(root: Place, known: Sequence[SettingsRecord], wanted: dict[str, str]) -> SettingsMismatch:
    """The error that tells each field that differs."""
    had = known[-1].values
    fields = [name for name in sorted({*had, *wanted}) if had.get(name) != wanted.get(name)]
    return SettingsMismatch(
        "the output was made with other settings",
        str(root),
        ", ".join(f"{name}={_short(name, wanted.get(name))}" for name in fields),
        ", ".join(f"{name}={_short(name, had.get(name))}" for name in fields),
        "use another --out, or --replace-model to process everything again with the new settings",
    )


def _short(name: str, value: str | None) -> str:
    """A value as people read it: hashes are cut, names are not."""
    if value is None:
        return "none"
    return value[:12] if name.endswith("sha256") else value
