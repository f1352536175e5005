"""Responsible for telling how to reach a dashboard that is served on its own machine only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from distributed import Client

from cluster.config import LOOPBACK


def dashboard_lines(client: Client) -> list[str]:
    """The dashboard's address on the scheduler's machine, and the command that brings it here."""
    described: dict[str, Any] = client.scheduler_info(n_workers=0)
    port = described["services"].get("dashboard")
    host = urlsplit(described["address"]).hostname or "localhost"
    if not port:
        return []
    url = f"http://127.0.0.1:{port}/status"
    if host in LOOPBACK:
        return [f"dashboard: {url}"]
    return [f"dashboard, on {host} only: {url}", f"from here: ssh -N -L {port}:127.0.0.1:{port} {host}"]
