"""Responsible for what heads and neurons cost in measured time, in int8 on this machine.

MACs say little of where time goes: a head brings its own score products, norms and sums cost the same however
few units are left, and kernels like some widths better than others. So each sublayer is timed at a
series of sizes through the engine that will run it, one thread, all sizes taking turns.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from compress.encoder import EncoderConfig, TokenClassifier
from compress.graphs.calibrate import calibrate
from compress.graphs.emit import emit
from extract.session import products_saturate, session_options

ROWS, TOKENS = 8, 32
"""Sentences and tokens of each that a timed call holds: what a batch of production looks like."""

_Key = tuple[str, int]
"""What is timed, and of which size."""

_POINTS = 9
_WORDS = 64


@dataclass(frozen=True)
class LayerTimes:
    """Milliseconds of one call of ``ROWS`` sentences, by what a layer holds beyond nothing."""

    heads: npt.NDArray[np.float64]
    """For 0, 1, 2 ... heads. *Shape:* ``(heads + 1,)``, 0 first, never falling."""
    neurons: npt.NDArray[np.float64]
    """For 0, 1, 2 ... neurons. *Shape:* ``(neurons + 1,)``, 0 first, never falling."""
    bare: float
    """Of a layer without heads and neurons."""
    outside: float
    """Of a model without layers: embeddings and classifier."""

    def predict(self, config: EncoderConfig) -> float:
        """Milliseconds of one call of a model with these sizes."""
        return self.outside + config.n_layers * self.bare + self.units(config)

    def units(self, config: EncoderConfig) -> float:
        """The part of that which falls with heads and neurons."""
        heads = sum(float(self.heads[count]) for count in config.heads_per_layer)
        return heads + sum(float(self.neurons[count]) for count in config.neurons_per_layer)


def measure_layers(config: EncoderConfig, *, repeats: int = 15) -> LayerTimes:
    """Time the sublayers of a model like ``config``, with random weights, at sizes up to the largest."""
    most_heads, most_neurons = max(config.heads_per_layer), max(config.neurons_per_layer)
    head_counts = _series(most_heads, min(most_heads, _POINTS - 1), 1)
    neuron_counts = _series(most_neurons, _POINTS - 1, 16)
    shapes: dict[_Key, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    shapes |= {("heads", count): ((count,), (0,)) for count in head_counts}
    shapes |= {("neurons", count): ((0,), (count,)) for count in neuron_counts[1:]}
    shapes[("none", 0)] = ((), ())
    medians = _race({key: _session(_sized(config, *sizes)) for key, sizes in shapes.items()}, repeats)
    bare_model = medians[("heads", 0)]
    return LayerTimes(
        heads=_curve([medians[("heads", count)] - bare_model for count in head_counts], head_counts),
        neurons=_curve(
            [0.0, *(medians[("neurons", count)] - bare_model for count in neuron_counts[1:])], neuron_counts
        ),
        bare=max(0.0, bare_model - medians[("none", 0)]),
        outside=medians[("none", 0)],
    )


def measure_models(models: Mapping[str, TokenClassifier], *, repeats: int = 15) -> dict[str, float]:
    """Median milliseconds of one call of each, in int8, taking turns."""
    medians = _race({(name, 0): _session(model) for name, model in models.items()}, repeats)
    return {name: milliseconds for (name, _), milliseconds in medians.items()}


def _series(most: int, n_steps: int, multiple: int) -> list[int]:
    """Counts from 0 to ``most``, even steps, rounded to ``multiple``."""
    counts = {round(most * step / n_steps / multiple) * multiple for step in range(n_steps)}
    return sorted({count for count in counts if count < most} | {0, most})


def _curve(times: Sequence[float], counts: Sequence[int]) -> npt.NDArray[np.float64]:
    """Times of every count between the measured ones; more units never take less time."""
    rising = np.maximum.accumulate(np.maximum(times, 0.0))
    filled: npt.NDArray[np.float64] = np.interp(np.arange(counts[-1] + 1), counts, rising)
    return filled


def _sized(config: EncoderConfig, heads: tuple[int, ...], neurons: tuple[int, ...]) -> TokenClassifier:
    sizes = replace(config, heads_per_layer=heads, neurons_per_layer=neurons, vocab_size=_WORDS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TokenClassifier(sizes).eval()


def _session(model: TokenClassifier) -> onnxruntime.InferenceSession:
    scales = calibrate(model, [_ids(model.config.vocab_size)])
    options = session_options(saturates=products_saturate())
    return onnxruntime.InferenceSession(
        emit(model, scales).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _ids(vocab_size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, vocab_size, (ROWS, TOKENS), generator=generator)


def _race(sessions: Mapping[_Key, onnxruntime.InferenceSession], repeats: int) -> dict[_Key, float]:
    """Median milliseconds of each; they take turns, so that a disturbance hits all alike."""
    ids = _ids(_WORDS).numpy()
    times: dict[_Key, list[float]] = {key: [] for key in sessions}
    for turn in range(repeats + 1):
        for key, session in sessions.items():
            start = time.perf_counter()
            session.run(None, {"input_ids": ids})
            if turn:
                times[key].append(1000 * (time.perf_counter() - start))
    return {key: float(np.median(values)) for key, values in times.items()}
