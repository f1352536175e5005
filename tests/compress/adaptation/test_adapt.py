import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from lxml import etree

from compress import _hf
from compress.adaptation.adapt import AdaptConfig, adapt
from compress.adaptation.masked_model import (
    MaskedHead,
    MaskedModel,
    read_masked_model,
    trim_masked_model,
    write_masked_model,
)
from compress.adaptation.pretrain import PretrainConfig
from compress.checkpoint import read_checkpoint, read_history, read_tokenizer, write_checkpoint
from compress.encoder import TokenClassifier
from compress.errors import CheckpointError, CompressError, DataError
from compress.gating.text import read_documents
from compress.training.finetune import FinetuneConfig, finetune
from compress.training.train import TrainConfig
from tests.compress.conftest import build_config, build_model, make_sentences
from tests.compress.training.test_finetune import write_sentences

QUICK = PretrainConfig(epochs=2, batch_tokens=256, max_tokens=48, rate=3e-3, checks=2, bf16=False)


def write_articles(path, count=12):
    articles = [
        {
            "doc": f"D{index}",
            "paragraphs": [
                f"Median OS was {index}.1 months and PFS was {index}.2 months.",
                "The rate was 4.5% and the months were 12.",
            ],
        }
        for index in range(count)
    ]
    path.write_text("".join(json.dumps(article) + "\n" for article in articles))
    return path


@pytest.fixture
def config(tmp_path, model, tokenizer):
    write_checkpoint(tmp_path / "base", model, tokenizer, [{"step": "made up"}])
    text = write_articles(tmp_path / "articles.jsonl")
    return AdaptConfig(str(tmp_path / "base"), (text,), tmp_path / "out", pretrain=QUICK)


def test_the_adapted_checkpoint_is_trained_on_and_says_how_it_was_made(config, tmp_path):
    result = adapt(config)
    assert not (tmp_path / "out.partial").exists()
    assert not (config.target / "state.safetensors").exists()
    data = write_sentences(tmp_path / "sentences.jsonl", make_sentences())
    target = tmp_path / "trained"
    finetune(FinetuneConfig(str(config.target), data, target, train=TrainConfig(epochs=1, bf16=False)))
    first, adapted, trained = read_history(target)
    assert (first["step"], adapted["step"], trained["step"]) == ("made up", "adapt", "train")
    assert adapted["text"] == ["articles.jsonl"]
    assert adapted["after"]["tokens"] == result.checks[-1].tokens
    assert adapted["after"]["held_out_loss"] < adapted["before"]["held_out_loss"]
    assert str(tmp_path) not in json.dumps(adapted)


def test_training_begins_with_the_adapted_weights(config):
    result = adapt(config)
    begun, _ = read_checkpoint(config.target, ("O", "B-OS", "I-OS"))
    adapted = result.model.encoder.state_dict()
    shared = [name for name in adapted if not name.startswith("classifier")]
    assert len(shared) > 30
    for name in shared:
        torch.testing.assert_close(begun.state_dict()[name], adapted[name])
    original, _ = read_checkpoint(config.base)
    assert not torch.equal(original.embeddings.word.weight, begun.embeddings.word.weight)


def test_adapting_again_goes_on_with_the_head(config):
    told = json.loads((record_of(adapt(config) and config.target) / "settings.json").read_text())
    assert told["masked_head"] == "new"
    again = replace(config, base=str(config.target), target=config.target.with_name("again"))
    before = adapt(again).checks[0]
    told = json.loads((record_of(again.target) / "settings.json").read_text())
    assert told["masked_head"] == "the checkpoint's"
    assert before.held_out_loss == pytest.approx(read_checks(config.target)[-1]["held_out_loss"], rel=1e-4)


def record_of(target):
    (folder,) = target.glob("adaptation-*")
    return folder


def read_checks(target):
    return [json.loads(line) for line in (record_of(target) / "checks.jsonl").read_text().splitlines()]


