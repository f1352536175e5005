"""Responsible for the options of ``extract models train`` that bring text beside the annotated sentences:
documents of other fields, and teachers with what they are asked."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.options import with_options

if TYPE_CHECKING:
    from compress.training.negatives import Negatives
    from compress.training.selftrain import Teaching

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
teaching_options = with_options(
    click.option(
        "--negatives",
        multiple=True,
        type=_FILE,
        help="Input of a run: sentences of its citations outside the field are learnt as having no entity; "
        "repeatable.",
    ),
    click.option(
        "--outside",
        "words",
        metavar="WORDS",
        type=_FILE,
        help="Words of the field; a citation outside it holds none. A file as for `models gate --words`.",
    ),
    click.option(
        "--negative-sentences",
        type=click.IntRange(1),
        help="At most so many of them, by hash of their document.  [default: 1000]",
    ),
    click.option(
        "--teacher",
        "teachers",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Fine-tuned checkpoint to learn from, or a folder of several (--seeds); repeatable: their "
        "probabilities are averaged.",
    ),
    click.option(
        "--unlabelled",
        multiple=True,
        type=_FILE,
        help="Text whose sentences the teachers answer: JSON Lines with doc and paragraphs, or an input of a "
        "run; repeatable.",
    ),
    click.option(
        "--gate-of", metavar="NAME_OR_PATH", help="Take only sentences that this bundle's gate lets pass."
    ),
    click.option(
        "--unlabelled-sentences",
        type=click.IntRange(1),
        help="At most so many sentences of that text, by hash of their document.  [default: 10000]",
    ),
    click.option(
        "--silent-share",
        type=click.FloatRange(0, 1),
        help="Share, of the sentences learnt of that text, in which nothing is found; half of them from "
        "outside the gate. 1 keeps all.  [default: 0.5]",
    ),
    click.option(
        "--agree", is_flag=True, help="Leave out sentences in which the teachers do not all find the same."
    ),
    click.option(
        "--distil-weight",
        type=click.FloatRange(0, 1),
        help="The teachers' share in an annotated sentence's loss.  [default: 0.5]",
    ),
    click.option(
        "--unlabelled-weight",
        type=click.FloatRange(0, min_open=True),
        help="How much a token of unlabelled text counts beside an annotated one.  [default: 1]",
    ),
    click.option(
        "--temperature",
        type=click.FloatRange(0, min_open=True),
        help="Softens teachers' and student's answers before they are compared.  [default: 2]",
    ),
)


def take_negatives(given: MutableMapping[str, Any]) -> Negatives | None:
    """Take documents of other fields out of a command's parameters; None where there are none."""
    from compress.training.negatives import Negatives

    inputs, words, sentences = (given.pop(name) for name in ("negatives", "words", "negative_sentences"))
    if bool(inputs) != (words is not None) or (sentences and not inputs):
        raise click.UsageError(
            "--negatives INPUT and --outside WORDS go together: the words tell what the field is"
        )
    if not inputs:
        return None
    return Negatives(inputs, words, **({} if sentences is None else {"sentences": sentences}))


def take_teaching(given: MutableMapping[str, Any]) -> Teaching | None:
    """Take who teaches, and what, out of a command's parameters; None where nobody does.

    Weights and temperature stay in ``given``: they are settings of the training.
    """
    from compress.training.selftrain import Teaching
    from extract.registry import find_bundle

    teachers, text, gate_of = (given.pop(name) for name in ("teachers", "unlabelled", "gate_of"))
    names = {"unlabelled_sentences": "sentences", "silent_share": "silent_share", "agree": "agree"}
    found = {field: given.pop(name) for name, field in names.items()}
    chosen = {field: value for field, value in found.items() if value is not None and value is not False}
    weights = ("distil_weight", "unlabelled_weight", "temperature")
    if not teachers and (text or gate_of or chosen or any(given[name] is not None for name in weights)):
        raise click.UsageError("there is nobody to answer: name a --teacher")
    if not text and (gate_of or set(chosen) - {"agree"} or given["unlabelled_weight"] is not None):
        raise click.UsageError("there is no text to choose from: name --unlabelled FILE")
    if not teachers:
        return None
    return Teaching(teachers, text, find_bundle(gate_of) if gate_of else None, **chosen)
