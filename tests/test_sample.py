"""The sample corpus: well-formed, clearly invented, and the same bytes from its script each time."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

BASELINE = "sample26n0001.xml"
UPDATE = "sample26n0002.xml.gz"


@pytest.fixture(scope="module")
def examples(repository: Path) -> Path:
    return repository / "examples"


@pytest.fixture(scope="module")
def roots(examples: Path) -> dict[str, ElementTree.Element]:
    update = gzip.decompress((examples / "sample" / UPDATE).read_bytes())
    return {
        BASELINE: ElementTree.parse(examples / "sample" / BASELINE).getroot(),
        UPDATE: ElementTree.fromstring(update),
    }


def pmids(root: ElementTree.Element) -> list[str]:
    return [article.findtext("MedlineCitation/PMID", "") for article in root.iter("PubmedArticle")]


def test_there_are_two_hundred_citations_in_two_files(roots: dict[str, ElementTree.Element]) -> None:
    assert all(root.tag == "PubmedArticleSet" for root in roots.values())
    assert len(pmids(roots[BASELINE])) == 150
    assert len(set(pmids(roots[BASELINE])) | set(pmids(roots[UPDATE]))) == 200


def test_every_pmid_is_valid_and_far_above_those_in_use(roots: dict[str, ElementTree.Element]) -> None:
    found = [pmid for root in roots.values() for pmid in pmids(root)]
    assert all(re.fullmatch(r"[1-9]\d{0,8}", pmid) for pmid in found)
    assert min(map(int, found)) > 990_000_000


def test_the_update_revises_one_brings_a_second_version_and_deletes_one(
    roots: dict[str, ElementTree.Element],
) -> None:
    known = set(pmids(roots[BASELINE]))
    again = [pmid for pmid in pmids(roots[UPDATE]) if pmid in known]
    versions = Counter(
        pmid.get("Version") for pmid in roots[UPDATE].iterfind("PubmedArticle/MedlineCitation/PMID")
    )
    deleted = [pmid.text for pmid in roots[UPDATE].iterfind("DeleteCitation/PMID")]
    assert len(again) == 2
    assert versions["2"] == 1
    assert len(deleted) == 1
    assert set(deleted) <= known - set(again)


def test_it_holds_the_unusual_forms_that_readers_stumble_over(examples: Path) -> None:
    text = (examples / "sample" / BASELINE).read_text("utf-8") + gzip.decompress(
        (examples / "sample" / UPDATE).read_bytes()
    ).decode("utf-8")
    for form in (
        "10<sup>9</sup>/L",
        "<OtherAbstract",
        "<CopyrightInformation>",
        "<VernacularTitle>",
    ):
        assert form in text, form
    assert re.search(r"<i>[A-Z]+\d*</i>-mutated", text), "no gene in italics"
    assert re.search(r"<ArticleTitle>\[[^<]+\]\.</ArticleTitle>", text), "no title in brackets"
    assert "<ArticleTitle></ArticleTitle>" in text
    assert "&amp;" in text
    assert "·" in text


def test_the_checksum_beside_the_update_is_right(examples: Path) -> None:
    digest = hashlib.md5((examples / "sample" / UPDATE).read_bytes(), usedforsecurity=False).hexdigest()
    assert (examples / "sample" / f"{UPDATE}.md5").read_text("ascii") == f"MD5({UPDATE})= {digest}\n"


def test_the_script_makes_the_same_bytes_again(examples: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(examples / "make_sample.py"), "--to", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path)
    for name in (f"sample/{BASELINE}", "sample_entities.tsv"):
        assert (tmp_path / name).read_bytes() == (examples / name).read_bytes()
    made, kept = (gzip.decompress((root / "sample" / UPDATE).read_bytes()) for root in (tmp_path, examples))
    # The packed bytes may differ between builds of zlib; what is in them may not.
    assert made == kept


def test_the_listed_values_stand_in_the_citations(
    examples: Path, roots: dict[str, ElementTree.Element]
) -> None:
    texts: dict[str, str] = {}
    for root in roots.values():
        for article in root.iter("PubmedArticle"):
            title, abstract = article.find(".//ArticleTitle"), article.find(".//Article/Abstract")
            parts = [
                part for element in (title, abstract) if element is not None for part in element.itertext()
            ]
            texts[article.findtext("MedlineCitation/PMID", "")] = "".join(parts)
    rows = [
        line.split("\t") for line in (examples / "sample_entities.tsv").read_text("utf-8").splitlines()[1:]
    ]
    assert len(rows) > 1000
    assert len({label for _, label, _ in rows}) == 25
    assert [row for row in rows if row[2] not in texts[row[0]]] == []


def test_no_sentence_of_the_sample_is_training_data(
    examples: Path, roots: dict[str, ElementTree.Element]
) -> None:
    known = {
        json.loads(line)["text"]
        for path in (examples / "endpoints").glob("authored*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    }
    assert len(known) > 5000
    texts = ["".join(text.itertext()) for root in roots.values() for text in root.iter("AbstractText")]
    assert [text for text in texts for sentence in re.split(r"(?<=\.) ", text) if sentence in known] == []
