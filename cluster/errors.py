"""Responsible for what can go wrong with a cluster.

::

    ClusterError             anything about the cluster, in one line
    ├── ClusterRefused       an address or setting that is not safe or not possible
    ├── ClusterUnreachable   no scheduler, or no worker, in time
    └── ClusterMismatch      workers that are not made of what the driver is made of
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


class ClusterMismatch(ClusterError):
    """Workers that are made of other packages, or see other files, than the driver."""

    def __init__(self, what: str, advice: str = "", rows: tuple[str, ...] = ()) -> None:
        super().__init__(what, advice)
        self.args = (what, advice, rows)
        self.rows = rows
        """The table of differences, a line each."""
