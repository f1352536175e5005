"""Scripts for other people's clusters are rendered without touching one, and say what those expect."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.batch import render_batch
from cluster.kinds import KubernetesConfig, SlurmConfig
from cluster.manifests import cluster_manifest, job_manifest, network_manifest, render

REPOSITORY = Path(__file__).resolve().parents[2]
KUBERNETES = KubernetesConfig(image="registry.example/x:1", pods=3, cores=2, memory_mib=4096)


@pytest.fixture(scope="module")
def script() -> str:
    slurm = SlurmConfig(cores=8, memory="16GiB", jobs=2, partition="day", prologue=("module load python",))
    return render_batch(slurm, ["/shared/in with space", "--out", "/shared/out"])


def test_batch_script_is_bash(script: str) -> None:
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_batch_script_asks_for_its_workers_and_to_be_told_before_its_end(script: str) -> None:
    directives = set(re.findall(r"^#SBATCH --(.*)$", script, flags=re.MULTILINE))
    assert {"ntasks=17", "mem-per-cpu=2048M", "partition=day", "requeue", "signal=B:TERM@120"} <= directives
    assert "--ntasks=16" in script


def test_batch_script_keeps_arguments_whole(script: str) -> None:
    [line] = [line for line in script.splitlines() if line.startswith("extract run")]
    assert shlex.split(line.rstrip("&"))[2:5] == ["/shared/in with space", "--out", "/shared/out"]


def test_batch_script_encrypts_and_serves_pages_to_the_node_only(script: str) -> None:
    for command in ("dask scheduler", "dask worker"):
        [call] = re.findall(rf"{command}.*?[^\\]\n(?!    )", script, flags=re.DOTALL)
        assert "--protocol tls" in call
        assert "--dashboard-address 127.0.0.1:0" in call


STUBS = {
    "srun": "exec sleep 30",
    "dask": "exec sleep 30",
    "scontrol": 'echo "$@" >> "$CALLS"',
    "extract": 'if [ "$1" = run ]; then exit "$RUN_CODE"; else mkdir "$4"; fi',
}


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (75, True), (143, True), (65, False)])
def test_batch_script_queues_itself_again_where_the_same_command_continues(
    script: str, tmp_path: Path, code: int, requeued: bool
) -> None:
    """Run by bash with stand-ins for SLURM's and the project's commands: only the script is tried."""
    for name, body in STUBS.items():
        stub = tmp_path / name
        stub.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        stub.chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7",
        "CALLS": str(tmp_path / "calls"),
        "RUN_CODE": str(code),
    }
    ended = subprocess.run(
        ["bash"],
        input=script.replace("module load", ": "),
        text=True,
        env=variables,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == code
    assert (tmp_path / "calls").exists() == requeued
    assert not (tmp_path / ".extract-tls-7").exists()


def schema_of(kind: str) -> dict[str, Any]:
    """The operator's own schema, as dask-kubernetes ships it, with all other fields forbidden."""
    package = pytest.importorskip("dask_kubernetes", reason="needs the packages of [kubernetes]")
    chart = Path(package.__file__).parent / "operator" / "deployment" / "helm" / "dask-kubernetes-operator"
    text = (chart / "crds" / f"{kind.lower()}.yaml").read_text("utf-8")
    definition = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"] |= {name: {"type": "string"} for name in ("apiVersion", "kind")}
    schema["properties"]["metadata"] = {"type": "object"}
    return closed(schema)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without room for misspelt fields, which a server would drop in silence."""
    if "properties" in schema:
        named = {name: closed(part) for name, part in schema["properties"].items()}
        return {**schema, "properties": named, "additionalProperties": False}
    return {**schema, "items": closed(schema["items"])} if "items" in schema else schema


def problems(manifest: dict[str, Any]) -> list[str]:
    """What the operator's schema has against a manifest."""
    jsonschema = pytest.importorskip("jsonschema")
    errors = jsonschema.Draft202012Validator(schema_of(manifest["kind"])).iter_errors(manifest)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def test_manifests_keep_to_the_operators_schema() -> None:
    assert problems(cluster_manifest(KUBERNETES)) == []
    assert problems(job_manifest(KUBERNETES, ["/data/in", "--out", "/data/out"])) == []


def standard(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A part of a manifest as a resource of its own, of those that Kubernetes itself has."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "part"}, "spec": spec}


def test_pods_services_and_policies_keep_to_kubernetes_own_schemas() -> None:
    """Each part as Kubernetes itself would take it, with nothing that it does not know."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="needs the packages of [dev]")
    job = job_manifest(KUBERNETES, ["/data/in", "--out", "/data/out"])["spec"]
    inner = job["cluster"]["spec"]
    pods = [standard("Pod", part["spec"]) for part in (job["job"], inner["worker"], inner["scheduler"])]
    service = standard("Service", inner["scheduler"]["service"])
    for manifest in (*pods, service, network_manifest(KUBERNETES)):
        for version in ("1.28", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(manifest, version, strict=True)
    pods[0]["spec"]["volumes"][0]["persistentVolumeClaimm"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pods[0], "1.28", strict=True)


def test_a_wrong_manifest_is_found() -> None:
    wrong = cluster_manifest(KUBERNETES)
    wrong["spec"]["worker"]["spec"]["containers"][0]["imagee"] = wrong["spec"]["worker"]["replicas"] = "x"
    assert len(problems(wrong)) == 2


def test_pods_are_encrypted_unprivileged_and_closed_to_others() -> None:
    job = job_manifest(KUBERNETES, ["/data/in", "--out", "/data/out"])
    specs = [job["spec"]["job"], *(job["spec"]["cluster"]["spec"][role] for role in ("worker", "scheduler"))]
    for spec in (part["spec"] for part in specs):
        [container] = spec["containers"]
        assert "tls" in " ".join(container["command"])
        assert {"name": "DASK_CONFIG", "value": "/tls/dask.yaml"} in container["env"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
    assert job["spec"]["cluster"]["spec"]["scheduler"]["service"]["type"] == "ClusterIP"
    [rule] = network_manifest(KUBERNETES)["spec"]["ingress"]
    assert rule == {"from": [{"podSelector": {"matchLabels": {"dask.org/cluster-name": "extract"}}}]}


def test_rendered_text_is_the_manifests() -> None:
    manifests = [network_manifest(KUBERNETES), cluster_manifest(KUBERNETES)]
    text = render(manifests)
    assert list(yaml.safe_load_all(text)) == manifests
    assert "&id" not in text


def test_image_is_made_of_what_the_package_is_made_of() -> None:
    """No engine builds it here; what it copies must exist. What it installs: tests/test_packaging.py."""
    lines = (REPOSITORY / "deploy" / "Containerfile").read_text("utf-8").splitlines()
    sources = [word for line in lines if re.match(r"COPY (?!--from)", line) for word in line.split()[1:-1]]
    assert [name for name in sources if not (REPOSITORY / name).exists()] == []
    assert {"extract", "cluster", "jobs", "compress", "pyproject.toml"} <= set(sources)
    assert "USER 10001" in lines
