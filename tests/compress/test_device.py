import copy
from dataclasses import replace

import pytest
import torch

from compress import device as places
from compress.adaptation.masked_model import MaskedHead, MaskedModel
from compress.adaptation.pretrain import PretrainConfig, pretrain
from compress.batches import sorted_batches
from compress.device import capture_generators, device_of, pick_device, restore_generators
from compress.errors import DeviceError
from compress.training.distil import DistilConfig, distil
from compress.training.train import TrainConfig, train
from tests.compress.adaptation.test_pretrain import build_text
from tests.compress.adaptation.test_pretrain import pieces as pieces
from tests.compress.conftest import build_config, build_model

HAS_GPU = torch.cuda.is_available()
QUICK = TrainConfig(epochs=1, batch_size=8, bf16=False, dropout=0.1)


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_one_line():
    assert pick_device("auto") == pick_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match="no GPU") as caught:
        pick_device("cuda")
    assert "\n" not in str(caught.value)
    assert "--device" in str(caught.value)


def test_a_device_of_another_kind_is_refused():
    with pytest.raises(DeviceError, match="unknown device"):
        pick_device("tpu")


def test_where_torch_sees_a_gpu_it_is_taken(monkeypatch):
    monkeypatch.setattr(places.torch.cuda, "is_available", lambda: True)
    assert (pick_device("auto"), pick_device("cuda"), pick_device("cpu")) == ("cuda", "cuda", "cpu")


def test_a_batch_moves_with_all_of_its_tensors(features):
    (batch,) = sorted_batches(features.windows, len(features.windows))
    assert batch.attention_mask is not None
    there = batch.to("meta")
    assert {tensor.device.type for tensor in (there.input_ids, there.tag_ids, there.real)} == {"meta"}
    assert there.indices == batch.indices
    (whole,) = sorted_batches(features.windows[:1], 1)
    assert whole.to("meta").attention_mask is None


def test_a_model_that_lies_elsewhere_answers_there(features):
    model = build_model().to("meta")
    (batch,) = sorted_batches(features.windows, len(features.windows))
    there = batch.to(device_of(model))
    assert model(there.input_ids, there.attention_mask).device.type == "meta"


@pytest.mark.parametrize("moved", ["train", "distil", "pretrain"])
def test_a_training_moves_its_model_before_it_plans_anything(monkeypatch, features, pieces, moved):
    """Everything that is built from the weights (optimiser, average) must be of those on the device."""
    model, told = build_model(), []

    def refuse(*arguments, **settings):
        raise RuntimeError

    monkeypatch.setattr(torch.nn.Module, "to", lambda self, where: told.append((self, where)) or self)
    monkeypatch.setattr(torch.optim.AdamW, "__init__", refuse)
    masked = MaskedModel(model, MaskedHead(build_config()))
    begin = {
        "train": lambda: train(replace(QUICK, device="cuda"), model, features, None),
        "distil": lambda: distil(
            DistilConfig(device="cuda", bf16=False), model, model, list(features.windows)
        ),
        "pretrain": lambda: pretrain(
            PretrainConfig(device="cuda", bf16=False), masked, build_text(), build_text(), pieces
        ),
    }[moved]
    with pytest.raises(RuntimeError):
        begin()
    assert told[0] == (masked if moved == "pretrain" else model, "cuda")


def test_generators_go_on_where_they_stood():
    states = capture_generators("cpu")
    first = torch.rand(3)
    restore_generators("cpu", {**states, "something else": torch.zeros(1)})
    assert torch.equal(torch.rand(3), first)


@pytest.mark.skipif(not HAS_GPU, reason="no GPU here: what runs on one is tested where there is one")
def test_a_gpu_trains_as_the_processor_does(features, pieces):
    results = [
        train(replace(QUICK, device=device, dropout=0.0), build_model(), features, features)
        for device in ("cpu", "cuda")
    ]
    assert {device_of(result.model).type for result in results} == {"cpu"}
    assert results[0].epochs[0].loss == pytest.approx(results[1].epochs[0].loss, rel=1e-3)
    model = MaskedModel(build_model(), MaskedHead(build_config()))
    models = [model, copy.deepcopy(model)]
    settings = PretrainConfig(bf16=False, epochs=1, batch_tokens=256)
    losses = [
        pretrain(replace(settings, device=device), model, build_text(), build_text(), pieces)[
            -1
        ].held_out_loss
        for device, model in zip(("cpu", "cuda"), models, strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
