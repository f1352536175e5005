"""Responsible for what can go wrong with a cluster.

::

    ClusterError             anything about the cluster, in one line
    ├── ClusterRefused       an address or setting that is not safe or not possible
    └── ClusterUnreachable   no scheduler, or no worker, in time
"""

from __future__ import annotations


class ClusterError(Exception):
    """One thing that went wrong with a cluster: ``what``, and the ``advice`` what to do now."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return "; ".join(part for part in (self.what, self.advice) if part).replace("\n", " ")


class ClusterRefused(ClusterError):
    """An address or a setting that is not safe or not possible."""


class ClusterUnreachable(ClusterError):
    """No scheduler or no worker answered in time."""
