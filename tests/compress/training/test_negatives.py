"""Sentences of other fields: as negatives to learn from, and as a measure of silence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from compress.checkpoint import read_history, write_checkpoint
from compress.errors import DataError
from compress.gating.outside import read_outside
from compress.gating.silence import measure_silence
from compress.training.finetune import FinetuneConfig, finetune
from compress.training.negatives import MOST, Negatives, read_negatives
from compress.training.train import TrainConfig
from extract.gate import Domain, Gate, GateTerms, Triggers
from extract.tagger import open_tagger
from jobs.cli.train import train as train_command
from tests.compress.conftest import build_model, build_tokenizer, make_sentences
from tests.compress.training.test_finetune import write_sentences
from tests.tiny import build_tiny_bundle

MEDLINE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "medline"
WORDS = Path(__file__).resolve().parents[3] / "examples" / "endpoints" / "gate-words.json"
GRAFTS = "Graft survival at 5 years was 91.2%. The mean age of all patients was 64 years. No number here."
TRIAL = "The trial enrolled 120 women with breast cancer. Overall survival was 23 months in both arms."


def write_citations(path, texts):
    rows = [{"pmid": place + 1, "title": "", "abstract": text} for place, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def citations(tmp_path):
    return write_citations(tmp_path / "citations.jsonl", [GRAFTS, TRIAL])


def test_negatives_come_from_other_fields_and_half_of_them_look_alike(citations):
    found = read_negatives(Negatives((citations,), WORDS))
    assert [one.text for one in found] == [
        "Graft survival at 5 years was 91.2%.",
        "The mean age of all patients was 64 years.",
    ]
    assert not any(one.entities for one in found)
    assert read_negatives(Negatives((citations,), WORDS, sentences=1))[0].text.startswith("The mean")
    with pytest.raises(DataError, match="no negatives"):
        read_negatives(Negatives((citations,), WORDS), without={"1"})


def test_a_look_alike_of_a_word_of_the_field_is_outside_it(tmp_path):
    outside = read_outside(WORDS)
    assert outside.hold(
        ["tumor necrosis factor", "Tumor necrosis factor in tumors", "LYMPHOMA", "grafts"]
    ) == [
        True,
        False,
        False,
        True,
    ]
    words = tmp_path / "words.json"
    words.write_text('{"stems": ["surviv"]}')
    with pytest.raises(DataError, match="no domain word"):
        read_outside(words)


def test_one_document_gives_few_sentences(tmp_path):
    text = " ".join(f"The mean age of group {index} was {index} years." for index in range(20, 40))
    path = write_citations(tmp_path / "many.jsonl", [text])
    assert len(read_negatives(Negatives((path,), WORDS))) == MOST


@pytest.mark.skipif(not MEDLINE.is_dir(), reason="no MEDLINE files beside the repository")
def test_negatives_of_medline_hold_no_oncology_citation():
    path = MEDLINE / "rct26n0002.xml.gz"
    found = read_negatives(Negatives((path,), WORDS, sentences=200))
    assert len(found) == 200
    assert len({one.doc for one in found}) > 60
    for one in found:
        lower = one.text.lower().replace("tumor necrosis", "")
        assert not any(
            word in lower for word in ("cancer", "carcino", "tumor", "lymphom", "leukem", "metasta")
        )
        assert any(letter.isdigit() for letter in one.text)
    assert found == read_negatives(Negatives((path,), WORDS, sentences=200))


def test_a_model_taught_with_negatives_says_so_and_finds_less_in_them(tmp_path, citations):
    write_checkpoint(tmp_path / "base", build_model(), build_tokenizer())
    data = tmp_path / "data"
    data.mkdir()
    write_sentences(data / "train.jsonl", make_sentences(18))
    write_sentences(data / "dev.jsonl", make_sentences(24)[18:])
    recipe = TrainConfig(epochs=1, batch_size=4, bf16=False)
    config = FinetuneConfig(str(tmp_path / "base"), data, tmp_path / "out", train=recipe)
    told = []
    finetune(replace(config, negatives=Negatives((citations,), WORDS)), report=told.append)
    (step,) = read_history(config.target)
    assert (step["sentences"], step["negatives"]) == (20, ["citations.jsonl"])
    assert any("2 sentences of other fields" in line for line in told)


def test_negatives_need_the_words_of_the_field(tmp_path, citations):
    arguments = ["--base", "minilm", "--data", str(tmp_path), "--to", str(tmp_path / "out")]
    for given in (["--negatives", str(citations)], ["--outside", str(WORDS)], ["--negative-sentences", "9"]):
        result = CliRunner().invoke(train_command, [*arguments, *given])
        assert result.exit_code == 2
        assert "go together" in result.output


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Finds every number, so that false finds can be counted by hand."""
    return build_tiny_bundle(tmp_path_factory.mktemp("silence") / "tiny")


def test_what_is_found_outside_the_field_is_counted(bundle, tmp_path):
    path = write_citations(tmp_path / "citations.jsonl", [GRAFTS, TRIAL, "Nothing is counted here."])
    gate = Gate(GateTerms(Domain({"graft": 1.0}, 1.0, 0), Triggers(("surviv",), (), ("reached",)), 0.0))
    silence = measure_silence(open_tagger(bundle), gate, [path], read_outside(WORDS))
    assert (silence.citations, silence.outside, silence.sentences) == (3, 2, 4)
    assert [find.text for find in silence.finds] == [
        "Graft survival at 5 years was 91.2%.",
        "The mean age of all patients was 64 years.",
    ]
    assert (silence.gate_off.sentences, silence.gate_off.per_1000) == (2, 1000.0)
    assert silence.gate_on is not None
    assert (silence.gate_on.sentences, silence.gate_on.per_1000) == (1, 500.0)
    assert silence.gate_off.entities == sum(len(find.mentions) for find in silence.finds)
    assert sum(silence.gate_off.by_label.values()) == silence.gate_off.entities
    assert measure_silence(open_tagger(bundle), None, [path], read_outside(WORDS)).gate_on is None


def test_without_a_citation_outside_the_field_nothing_can_be_measured(bundle, tmp_path):
    path = write_citations(tmp_path / "citations.jsonl", [TRIAL])
    with pytest.raises(DataError, match="no citation outside"):
        measure_silence(open_tagger(bundle), None, [path], read_outside(WORDS))


def test_the_command_tells_numbers_and_lists_the_finds(bundle, citations, tmp_path):
    from jobs.cli.silence import silence as command

    arguments = [str(bundle.path), str(citations), "--outside", str(WORDS)]
    result = CliRunner().invoke(command, [*arguments, "--errors", str(tmp_path / "finds.jsonl"), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["outside"], told["gate_off"]["sentences"], told["gate_on"]) == (1, 2, None)
    rows = [json.loads(line) for line in (tmp_path / "finds.jsonl").read_text().splitlines()]
    assert {row["doc"] for row in rows} == {"1"}
    assert "1 of 2 citations" in CliRunner().invoke(command, arguments).output
