"""The study's tables, from finished sweeps: one column a data set, one row a variant.

    python benchmarks/study_tables.py endpoints=sweeps/endpoints BC5CDR-chem=sweeps/BC5CDR-chem ...

Each argument names a data set and the folder that ``extract models sweep`` wrote. Prints Markdown: F1 of
the dense models with precision and recall, what each variant gains or loses against them, and how many heads
and neurons each layer kept.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from compress.sweeping.results import DENSE, SweepRow, read_results

Sweeps = Mapping[str, Sequence[SweepRow]]


def print_dense(sweeps: Sweeps) -> None:
    print("| data set | F1 | precision | recall | token accuracy |")
    print("|---|---|---|---|---|")
    for name, rows in sweeps.items():
        row = _find_dense(rows)
        print(f"| {name} | {row.f1:.4f} | {row.precision:.4f} | {row.recall:.4f} | {row.accuracy:.4f} |")
    print()


def print_differences(sweeps: Sweeps, method: str) -> None:
    """Of one method: median F1 over its seeds, less that of the dense fp32 model."""
    variants = sorted({(row.share, row.int8) for rows in sweeps.values() for row in rows if _is(row, method)})
    print(f"| `{method}` | " + " | ".join(sweeps) + " |")
    print("|---" * (len(sweeps) + 1) + "|")
    for share, int8 in variants:
        cells = []
        name = ""
        for rows in sweeps.values():
            found = [row for row in rows if _is(row, method) and (row.share, row.int8) == (share, int8)]
            name = found[0].name if found else name
            cells.append(_difference(found, _find_dense(rows)))
        print(f"| `{name}` | " + " | ".join(cells) + " |")
    print()


def print_layers(sweeps: Sweeps, method: str) -> None:
    """What each layer kept, bottom first."""
    print("| data set | variant | MACs gone | heads | neurons |")
    print("|---|---|---|---|---|")
    for name, rows in sweeps.items():
        for row in rows:
            if row.method == method and not row.int8:
                heads = " ".join(map(str, row.heads_per_layer))
                neurons = " ".join(map(str, row.neurons_per_layer))
                print(f"| {name} | `{row.name}` | {row.macs_removed:.1%} | {heads} | {neurons} |")
    print()


def _find_dense(rows: Sequence[SweepRow]) -> SweepRow:
    return next(row for row in rows if row.method == DENSE and not row.int8)


def _is(row: SweepRow, method: str) -> bool:
    """Whether it belongs in a method's table: the int8 model with nothing removed belongs in all."""
    return row.method == method or (row.method == DENSE and row.int8)


def _difference(found: Sequence[SweepRow], dense: SweepRow) -> str:
    if not found:
        return ""
    f1 = statistics.median(row.f1 for row in found)
    return f"{f1:.4f} ({f1 - dense.f1:+.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweeps", nargs="+", metavar="NAME=FOLDER")
    options = parser.parse_args()

    folders = dict(argument.split("=", 1) for argument in options.sweeps)
    sweeps = {name: read_results(Path(folder)) for name, folder in folders.items()}
    print_dense(sweeps)
    methods = dict.fromkeys(row.method for rows in sweeps.values() for row in rows if row.method != DENSE)
    for method in methods:
        print_differences(sweeps, method)
    for method in methods:
        print_layers(sweeps, method)


if __name__ == "__main__":
    main()
