"""The command line: parses, calls the library, prints. The only package here that prints or exits."""

from __future__ import annotations

import click

from jobs.cli.group import LazyGroup


@click.group(
    cls=LazyGroup,
    commands_at={
        "run": "jobs.cli.run:run",
        "status": "jobs.cli.status:status",
        "report": "jobs.cli.report:report",
        "verify": "jobs.cli.verify:verify",
        "diff": "jobs.cli.diff:diff",
        "gc": "jobs.cli.gc:gc",
        "export": "jobs.cli.export:export",
        "plan": "jobs.cli.plan:plan",
        "models": "jobs.cli.models:models",
        "cluster": "jobs.cli.cluster:cluster",
        "eval": "jobs.cli.evaluate:evaluate",
        "tag": "jobs.cli.tag:tag",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="extraction-runner", prog_name="extract")
def main() -> None:
    """Extract entities from MEDLINE in batch, with small int8 models, and tell what it cost.

    \b
    Example:
      extract run baseline/*.xml.gz --out out
    """
