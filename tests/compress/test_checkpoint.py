import json

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from compress import _hf
from compress.checkpoint import read_checkpoint, read_history, read_tokenizer, write_checkpoint
from compress.errors import CheckpointError
from tests.compress.conftest import TAGS, build_config, build_model

SIZES = {
    "bert": (
        transformers.BertConfig,
        transformers.BertForTokenClassification,
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48},
    ),
    "distilbert": (
        transformers.DistilBertConfig,
        transformers.DistilBertForTokenClassification,
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    ),
    "roberta": (
        transformers.RobertaConfig,
        transformers.RobertaForTokenClassification,
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "pad_token_id": 1,
            "type_vocab_size": 1,
        },
    ),
}


def save_reference(folder, kind, tokenizer, **changes):
    """A random transformers model on disk, with the vocabulary of ``tokenizer``."""
    config_class, model_class, sizes = SIZES[kind]
    config = config_class(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=66,
        initializer_range=0.2,
        id2label=dict(enumerate(TAGS)),
        label2id={tag: index for index, tag in enumerate(TAGS)},
        **(sizes | changes),
    )
    torch.manual_seed(0)
    model = model_class(config).eval()
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


def batch(tokenizer):
    """Two rows of ids, the second one padded."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, tokenizer.get_vocab_size(), (2, 11), generator=generator)
    mask = torch.ones(2, 11, dtype=torch.long)
    mask[1, 8:] = 0
    return ids, mask


@pytest.mark.parametrize("kind", SIZES)
def test_logits_equal_those_of_transformers(tmp_path, tokenizer, kind):
    reference = save_reference(tmp_path, kind, tokenizer)
    model, _ = read_checkpoint(tmp_path)
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask).logits
        got = model(ids, mask)
    real = mask.bool()
    torch.testing.assert_close(got[real], expected[real], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", SIZES)
def test_written_checkpoint_loads_in_transformers_with_the_same_logits(tmp_path, tokenizer, kind):
    save_reference(tmp_path / "a", kind, tokenizer)
    model, own_tokenizer = read_checkpoint(tmp_path / "a")
    write_checkpoint(tmp_path / "b", model, own_tokenizer)
    loaded = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "b").eval()
    ids, mask = batch(tokenizer)
    with torch.no_grad():
        got, expected = loaded(input_ids=ids, attention_mask=mask).logits, model(ids, mask)
    torch.testing.assert_close(got[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=0)
    assert tuple(loaded.config.id2label[index] for index in range(len(TAGS))) == TAGS
    text = "Median OS was 9.5 months"
    assert (
        transformers.AutoTokenizer.from_pretrained(tmp_path / "b")(text)["input_ids"]
        == tokenizer.encode(text).ids
    )


def test_reading_what_was_written_gives_the_same_model(tmp_path, model, tokenizer):
    write_checkpoint(tmp_path, model, tokenizer)
    again, _ = read_checkpoint(tmp_path)
    assert again.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_history_is_kept_with_the_model(tmp_path, model, tokenizer):
    history = ({"step": "train", "epochs": 8},)
    write_checkpoint(tmp_path, model, tokenizer, history)
    assert read_history(tmp_path) == history
    (tmp_path / "history.json").write_text("{}")
    with pytest.raises(CheckpointError, match="bad history"):
        read_history(tmp_path)
    (tmp_path / "history.json").unlink()
    assert read_history(tmp_path) == ()


def test_uneven_sizes_survive_the_disk(tmp_path, tokenizer):
    model = build_model(build_config(heads_per_layer=(3, 0), neurons_per_layer=(16, 48)))
    write_checkpoint(tmp_path, model, tokenizer)
    again, _ = read_checkpoint(tmp_path)
    assert again.config == model.config
    ids, _ = batch(tokenizer)
    assert torch.equal(again(ids), model(ids))


def test_bare_encoder_gets_a_new_head_for_the_given_tags(tmp_path, tokenizer):
    reference = save_reference(tmp_path, "bert", tokenizer)
    reference.bert.save_pretrained(tmp_path)
    model, _ = read_checkpoint(tmp_path, ("O", "B-X", "I-X"), seed=3)
    assert model.classifier.weight.shape == (3, 32)
    same, _ = read_checkpoint(tmp_path, ("O", "B-X", "I-X"), seed=3)
    assert torch.equal(same.classifier.weight, model.classifier.weight)
    with pytest.raises(CheckpointError, match="no head|no tags"):
        read_checkpoint(tmp_path)


def test_head_is_kept_only_for_its_own_tags(tmp_path, tokenizer):
    reference = save_reference(tmp_path, "bert", tokenizer)
    kept, _ = read_checkpoint(tmp_path, TAGS)
    assert torch.equal(kept.classifier.weight, reference.classifier.weight)
    other, _ = read_checkpoint(tmp_path, (*TAGS[:3], "B-DFS", "I-DFS"))
    assert not torch.equal(other.classifier.weight, reference.classifier.weight)


def test_old_names_of_norms_are_understood(tmp_path, tokenizer):
    reference = save_reference(tmp_path, "bert", tokenizer)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in reference.state_dict().items()
    }
    safetensors.torch.save_file(old, tmp_path / "model.safetensors")
    model, _ = read_checkpoint(tmp_path)
    assert torch.equal(model.embeddings.norm.weight, reference.bert.embeddings.LayerNorm.weight)


def test_tokenizer_neither_truncates_nor_pads(tmp_path, tokenizer):
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.enable_truncation(4)
    copy.enable_padding(length=4)
    copy.save(str(tmp_path / "tokenizer.json"))
    assert len(read_tokenizer(tmp_path).encode("median os was 9 months and").ids) == 8


def test_name_tables_are_reversible():
    for architecture in _hf.ARCHITECTURES:
        table = _hf.name_table(architecture, 2)
        assert len({ours for ours, _ in table}) == len({theirs for _, theirs in table}) == len(table)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model_type": "t5"}, ["unsupported architecture", "'t5'", "distilbert"]),
        ({"hidden_act": "relu"}, ["activation", "'relu'", "gelu"]),
        ({"num_attention_heads": 5}, ["bad sizes", "5 heads"]),
        ({"num_hidden_layers": 3}, ["missing parameter", "encoder.layer.2"]),
        ({"vocab_size": 7}, ["sizes do not match", "word"]),
        ({"position_embedding_type": "relative_key"}, ["positions"]),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused(tmp_path, tokenizer, changes, parts):
    save_reference(tmp_path, "bert", tokenizer)
    edit_config(tmp_path, **changes)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    for part in parts:
        assert part in str(caught.value)


def test_pickled_weights_are_refused(tmp_path, tokenizer):
    reference = save_reference(tmp_path, "bert", tokenizer)
    (tmp_path / "model.safetensors").unlink()
    torch.save(reference.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="weights refused.*pytorch_model.bin"):
        read_checkpoint(tmp_path)


def test_damaged_or_missing_files_are_told(tmp_path, tokenizer):
    save_reference(tmp_path, "bert", tokenizer)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="tokenizer"):
        read_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(CheckpointError, match="weights cannot be read"):
        read_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        read_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"bad config\.json"):
        read_checkpoint(tmp_path)


def test_a_folder_that_is_not_there_is_told_as_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path / "none")


def test_sharded_weights_are_read(tmp_path, tokenizer):
    reference = save_reference(tmp_path, "bert", tokenizer)
    reference.save_pretrained(tmp_path, max_shard_size="20KB")
    (tmp_path / "model.safetensors").unlink()
    model, _ = read_checkpoint(tmp_path)
    np.testing.assert_array_equal(model.classifier.weight.detach(), reference.classifier.weight.detach())
