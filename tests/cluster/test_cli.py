"""What `extract cluster` prints is for people or for programs, and what cannot be meant is refused."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from jobs.cli import main

SLURM = 'kind = "slurm"\ntls = "tls"\n[slurm]\ncores = 2\nmemory = "4GB"\n'


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_certificates_are_made_and_their_use_is_told(tmp_path: Path) -> None:
    made = call("cluster", "certs", "--to", str(tmp_path / "tls"), "--days", "2")
    assert made.exit_code == 0
    for word in ("dask scheduler --protocol tls", "dask worker tls://", "--tls", "--host OWN_ADDRESS"):
        assert word in made.stdout
    told = json.loads(call("cluster", "certs", "--to", str(tmp_path / "two"), "--json").stdout)
    assert told == {"path": str(tmp_path / "two"), "days": 30, "dask_config": f"{tmp_path}/two/dask.yaml"}
    assert call("cluster", "certs", "--to", str(tmp_path / "tls")).exit_code == 2


def test_script_is_rendered_for_the_kind_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(SLURM, encoding="utf-8")
    words = ("cluster", "script", "--cluster", str(file), "--kind")
    done = call(*words, "slurm", "--", "in", "--out", "out", "--no-gate")
    assert done.exit_code == 0
    assert "run in --out out --no-gate --scheduler" in done.stdout
    refused = call(*words, "kubernetes", "--", "in", "--out", "out")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "of kind slurm, not kubernetes" in refused.stderr


def test_open_network_is_refused_before_anything_is_opened() -> None:
    refused = call("cluster", "describe", "--scheduler", "tcp://198.51.100.7:8786")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: scheduler tcp://198.51.100.7:8786 is beyond this machine")
