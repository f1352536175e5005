"""Responsible for ``extract models``: what there is, and making more of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.group import LazyGroup, command
from jobs.cli.output import echo_json, echo_table

if TYPE_CHECKING:
    from extract.bundle import ModelBundle


_NAME_WIDTH = 20


@click.group(
    cls=LazyGroup,
    commands_at={
        "adapt": "jobs.cli.adapt:adapt",
        "train": "jobs.cli.train:train",
        "build": "jobs.cli.build:build",
        "rules": "jobs.cli.rules:rules",
        "gate": "jobs.cli.gate:gate",
        "silence": "jobs.cli.silence:silence",
        "compare": "jobs.cli.compare:compare",
        "sweep": "jobs.cli.sweep:sweep",
    },
)
def models() -> None:
    """Look at models, train and build them.

    \b
    Example:
      extract models show pruned25-int8
    """


def describe(bundle: ModelBundle) -> dict[str, Any]:
    """What ``extract models show --json`` prints."""
    return {
        "name": bundle.name,
        "sha256": bundle.sha256,
        "bytes": bundle.n_bytes,
        "labels": list(bundle.labels),
        "lineage": [dict(step) for step in bundle.lineage],
        "macs_removed": bundle.macs_removed,
        "heads_per_layer": list(bundle.shape.heads_per_layer),
        "neurons_per_layer": list(bundle.shape.neurons_per_layer),
        "f1": bundle.scores.get("f1"),
        "f1_dense": bundle.scores.get("f1_dense"),
        "tokens_per_second": bundle.scores.get("tokens_per_second"),
        "scored_on": bundle.scores.get("data"),
        "gate": _gate_of(bundle),
        "path": str(bundle.path),
    }


def _gate_of(bundle: ModelBundle) -> dict[str, Any] | None:
    """What the gate of a bundle was measured to lose and pass; None where it has none."""
    from extract.gate import open_gate

    gate = open_gate(bundle)
    return None if gate is None else dict(gate.terms.measured)


def _gate_lines(measured: dict[str, Any]) -> list[str]:
    """One line for each measured loss, and for what passes."""
    losses = [
        f"{name} {entry['lost']} of {entry['entities']} lost (at most {entry['upper_95']:.2%})"
        for name, entry in measured.items()
        if "upper_95" in entry
    ]
    passed = [
        f"{name} {entry['sentences_passed']:.1%} of sentences pass, AUC {entry['auc']}"
        for name, entry in measured.items()
        if "sentences_passed" in entry
    ]
    return losses + passed


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _list(as_json: bool) -> None:
    """List the models that come with the package."""
    from extract.bundle import read_manifest
    from extract.registry import DEFAULT_MODEL, list_bundles

    found = [describe(read_manifest(path)) for path in list_bundles()]
    if as_json:
        echo_json({"default": DEFAULT_MODEL, "models": found})
        return
    columns = ("model", "MB", "labels", "MACs removed", "F1", "F1 dense", "tokens/s", "sha256")
    rows = [
        (
            model["name"],
            f"{model['bytes'] / 1e6:.1f}",
            str(len(model["labels"])),
            f"{model['macs_removed']:.0%}",
            _number(model["f1"], ".3f"),
            _number(model["f1_dense"], ".3f"),
            _number(model["tokens_per_second"], ",.0f"),
            model["sha256"][:12],
        )
        for model in found
    ]
    echo_table("models", columns, rows)


@click.argument("name")
def _show(name: str, as_json: bool) -> None:
    """Show one model: size, labels, scores, lineage. NAME is a variant name or a bundle folder."""
    from extract.bundle import read_manifest
    from extract.registry import find_bundle

    bundle = read_manifest(find_bundle(name))
    fields = describe(bundle)
    if as_json:
        echo_json(fields)
        return
    lineage = fields.pop("lineage")
    fields["gate"] = "none" if fields["gate"] is None else _gate_lines(fields["gate"])
    for key, value in fields.items():
        _echo_field(key, value)
    for step in lineage:
        settings = ", ".join(f"{key} {value}" for key, value in step.items() if key != "step")
        _echo_field(str(step.get("step", "step")), settings)


def _echo_field(name: str, value: object) -> None:
    """One field, its value wrapped beside its name."""
    parts = [f"{key} {part}" for key, part in value.items()] if isinstance(value, dict) else value
    text = ", ".join(map(str, parts)) if isinstance(parts, list) else str(parts)
    indent = " " * _NAME_WIDTH
    click.echo(textwrap.fill(text, 100, initial_indent=f"{name:{_NAME_WIDTH}}", subsequent_indent=indent))


@click.argument("name")
def _verify(name: str, as_json: bool) -> None:
    """Check a model's files against their hashes, and its answers against its golden probe."""
    from extract.bundle import open_bundle
    from extract.registry import find_bundle
    from extract.tagger import open_tagger

    bundle = open_tagger(open_bundle(find_bundle(name))).bundle
    if as_json:
        echo_json({"name": bundle.name, "sha256": bundle.sha256, "files": len(bundle.files), "ok": True})
        return
    click.echo(
        f"{bundle.name}: {len(bundle.files)} files as they should be, golden probe answered as expected\n"
        f"sha256 {bundle.sha256}"
    )


models.add_command(command("list", example="extract models list")(_list))
models.add_command(command("show", example="extract models show pruned25-int8")(_show))
models.add_command(command("verify", example="extract models verify pruned25-int8")(_verify))
