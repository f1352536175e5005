"""Measures what a bundle's rules and thresholds are worth, and what they cost.

    PYTHONPATH=. python benchmarks/bench_decoding.py --rules rules.json --bundle BUNDLE --on dev.jsonl
    PYTHONPATH=. python benchmarks/bench_decoding.py --rules rules.json --predictions predictions-seed-0.jsonl

``--on FILE`` tags with ``--bundle``, all scores kept; ``--predictions`` takes what ``extract models train
--folds`` found in documents that the finding model did not know. ``--causes FILE`` counts errors by cause.
``--judged LIST --text FILE`` counts which finds of a list (``benchmarks/gate-judged.jsonl``) the rules leave
out. ``--cost`` times tagging with rules and without, in turns.

A threshold by label is chosen on one half of the documents and judged on the other, and the other way round;
so is one for all labels: otherwise more freedom would always look better.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from compress.building.rules import read_rules
from compress.gating.judged import digest_of
from compress.gating.text import read_documents
from extract.annotations import AnnotatedSentence, Span, read_annotations
from extract.bundle import open_bundle
from extract.causes import count_by_label, name_causes, read_causes
from extract.correction import Corrector
from extract.mistakes import find_mistakes
from extract.records import Mention
from extract.registry import find_bundle
from extract.rules import NO_RULES, LabelRules, MentionRules
from extract.score import score_mentions
from extract.tagger import Tagger, open_tagger

GRID = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FEWEST = 20
"""Entities and finds of a label in a half, below which it has the threshold of all."""
ROUNDS = 15

Found = Sequence[Sequence[Mention]]
Find = dict[str, Any]


def read_predictions(paths: Sequence[Path]) -> tuple[list[AnnotatedSentence], list[list[Mention]]]:
    """Sentences as annotated, and what was found in them."""
    sentences, found = [], []
    for path in paths:
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            spans = tuple(Span(**span) for span in row["annotated"])
            sentences.append(AnnotatedSentence(row["id"], row["doc"], row["text"], spans))
            found.append([Mention(**mention) for mention in row["entities"]])
    return sentences, found


def bare_tagger(bundle: str, rules: MentionRules = NO_RULES, min_score: float = 0.0) -> Tagger:
    opened = open_bundle(find_bundle(bundle))
    return open_tagger(replace(opened, reading=replace(opened.reading, rules=rules, min_score=min_score)))


def apply(sentences: Sequence[AnnotatedSentence], found: Found, rules: MentionRules, cut: float) -> Found:
    corrector = Corrector(rules, cut)
    return [corrector.correct(one.text, list(spans)) for one, spans in zip(sentences, found, strict=True)]


def line(sentences: Sequence[AnnotatedSentence], found: Found) -> str:
    scores = score_mentions(sentences, found)
    return f"F1 {scores.f1:.4f} ({scores.precision:.3f}, {scores.recall:.3f})"


def tell_thresholds(sentences: Sequence[AnnotatedSentence], found: Found, rules: MentionRules) -> None:
    for cut in GRID:
        plain, ruled = (apply(sentences, found, which, cut) for which in (NO_RULES, rules))
        print(f"min_score {cut}: {line(sentences, plain)}; with rules {line(sentences, ruled)}")
    halves = [zlib.crc32(one.doc.encode()) % 2 for one in sentences]
    for name, choose in (("one for all", _choose_one), ("one a label", _choose_by_label)):
        judged: list[Sequence[Mention]] = [()] * len(sentences)
        for half in (0, 1):
            learn = [place for place, which in enumerate(halves) if which != half]
            own = [place for place, which in enumerate(halves) if which == half]
            cut, by_label = choose([sentences[i] for i in learn], [found[i] for i in learn], rules)
            kept = apply([sentences[i] for i in own], [found[i] for i in own], by_label, cut)
            for place, spans in zip(own, kept, strict=True):
                judged[place] = spans
        print(f"threshold {name}, chosen on the other half: {line(sentences, judged)}")


def _choose_one(
    sentences: Sequence[AnnotatedSentence], found: Found, rules: MentionRules
) -> tuple[float, MentionRules]:
    def f1(cut: float) -> float:
        return score_mentions(sentences, apply(sentences, found, rules, cut)).f1

    return max(GRID, key=f1), rules


def _choose_by_label(
    sentences: Sequence[AnnotatedSentence], found: Found, rules: MentionRules
) -> tuple[float, MentionRules]:
    """Label by label: a mention's fate hangs on its own label's threshold, but for ``only_with``."""
    common, _ = _choose_one(sentences, found, rules)
    per_cut = {cut: score_mentions(sentences, apply(sentences, found, rules, cut)).per_label for cut in GRID}
    labels = dict(rules.labels)
    for label in {span.label for one in sentences for span in one.entities}:
        if per_cut[0.0][label].support >= FEWEST:
            best = max(GRID, key=lambda cut: (per_cut[cut][label].f1, -abs(cut - common)))
            labels[label] = replace(labels.get(label, LabelRules()), min_score=best)
    return common, replace(rules, labels=labels)


def tell_causes(
    sentences: Sequence[AnnotatedSentence], found: Found, rules: MentionRules, cut: float, path: Path
) -> None:
    causes = read_causes(path)
    counted = [
        count_by_label(name_causes(find_mistakes(sentences, apply(sentences, found, which, at)), causes))
        for which, at in ((NO_RULES, 0.0), (rules, 0.0), (NO_RULES, cut), (rules, cut))
    ]
    print(f"cause: errors at any score, with rules, at {cut}, with both")
    for cause in dict.fromkeys(cause for counts in counted for cause in counts):
        print(f"  {cause}: " + ", ".join(str(sum(counts.get(cause, {}).values())) for counts in counted))
        print(f"    with both: {counted[-1].get(cause, {})}")


def tell_judged(rules: MentionRules, judged: Path, text: Sequence[Path]) -> None:
    """Finds keep their places in the list; their scores were above the threshold then."""
    rows = {(row["doc"], row["sentence"]): row for row in map(json.loads, judged.read_text().splitlines())}
    corrector, counts = Corrector(rules), Counter[tuple[bool, str]]()
    wanted = {doc for doc, _ in rows}
    for document in read_documents(text):
        if document.id not in wanted:
            continue
        for sentence in dict.fromkeys(document.sentences):
            row = rows.pop((document.id, digest_of(sentence)), None)
            for find, fate in _fates(corrector, sentence, row["finds"] if row else []):
                counts[find["true"], fate] += 1
    print(f"judged finds, {len(rows)} sentences not in the text:")
    for (true, fate), count in sorted(counts.items()):
        print(f"  {'true' if true else 'false'} finds {fate}: {count}")


def _fates(corrector: Corrector, sentence: str, finds: list[Find]) -> list[tuple[Find, str]]:
    mentions = [Mention(find["start"], find["end"], find["label"], 1.0) for find in finds]
    kept = corrector.correct(sentence, mentions)
    starts = {(mention.start, mention.label) for mention in kept}
    fates = []
    for find, mention in zip(finds, mentions, strict=True):
        moved = (mention.start, mention.label) in starts
        fates.append((find, "kept" if mention in kept else "corrected" if moved else "left out"))
    return fates


def tell_cost(bundle: str, rules: MentionRules, texts: list[str]) -> None:
    taggers = {"without rules": bare_tagger(bundle), "with rules": bare_tagger(bundle, rules)}
    seconds: dict[str, list[float]] = {name: [] for name in taggers}
    for number in range(ROUNDS + 1):
        for name in sorted(taggers, reverse=bool(number % 2)):
            start = time.process_time()
            taggers[name].tag(texts)
            seconds[name].append(time.process_time() - start)
    plain, ruled = (median(seconds[name][1:]) for name in taggers)
    shares = [b / a - 1 for a, b in zip(*(seconds[name][1:] for name in taggers), strict=True)]
    print(
        f"{len(texts)} sentences, processor time, medians of {ROUNDS} rounds in turn: {plain:.3f} s without"
        f" rules, {ruled:.3f} s with; median of the rounds' differences {median(shares):+.1%}"
    )
    mentions = taggers["without rules"].tag(texts).mentions
    for name, corrector in (("rules", Corrector(rules)), ("none", Corrector(NO_RULES))):
        start = time.process_time()
        for _ in range(20):
            for text, spans in zip(texts, mentions, strict=True):
                if spans:
                    corrector.correct(text, spans)
        alone = (time.process_time() - start) / 20
        print(f"  correction alone, {name}: {alone * 1e3:.2f} ms, {alone / plain:.2%} of tagging")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--bundle", default="pruned25-int8")
    parser.add_argument("--on", type=Path)
    parser.add_argument("--predictions", type=Path, nargs="*", default=[])
    parser.add_argument("--min-score", type=float, default=0.7)
    parser.add_argument("--causes", type=Path)
    parser.add_argument("--judged", type=Path)
    parser.add_argument("--text", type=Path, nargs="*", default=[])
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args()
    rules = read_rules(options.rules)
    if options.judged:
        tell_judged(rules, options.judged, options.text)
    if options.predictions:
        sentences, found = read_predictions(options.predictions)
    elif options.on:
        sentences = read_annotations(options.on)
        tagger = bare_tagger(options.bundle, replace(NO_RULES, whole_words=rules.whole_words))
        found = [list(spans) for spans in tagger.tag([one.text for one in sentences]).mentions]
    else:
        return
    tell_thresholds(sentences, found, rules)
    if options.causes:
        tell_causes(sentences, found, rules, options.min_score, options.causes)
    if options.cost:
        tell_cost(options.bundle, rules, [one.text for one in sentences])


if __name__ == "__main__":
    main()
