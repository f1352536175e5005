"""Responsible for the long proof: ``python -m tests.faults --kills 1000 --log FILE``.

Makes one small output after the other with the real command while drivers, workers and schedulers are
killed, lets each output finish, and has the auditor compare it with an undisturbed one. Every finished output
is a line of the log, and a call with the log of an earlier one goes on after its last line.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.killing import Site, make_output, prepare


def read_log(path: Path) -> list[dict[str, Any]]:
    """The finished outputs of an earlier call; a last line that was cut off does not count."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def total(tales: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over finished outputs."""
    kills: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for tale in tales:
        kills.update(tale["kills"])
        codes.update(tale["codes"])
    return {
        "kills": sum(kills.values()),
        "kills_by_kind": dict(kills.most_common()),
        "outputs": len(tales),
        "runs": sum(tale["runs"] for tale in tales),
        "exit_codes": dict(codes.most_common()),
        "problems": [f"output {tale['number']}: {what}" for tale in tales for what in tale["problems"]],
        "seconds": round(sum(tale["seconds"] for tale in tales), 1),
    }


def prove(kills: int, seed: int, log: Path, folder: Path) -> dict[str, Any]:
    """Make outputs until so many kills have happened; the total of the whole log."""
    tales = [tale for tale in read_log(log) if tale["seed"] == seed]
    site = prepare(folder)
    try:
        _prove(kills, seed, log, site, tales)
    finally:
        site.zygote.close()
    return total(tales)


def _prove(kills: int, seed: int, log: Path, site: Site, tales: list[dict[str, Any]]) -> None:
    while total(tales)["kills"] < kills:
        number = max((tale["number"] for tale in tales), default=-1) + 1
        tale = {"seed": seed, **asdict(make_output(site, number, seed))}
        tales.append(tale)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(tale) + "\n")
        so_far = total(tales)
        sys.stderr.write(
            f"{so_far['kills']} kills, {so_far['outputs']} outputs, {len(so_far['problems'])} problems, "
            f"{so_far['seconds']:.0f} s\n"
        )


def main() -> int:
    """Parse, prove, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many to reach, those of the log included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="file of finished outputs, to go on with later")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the proof")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # leaves no cluster behind
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    result = prove(arguments.kills, arguments.seed, arguments.log or folder / "log.jsonl", folder)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    if result["problems"]:
        sys.stderr.write(f"see {folder}\n")
    elif not arguments.keep:
        shutil.rmtree(folder)
    return 1 if result["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
