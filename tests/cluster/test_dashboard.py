"""How to reach a dashboard is told: its address on this machine, the way through SSH to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest
from distributed import Client

from cluster.dashboard import dashboard_lines


@dataclass
class Described:
    """A scheduler elsewhere, as its client describes it; none can be had elsewhere here."""

    address: str
    services: dict[str, int]

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"address": self.address, "services": self.services}


@pytest.mark.parametrize(
    ("address", "services", "lines"),
    [
        ("tcp://127.0.0.1:8786", {"dashboard": 41}, ["dashboard: http://127.0.0.1:41/status"]),
        (
            "tls://10.0.0.1:8786",
            {"dashboard": 8787},
            [
                "dashboard, on 10.0.0.1 only: http://127.0.0.1:8787/status",
                "from here: ssh -N -L 8787:127.0.0.1:8787 10.0.0.1",
            ],
        ),
        ("tls://10.0.0.1:8786", {}, []),
    ],
)
def test_way_to_the_dashboard_is_told(address: str, services: dict[str, int], lines: list[str]) -> None:
    assert dashboard_lines(cast(Client, Described(address, services))) == lines