def test_the_record_tells_losses_as_lines_and_as_a_picture(config):
    result = adapt(config)
    checks = read_checks(config.target)
    assert [check["held_out_loss"] for check in checks] == [check.held_out_loss for check in result.checks]
    assert checks[0]["loss"] is None
    assert 0 <= checks[-1]["number_accuracy"] <= 1
    picture = etree.parse(record_of(config.target) / "curves.svg")
    assert "held-out loss" in "".join(picture.getroot().itertext())
    log = (record_of(config.target) / "log.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1].split(":")[0] for line in log][:2] == ["began", "0 tokens"]
    assert log[-1].endswith(" ended")


def test_a_document_is_held_out_or_learnt_from(config):
    told = []
    adapt(config, report=told.append)
    assert told[0] == "11 documents to adapt to, 1 held out"


class Killed(Exception):
    """Stands for whatever ends a process."""


def test_interrupted_it_goes_on_and_ends_alike(config, tmp_path):
    whole = adapt(config)
    cut = replace(config, target=tmp_path / "cut")

    def kill(check):
        if check.step:
            raise Killed

    with pytest.raises(Killed):
        adapt(cut, on_check=kill)
    assert not cut.target.exists()
    other = replace(cut, pretrain=replace(QUICK, rate=1e-3))
    with pytest.raises(CheckpointError, match="other data or settings"):
        adapt(other)
    told = []
    assert adapt(cut, report=told.append).checks == whole.checks
    assert any(line.startswith("goes on after") for line in told)
    weights = [
        safetensors.torch.load_file(target / "model.safetensors") for target in (config.target, cut.target)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert len(read_checks(cut.target)) == 3


def test_killed_before_its_first_check_it_begins_anew(config):
    def kill(progress):
        raise Killed

    with pytest.raises(Killed):
        adapt(config, on_step=kill)
    adapt(config)
    assert len(read_checks(config.target)) == 3


def test_vocabulary_is_trimmed_but_for_what_is_to_be_learnt_from(config, tmp_path):
    data = write_sentences(tmp_path / "sentences.jsonl", make_sentences(2))
    adapt(replace(config, vocab_size=97, keep=(data,)))
    tokenizer = read_tokenizer(config.target)
    assert tokenizer.get_vocab_size() == 97
    text = make_sentences(2)[0].text
    assert tokenizer.encode(text).tokens == read_tokenizer(tmp_path / "base").encode(text).tokens
    assert "[unused0]" not in tokenizer.get_vocab()
    model, _, has_own_head = read_masked_model(config.target)
    assert has_own_head
    assert (model.config.vocab_size, len(model.head.bias)) == (97, 97)


def test_trimming_keeps_each_piece_its_bias(model):
    masked = MaskedModel(model, MaskedHead(model.config))
    with torch.no_grad():
        masked.head.bias.copy_(torch.arange(model.config.vocab_size))
    trimmed = trim_masked_model(masked, (3, 7, 50))
    assert trimmed.head.bias.tolist() == [3, 7, 50]
    torch.testing.assert_close(trimmed.head.dense.weight, masked.head.dense.weight)


@pytest.mark.parametrize("position_offset", [0, 2])
def test_transformers_gives_the_same_guesses(tmp_path, tokenizer, position_offset):
    from transformers import AutoModelForMaskedLM

    config = build_config(position_offset=position_offset)
    model = MaskedModel(build_model(config), MaskedHead(config)).eval()
    with torch.no_grad():
        model.head.bias.normal_()
    write_masked_model(tmp_path / "m", model, tokenizer, ())
    theirs = AutoModelForMaskedLM.from_pretrained(tmp_path / "m").eval()
    ids = torch.tensor([[2, 90, 4, 92, 3]])
    with torch.no_grad():
        expected = theirs(ids, attention_mask=torch.ones_like(ids)).logits[0, 2]
        torch.testing.assert_close(model(ids, None, torch.tensor([2]))[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("architecture", _hf.ARCHITECTURES, ids=lambda one: one.model_type)
def test_the_head_of_each_architecture_is_taken_over(tmp_path, tokenizer, architecture):
    from transformers import AutoModelForMaskedLM, BertConfig, DistilBertConfig, RobertaConfig

    sizes = {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0}
    wide = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 48}
    settings = {
        "bert": lambda: BertConfig(**sizes, **wide),
        "distilbert": lambda: DistilBertConfig(**sizes, dim=32, n_layers=1, n_heads=4, hidden_dim=48),
        "roberta": lambda: RobertaConfig(**sizes | {"pad_token_id": 1}, **wide),
    }[architecture.model_type]()
    torch.manual_seed(1)
    theirs = AutoModelForMaskedLM.from_config(settings).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(torch.randn(value.shape) * 0.1)
    theirs.save_pretrained(tmp_path / "m")
    tokenizer.save(str(tmp_path / "m" / "tokenizer.json"))
    ours, _, has_own_head = read_masked_model(tmp_path / "m")
    assert has_own_head
    ids = torch.tensor([[2, 90, 4, 92, 3]])
    with torch.no_grad():
        expected = theirs(ids, attention_mask=torch.ones_like(ids)).logits[0, 2]
        torch.testing.assert_close(ours(ids, None, torch.tensor([2]))[0], expected, rtol=1e-3, atol=1e-3)


def test_a_new_head_is_drawn_from_the_seed(config):
    heads = [read_masked_model(config.base, seed=seed)[0].head.dense.weight for seed in (0, 0, 1)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_sizes_that_do_not_match_are_one_line(config, tmp_path):
    settings = json.loads((tmp_path / "base/config.json").read_text())
    (tmp_path / "base/config.json").write_text(json.dumps(settings | {"vocab_size": 7}))
    with pytest.raises(CheckpointError, match="sizes do not match"):
        adapt(config)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.jsonl", '{"doc": "A", "paragraphs": ["x"]}\n{"doc": "B"}\n', "line 2: KeyError: 'paragraphs'"),
        ("t.jsonl", '{"doc": "A", "paragraphs": ["x"]}\nno JSON\n', "line 2: "),
        ("t.jsonl", '{"doc": "A", "paragraphs": [" "]}\n', "no document"),
        ("t.jsonl", '{"doc": "A", "paragraphs": ["Median OS was long."]}\n', "1 document"),
        (
            "t.jsonl",
            '{"doc": "A", "paragraphs": ["x"]}\n{"doc": "B", "paragraphs": ["x"]}\n',
            "too little text",
        ),
        ("t.txt", "", "text cannot be read"),
        ("t.md", "some words", "text cannot be read"),
        ("t.txt", "Median OS was long.\n", "1 document"),
    ],
)
def test_text_that_is_none_is_one_line(config, tmp_path, name, content, told):
    text = tmp_path / name
    text.write_text(content)
    with pytest.raises(CompressError, match="text") as caught:
        adapt(replace(config, text=(text,)))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not config.target.exists()


def test_what_is_there_is_not_overwritten(config):
    config.target.mkdir()
    (config.target / "mine.txt").touch()
    with pytest.raises(CheckpointError, match="not empty"):
        adapt(config)


def test_documents_of_one_id_cannot_be_set_aside(config, tmp_path):
    text = tmp_path / "same.jsonl"
    text.write_text('{"doc": "A", "paragraphs": ["Median OS was long."]}\n' * 3)
    with pytest.raises(DataError, match="two different ones"):
        adapt(replace(config, text=(text,)))


def test_plain_text_is_documents_between_blank_lines_or_a_line_each(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("One.\nTwo.\n\n \nThree.\n")
    assert [document.paragraphs for document in read_documents([path])] == [("One.", "Two."), ("Three.",)]
    path.write_text("One.\nTwo.\n")
    documents = read_documents([path])
    assert [document.paragraphs for document in documents] == [("One.",), ("Two.",)]
    assert [document.id for document in documents] == ["t.txt:1", "t.txt:2"]


def test_a_text_file_that_is_an_export_of_pubmed_is_read_as_one(tmp_path):
    path = tmp_path / "pubmed.txt"
    path.write_text("PMID- 1\nTI  - A title.\nAB  - An abstract of one sentence.\n")
    (document,) = read_documents([path])
    assert document.paragraphs == ("A title.", "An abstract of one sentence.")


def test_the_masked_model_leaves_a_head_for_tags_out(config):
    model, _, has_own_head = read_masked_model(config.base)
    assert not has_own_head
    assert isinstance(model.encoder, TokenClassifier)
    assert model.config.labels == ("O",)
    assert not model.encoder.classifier.weight.requires_grad
