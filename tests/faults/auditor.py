"""Responsible for judging an output from outside: shares no code with the product, only formats.

Reads the inputs with the standard library's XML parser and the output with Arrow, and checks that every
citation of the inputs has exactly one row, that nothing is half-written, and that spans say what they say.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq

Rows = list[dict[str, Any]]


def audit(out: Path, inputs: Sequence[Path]) -> list[str]:
    """What is wrong with an output that should hold all of the inputs; empty when nothing is."""
    problems: list[str] = []
    commits = [json.loads(path.read_bytes()) for path in sorted((out / "_commits").glob("*.json"))]
    tables: dict[str, Rows] = {"citations": [], "entities": [], "endpoints": [], "deletions": []}
    for commit in commits:
        for file in commit["files"]:
            problems += _check_file(out / file["kind"] / file["name"], file)
            for row in pq.read_table(out / file["kind"] / file["name"]).to_pylist():
                tables[file["kind"]].append({**row, "source_sha256": commit["source_sha256"]})
    for path in inputs:
        problems += _check_source(path, tables)
    return problems + _check_entities(tables)


def rows_of(out: Path) -> str:
    """A digest of all committed rows: the same for the same rows, whoever made them and when."""
    rows = []
    for path in sorted((out / "_commits").glob("*.json")):
        commit = json.loads(path.read_bytes())
        for file in commit["files"]:
            for row in pq.read_table(out / file["kind"] / file["name"]).to_pylist():
                row.pop("run_id")
                rows.append(json.dumps([file["kind"], commit["source_sha256"], row], default=bytes.hex))
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _check_file(path: Path, file: dict[str, Any]) -> list[str]:
    if not path.is_file():
        return [f"{path.name}: committed, but not there"]
    data = path.read_bytes()
    if (len(data), hashlib.sha256(data).hexdigest()) != (file["n_bytes"], file["sha256"]):
        return [f"{path.name}: not what was committed"]
    return []


def _check_source(path: Path, tables: dict[str, Rows]) -> list[str]:
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    root = ElementTree.fromstring(gzip.decompress(data) if path.suffix == ".gz" else data)
    records = root.findall("PubmedArticle/MedlineCitation") or root.findall("MedlineCitation")
    wanted = Counter(record.findtext("PMID") or "" for record in records)
    rows = [row for row in tables["citations"] if row["source_sha256"] == sha256]
    found = Counter(str(row["doc_id"]) for row in rows)
    problems = [f"{path.name}: {pmid} lost" for pmid in (wanted - found).elements()]
    problems += [f"{path.name}: {pmid} doubled or invented" for pmid in (found - wanted).elements()]
    if len({row["position"] for row in rows}) != len(rows):
        problems.append(f"{path.name}: two rows for one record")
    orders = Counter(order.text for order in root.findall("DeleteCitation/PMID"))
    kept = Counter(str(row["pmid"]) for row in tables["deletions"] if row["source_sha256"] == sha256)
    if orders != kept:
        problems.append(f"{path.name}: deletions differ")
    return problems


def _check_entities(tables: dict[str, Rows]) -> list[str]:
    fates = {(row["source_sha256"], row["position"]): row for row in tables["citations"]}
    counts = Counter((row["source_sha256"], row["position"]) for row in tables["entities"])
    problems = [
        f"{row['doc_id']}: {counts[key]} entities, expected {row['n_entities']}"
        for key, row in fates.items()
        if counts[key] != row["n_entities"] or (row["fate"] == "extracted") != (counts[key] > 0)
    ]
    problems += [f"entity of unknown record {key}" for key in counts.keys() - fates.keys()]
    for row in tables["entities"]:
        inside = row["sentence"][row["start"] - row["sentence_start"] : row["end"] - row["sentence_start"]]
        if inside != row["text"] or row["start"] >= row["end"]:
            problems.append(f"{row['doc_id']}: [{row['start']}, {row['end']}) is not {row['text']!r}")
    return problems
