"""A cluster file says one kind of cluster; what leaves this machine is encrypted, or asked for by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import ClusterConfig, ClusterRefused, ClusterUnreachable, read_config
from cluster.kinds import SlurmConfig, SshConfig
from cluster.open import open_cluster
from cluster.slurm import lifetime_of, slurm_options
from cluster.ssh import ssh_options

SSH = 'kind = "ssh"\ntls = "/shared/tls"\n[ssh]\nhosts = ["n1", "n2"]\n'
SLURM = 'kind = "slurm"\ntls = "/shared/tls"\nmaximum = 8\n[slurm]\ncores = 4\nmemory = "8GB"\n'
KUBERNETES = 'kind = "kubernetes"\ntls = "/tls"\n[kubernetes]\nimage = "registry.example/x:1"\n'


def config_of(tmp_path: Path, text: str) -> ClusterConfig:
    path = tmp_path / "cluster.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "local"),
        ("n_workers = 2", "local"),
        ('scheduler = "tcp://127.0.0.1:8786"', "address"),
        ('kind = "local"\nminimum = 1\nmaximum = 4', "local"),
        (SSH, "ssh"),
        (SLURM, "slurm"),
        (KUBERNETES, "kubernetes"),
    ],
)
def test_file_says_its_kind(tmp_path: Path, text: str, kind: str) -> None:
    assert config_of(tmp_path, text).kind == kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kind = "slrum"', "one of local, address, ssh, slurm, kubernetes"),
        ('kind = "ssh"', r"expected \[ssh\]"),
        (SSH.replace("ssh", "local", 1), "expected no table"),
        (SSH + "[slurm]\ncores = 1\nmemory = '1GB'\n", r"got \[slurm\], \[ssh\]"),
        (SSH.replace('tls = "/shared/tls"', ""), "extract cluster certs"),
        (SLURM.replace("cores = 4", ""), "cores missing"),
        (SLURM.replace("cores = 4", 'cores = "4"'), "cores: got '4', expected int"),
        (SLURM.replace("cores = 4", "cores = true"), "cores: got True"),
        (SLURM.replace("[slurm]", '[slurm]\nwalltime = "an hour"'), "expected HH:MM:SS"),
        (SLURM.replace("[slurm]", "[slurm]\nqueue = 'day'"), "got queue, expected any of cores"),
        (SLURM.replace("maximum = 8", "minimum = 9\nmaximum = 8"), "minimum 9 and maximum 8"),
        (KUBERNETES.replace("[kub", "maximum = 4\n[kub"), "cannot be adaptive"),
        (SSH.replace('"n1", "n2"', '"n1", "n1"'), "each once"),
        ('kind = "address"', "no scheduler"),
        ('kind = "local"\nscheduler = "tls://h:1"', "scheduler 'tls://h:1'"),
        ('scheduler = "tcp://198.51.100.7:8786"', "not encrypted"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ClusterRefused, match=told):
        config_of(tmp_path, text)


def test_network_without_certificates_must_be_asked_for(tmp_path: Path) -> None:
    text = SSH.replace('tls = "/shared/tls"', "insecure_network = true")
    assert config_of(tmp_path, text).insecure_network


def test_host_keys_are_always_checked(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    config = ClusterConfig(kind="ssh", tls="/tls", ssh=SshConfig(("n1",), known_hosts=str(known)))
    assert config.ssh is not None
    with pytest.raises(ClusterRefused, match="known host keys"):
        ssh_options(config, config.ssh, protocol="tls")
    known.write_text("", encoding="utf-8")
    assert ssh_options(config, config.ssh, protocol="tls")["connect_options"]["known_hosts"] == str(known)


def test_hosts_serve_dashboards_to_themselves_only(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("", encoding="utf-8")
    ssh = SshConfig(("n1", "n2"), workers_per_host=3, known_hosts=str(tmp_path / "known"))
    options = ssh_options(ClusterConfig(kind="ssh", tls="/tls", ssh=ssh), ssh, protocol="tls")
    assert options["hosts"] == ["n1", "n1", "n2"]
    assert options["scheduler_options"]["host"] == "n1"
    for role in ("scheduler_options", "worker_options"):
        assert (options[role]["dashboard_address"], options[role]["protocol"]) == ("127.0.0.1:0", "tls")


@pytest.mark.parametrize(
    ("walltime", "seconds", "longest"),
    [("02:00:00", 6900, 7200), ("00:20:00", 900, 1200), ("00:04:00", 120, 240), ("1-00:00:00", 86100, 86400)],
)
def test_workers_retire_before_their_job_is_ended(walltime: str, seconds: int, longest: int) -> None:
    slurm = SlurmConfig(cores=2, memory="4GB", walltime=walltime)
    _, lifetime, _, stagger = lifetime_of(ClusterConfig(kind="slurm", tls="/tls", slurm=slurm), slurm)
    assert lifetime == f"{seconds}s"
    assert seconds + int(stagger[:-1]) < longest


def test_job_that_is_submitted_starts_one_worker_a_core_over_tls(tmp_path: Path) -> None:
    jobqueue = pytest.importorskip("dask_jobqueue.slurm", reason="needs the packages of [slurm]")
    from cluster.certificates import write_certificates
    from cluster.tls import security_of, tls_files

    write_certificates(tmp_path / "tls")
    slurm = SlurmConfig(cores=4, memory="8GB", partition="day", prologue=("module load python",))
    config = ClusterConfig(kind="slurm", tls=str(tmp_path / "tls"), slurm=slurm)
    options = slurm_options(config, slurm)
    assert options.pop("scheduler_options") == {"dashboard_address": "127.0.0.1:0"}
    security = security_of(tls_files(config))
    script = jobqueue.SLURMJob("tls://10.0.0.1:1", name="w", protocol="tls", security=security, **options)
    lines = script.job_script().splitlines()
    assert {"#SBATCH --cpus-per-task=4", "#SBATCH --mem=8G", "#SBATCH -p day"} <= set(lines)
    assert lines.index("module load python") < len(lines) - 1
    assert f"export DASK_CONFIG={tmp_path}/tls/dask.yaml" in lines
    for words in (
        "--nworkers 4",
        "--nthreads 1",
        "--protocol tls",
        f"--tls-key {tmp_path}/tls/worker-key.pem",
        "--dashboard-address 127.0.0.1:0",
        "--lifetime 3300s",
    ):
        assert words in script.job_script()


def test_scheduler_file_that_never_comes_is_told(tmp_path: Path) -> None:
    config = ClusterConfig(scheduler=str(tmp_path / "scheduler.json"), start_seconds=0.3)
    with pytest.raises(ClusterUnreachable, match=r"scheduler\.json"), open_cluster(config):
        pass


def test_scheduler_file_does_not_smuggle_in_an_open_network(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": "tcp://198.51.100.7:8786"}), encoding="utf-8")
    with (
        pytest.raises(ClusterRefused, match="not encrypted"),
        open_cluster(ClusterConfig(scheduler=str(path))),
    ):
        pass


def test_encrypted_scheduler_needs_certificates() -> None:
    config = ClusterConfig(scheduler="tls://127.0.0.1:1", start_seconds=1)
    with pytest.raises(ClusterRefused, match="--tls"), open_cluster(config):
        pass
