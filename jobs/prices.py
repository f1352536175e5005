"""Responsible for the price table: what machines cost, and so a million citations on each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import JobError

DEFAULT_PRICES = Path(__file__).parent / "prices.toml"


class PricesBroken(JobError):
    """A price table that cannot be read."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A kind of machine that can be rented."""

    name: str
    n_vcpus: int
    usd_per_hour: float

    def usd_per_million(self, worker_seconds_per_citation: float) -> float:
        """Cost of a million citations with one worker a vCPU, each as fast as those that were measured."""
        return worker_seconds_per_citation * 1e6 / 3600 * self.usd_per_hour / self.n_vcpus


def read_prices(path: Path = DEFAULT_PRICES) -> list[Instance]:
    """The instances of a price table.

    :raises PricesBroken: when the file is missing, no TOML, or says something else.
    """
    try:
        with path.open("rb") as stream:
            rows = tomllib.load(stream)["instance"]
        return [_parse_instance(row) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as exc:
        raise PricesBroken(
            "the price table cannot be read",
            str(path),
            f"{type(exc).__name__}: {exc}",
            "[[instance]] tables with name, vcpus and usd_per_hour",
        ) from exc


def _parse_instance(row: Mapping[str, Any]) -> Instance:
    instance = Instance(str(row["name"]), int(row["vcpus"]), float(row["usd_per_hour"]))
    if instance.n_vcpus < 1 or not 0 <= instance.usd_per_hour < float("inf"):
        raise ValueError(f"{instance.name}: {instance.n_vcpus} vCPUs, {instance.usd_per_hour} USD")
    return instance
