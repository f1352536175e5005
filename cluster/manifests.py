"""Responsible for Kubernetes manifests: what the Dask operator needs, rendered without touching a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster.kinds import KubernetesConfig

API_VERSION = "kubernetes.dask.org/v1"
PORT = 8786
TLS_MOUNT = "/tls"
WORKER_SECONDS_TO_END = 30

Manifest = dict[str, Any]


def scheduler_address(kubernetes: KubernetesConfig) -> str:
    """The scheduler's address within the Kubernetes network."""
    return f"tls://{kubernetes.name}-scheduler.{kubernetes.namespace}.svc:{PORT}"


def cluster_manifest(kubernetes: KubernetesConfig) -> Manifest:
    """A DaskCluster: scheduler, its service, and worker pods, all over TLS."""
    return {**_head(kubernetes, "DaskCluster"), "spec": _cluster_spec(kubernetes)}


def job_manifest(kubernetes: KubernetesConfig, arguments: Sequence[str]) -> Manifest:
    """A DaskJob: a cluster and a pod that runs ``extract run`` on it; both go when the pod ends."""
    command = ["extract", "run", *arguments, "--scheduler", scheduler_address(kubernetes), "--tls", TLS_MOUNT]
    runner = _container(kubernetes, "runner", command, cores=1, memory_mib=kubernetes.memory_mib)
    return {
        **_head(kubernetes, "DaskJob"),
        "spec": {
            "job": {"spec": {**_pod(kubernetes, runner), "restartPolicy": "OnFailure"}},
            "cluster": {"spec": _cluster_spec(kubernetes)},
        },
    }


def network_manifest(kubernetes: KubernetesConfig) -> Manifest:
    """A NetworkPolicy: pods of the cluster are reached by pods of the cluster, and by nobody else."""
    own = {"matchLabels": {"dask.org/cluster-name": kubernetes.name}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{kubernetes.name}-only", "namespace": kubernetes.namespace},
        "spec": {
            "podSelector": own,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": own}]}],
        },
    }


def render(manifests: Sequence[Manifest]) -> str:
    """The manifests as one YAML text."""
    import yaml

    class Plain(yaml.SafeDumper):  # type: ignore[misc]  # yaml has no types
        """Writes a value that stands in two places twice, as people and tools expect."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump_all(manifests, Dumper=Plain, sort_keys=False)
    return text


def _head(kubernetes: KubernetesConfig, kind: str) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": kubernetes.name, "namespace": kubernetes.namespace},
    }


def _cluster_spec(kubernetes: KubernetesConfig) -> Manifest:
    scheduler = [
        *("dask", "scheduler", "--host", "$(POD_IP)", "--port", str(PORT), "--protocol", "tls"),
        *("--dashboard-address", "127.0.0.1:8787"),
    ]
    worker = [
        *("dask", "worker", scheduler_address(kubernetes), "--host", "$(POD_IP)"),
        *("--name", "$(DASK_WORKER_NAME)"),
        *("--nthreads", "1", "--nworkers", str(kubernetes.cores), "--death-timeout", "300"),
        *("--memory-limit", f"{kubernetes.memory_mib // kubernetes.cores}MiB"),
        *("--dashboard-address", "127.0.0.1:0", "--local-directory", "/tmp"),
    ]
    probe = {"tcpSocket": {"port": "tcp-comm"}, "initialDelaySeconds": 2, "periodSeconds": 10}
    scheduler_container = {
        **_container(kubernetes, "scheduler", scheduler, cores=1, memory_mib=2048),
        "ports": [{"name": "tcp-comm", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": probe,
    }
    worker_container = _container(
        kubernetes, "worker", worker, cores=kubernetes.cores, memory_mib=kubernetes.memory_mib
    )
    return {
        "worker": {"replicas": kubernetes.pods, "spec": _pod(kubernetes, worker_container)},
        "scheduler": {"spec": _pod(kubernetes, scheduler_container), "service": _service(kubernetes)},
    }


def _service(kubernetes: KubernetesConfig) -> Manifest:
    """Reached within the Kubernetes network only; the dashboard is not served at all."""
    return {
        "type": "ClusterIP",
        "selector": {"dask.org/cluster-name": kubernetes.name, "dask.org/component": "scheduler"},
        "ports": [{"name": "tcp-comm", "protocol": "TCP", "port": PORT, "targetPort": "tcp-comm"}],
    }


def _pod(kubernetes: KubernetesConfig, container: Manifest) -> Manifest:
    return {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "terminationGracePeriodSeconds": WORKER_SECONDS_TO_END,
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": kubernetes.claim}},
            {"name": "tls", "secret": {"secretName": kubernetes.tls_secret, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(
    kubernetes: KubernetesConfig, name: str, command: Sequence[str], *, cores: int, memory_mib: int
) -> Manifest:
    resources = {"cpu": str(cores), "memory": f"{memory_mib}Mi"}
    return {
        "name": name,
        "image": kubernetes.image,
        "command": list(command),
        "env": [
            {"name": "DASK_CONFIG", "value": f"{TLS_MOUNT}/dask.yaml"},
            {"name": "HOME", "value": "/tmp"},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": kubernetes.mount},
            {"name": "tls", "mountPath": TLS_MOUNT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
