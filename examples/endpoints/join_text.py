"""Annotated sentences of a text that may not be copied: joins places and labels to the text.

    python examples/endpoints/join_text.py annotated-text.jsonl rct_fulltext.jsonl.gz > annotated.jsonl

The first file names each sentence by document and hash and holds its entities, but no text; the second is
the text, gzipped ``{"doc", "paragraphs"}`` lines. Writes sentences for ``extract models train --also``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from compress.gating.judged import digest_of
from compress.gating.text import read_documents


def main(places: Path, text: Path) -> int:
    """Write the sentences to stdout, in the order of the places; 1 where one is not in the text."""
    wanted = [json.loads(line) for line in places.read_text(encoding="utf-8").splitlines()]
    docs = {place["doc"] for place in wanted}
    found = {
        (document.id, digest_of(sentence)): sentence
        for document in read_documents([text])
        if document.id in docs
        for sentence in document.sentences
    }
    for place in wanted:
        sentence = found.get((place["doc"], place["sentence"]))
        if sentence is None:
            name = f"{place['id']} of {place['doc']}"
            sys.stderr.write(f"{places}: sentence {name} is not in {text}: is it the same edition?\n")
            return 1
        row = {"id": place["id"], "doc": place["doc"], "text": sentence, "entities": place["entities"]}
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
