"""The tagger finds what the model says, whatever else is asked in the same breath."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.bundle import ModelBundle
from extract.errors import BundleError, ProbeMismatch
from extract.rules import LabelRules, MentionRules
from extract.session import session_options
from extract.tagger import Tagger, open_tagger

NUMBERS = "OS was 14.1 months (95% CI, 6 to 7)."


def texts(tagger: Tagger, sentence: str) -> list[tuple[str, str]]:
    (mentions,) = tagger.tag([sentence]).mentions
    return [(sentence[mention.start : mention.end], mention.label) for mention in mentions]


def test_numbers_are_found_with_exact_bounds(tiny_tagger: Tagger) -> None:
    assert texts(tiny_tagger, NUMBERS) == [("14.1", "OS"), ("95", "ORR"), ("6", "ORR"), ("7", "ORR")]


def test_long_sentence_is_read_to_its_end(tiny_tagger: Tagger) -> None:
    sentence = "x " * 200 + "77 " + "y " * 300 + "23"
    assert texts(tiny_tagger, sentence) == [("77", "ORR"), ("23", "OS")]


@pytest.mark.parametrize("sentence", ["", "   ", "no number"])
def test_nothing_is_found_in_nothing(tiny_tagger: Tagger, sentence: str) -> None:
    assert texts(tiny_tagger, sentence) == []


def test_no_sentence_at_all_is_answered(tiny_tagger: Tagger) -> None:
    tagged = tiny_tagger.tag([])
    assert (tagged.mentions, len(tagged.n_tokens), tagged.n_computed) == ([], 0, 0)


@given(st.lists(st.text(st.sampled_from("12 90.ab,("), max_size=60), max_size=12), st.randoms())
def test_answer_does_not_depend_on_company_or_order(
    tiny_tagger: Tagger, sentences: list[str], chance: random.Random
) -> None:
    alone = {sentence: tiny_tagger.tag([sentence]).mentions[0] for sentence in sentences}
    shuffled = [*sentences, *sentences]
    chance.shuffle(shuffled)
    assert tiny_tagger.tag(shuffled).mentions == [alone[sentence] for sentence in shuffled]


def test_tokens_are_counted_without_padding(tiny_tagger: Tagger) -> None:
    tagged = tiny_tagger.tag(["ab 12", "c"])
    assert tagged.n_tokens.tolist() == [4, 1]
    assert tagged.n_computed == 4 + 2 + 1 + 2


def test_model_that_answers_otherwise_is_refused(tiny_bundle: ModelBundle) -> None:
    probe = tiny_bundle.probe
    off = tuple(tuple(value + 1 for value in row) for row in probe.logits)
    with pytest.raises(ProbeMismatch, match=r"probe sentence 0: got logits off by 1\.0"):
        open_tagger(replace(tiny_bundle, probe=replace(probe, logits=off)))


def test_other_tokens_than_the_probes_are_refused(tiny_bundle: ModelBundle) -> None:
    probe = tiny_bundle.probe
    with pytest.raises(ProbeMismatch, match="tokens, expected"):
        open_tagger(replace(tiny_bundle, probe=replace(probe, sentences=("short",) * len(probe.tags))))


def test_file_that_is_no_model_is_refused_in_one_line(tiny_bundle: ModelBundle, tmp_path: object) -> None:
    swapped = replace(tiny_bundle, path=tiny_bundle.path / "nowhere")
    with pytest.raises(BundleError, match="the model does not load") as caught:
        open_tagger(swapped)
    assert "\n" not in str(caught.value)


def test_logits_agree_with_what_is_decoded(tiny_tagger: Tagger) -> None:
    (logits,) = tiny_tagger.logits([NUMBERS])
    assert logits.shape == (28, 5)
    assert np.isfinite(logits).all()


def test_mentions_below_the_bundles_score_are_left_out(tiny_bundle: ModelBundle, tiny_tagger: Tagger) -> None:
    (found,) = tiny_tagger.tag([NUMBERS]).mentions
    cut = sorted(mention.score for mention in found)[1]
    strict = open_tagger(replace(tiny_bundle, reading=replace(tiny_bundle.reading, min_score=cut)))
    assert strict.tag([NUMBERS]).mentions == [tuple(mention for mention in found if mention.score >= cut)]
    assert len(strict.tag([NUMBERS]).mentions[0]) == len(found) - 1


def test_the_bundles_rules_shape_what_is_found(tiny_bundle: ModelBundle, tiny_tagger: Tagger) -> None:
    text = "about 14 months (56%)"
    assert [text[m.start : m.end] for m in tiny_tagger.tag([text]).mentions[0]] == ["14", "56"]
    rules = MentionRules(
        whole_words=True,
        labels={"OS": LabelRules(units=(" months",)), "ORR": LabelRules(units=("%",), only_with=(("OS",),))},
    )
    ruled = open_tagger(replace(tiny_bundle, reading=replace(tiny_bundle.reading, rules=rules)))
    with_company, alone = ruled.tag([text, "about 56% only"]).mentions
    assert [text[m.start : m.end] for m in with_company] == ["14 months", "56%"]
    assert alone == ()


def test_exact_products_replace_saturating_ones_where_the_cpu_needs_it(
    tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    weights = {}
    for saturates in (False, True):
        options = session_options(saturates=saturates)
        options.optimized_model_filepath = str(tmp_path / f"{saturates}.onnx")
        onnxruntime.InferenceSession(str(tiny_bundle.model_path), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath).graph
        products = {node.input[1] for node in graph.node if node.op_type == "MatMulIntegerToFloat"}
        weights[saturates] = {value.data_type for value in graph.initializer if value.name in products}
    assert weights == {False: {onnx.TensorProto.INT8}, True: {onnx.TensorProto.UINT8}}
