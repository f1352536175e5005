"""Responsible for ``extract models rules``."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with train (read off) and dev (checked on) files, or one annotated file.",
)
@click.option("--also", multiple=True, type=_FILE, help="Another annotated file to read off; repeatable.")
@click.option(
    "--stated",
    type=_FILE,
    help="Rules of your own, in the same form, that win over what is read off; a label may be a pattern such"
    " as *_CIL.",
)
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write them as JSON.")
@click.option(
    "--into",
    "bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write them into this bundle, and score it anew on the data's test (or dev) file.",
)
@click.option("--dense", help="With --into: the checkpoint that the bundle was made of, scored beside it.")
def _rules(
    data: Path,
    also: tuple[Path, ...],
    stated: Path | None,
    target: Path | None,
    bundle: Path | None,
    dense: str | None,
    as_json: bool,
) -> None:
    """Tell what mentions look like in annotated data, as rules for decoding.

    Which brackets and units belong to a mention, what is said instead of a number, which labels never stand
    alone: whatever the annotations of a label keep to. `extract models build` reads the same off its training
    data; write them to a file to change them, and build with --rules FILE.
    """
    from compress.building.rules import count_changed, derive_rules, read_rules, state_rules, write_rules
    from compress.folds import read_folds
    from extract.annotations import labels_of

    if (bundle is None) != (dense is None):
        raise click.UsageError("--into and --dense go together")
    folds = read_folds(data, also, report=echo_note)
    rules = derive_rules(folds.train)
    if stated is not None:
        rules = state_rules(rules, read_rules(stated), labels_of(folds.train))
    changed, total = count_changed(folds.dev, rules)
    if target is not None:
        write_rules(target, rules)
    if bundle is not None and dense is not None:
        from compress.building.ruled import give_rules

        names = [path.name for path in (data, *also, stated) if path is not None]
        scores = give_rules(bundle, rules, dense=dense, data=data, read_off=names, report=echo_note).scores
        echo_note(f"{bundle}: F1 {scores['f1']:.4f} (dense {scores['f1_dense']:.4f}) with these rules")
    if as_json:
        echo_json({"rules": rules.to_dict(), "dev_entities": total, "dev_entities_changed": changed})
        return
    rows = [
        (label, *("; ".join(_shown(of_label, names)) for names in _COLUMNS.values()))
        for label, of_label in rules.to_dict()["labels"].items()
    ]
    words = "words stay whole" if rules.whole_words else "words may be cut"
    title = f"rules of {len(folds.train)} sentences; {words}"
    echo_table(title, ("label", *_COLUMNS), rows, left=range(len(_COLUMNS) + 1))
    echo_note(f"they would change {changed} of {total} entities that were held out")


_COLUMNS = {
    "units": ("units",),
    "phrases": ("phrases",),
    "only with": ("only_with", "only_with_words"),
    "never with": ("never_with_words",),
    "else": ("needs_value", "one_number", "unit_follows", "never_after"),
}


def _shown(of_label: dict[str, object], names: tuple[str, ...]) -> list[str]:
    """The values under some names; of a flag its name."""
    shown: list[str] = []
    for name in names:
        value = of_label.get(name)
        if value is True:
            shown.append(name)
        elif isinstance(value, list):
            shown += [" or ".join(item) if isinstance(item, list) else item.strip() for item in value]
    return list(dict.fromkeys(shown))


rules = command("rules", example="extract models rules --data endpoints --to rules.json")(_rules)
