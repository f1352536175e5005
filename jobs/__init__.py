"""Jobs over many citations: plan, run, commit, report, compare, export. The command line is a thin layer.

What is named here is meant for other programs; docs/python-api.md shows it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.compare import iter_changes
    from jobs.config import JobConfig
    from jobs.export.write import write_export
    from jobs.metrics import RunReport
    from jobs.model import find_model
    from jobs.report import read_report
    from jobs.report_page import write_report_page
    from jobs.run import run_job
    from jobs.status import read_status
    from jobs.verify import iter_problems

__all__ = [
    "JobConfig",
    "RunReport",
    "find_model",
    "iter_changes",
    "iter_problems",
    "read_report",
    "read_status",
    "run_job",
    "write_export",
    "write_report_page",
]
_HOMES = {
    "JobConfig": "jobs.config",
    "RunReport": "jobs.metrics",
    "find_model": "jobs.model",
    "iter_changes": "jobs.compare",
    "iter_problems": "jobs.verify",
    "read_report": "jobs.report",
    "read_status": "jobs.status",
    "run_job": "jobs.run",
    "write_export": "jobs.export.write",
    "write_report_page": "jobs.report_page",
}


def __getattr__(name: str) -> Any:
    """Import what is exported when it is first used: a worker needs little of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
