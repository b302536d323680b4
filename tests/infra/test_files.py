"""The files of infra/ as text: what is pinned, who runs, what is looked at, and that nothing secret is in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.command import ROOT
from tests.infra.kuberay import check_cluster

INFRA = ROOT / "infra"
DOCKERFILES = sorted(INFRA.glob("Dockerfile*"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())
MANIFESTS = [
    document for path in sorted(INFRA.glob("kuberay/*.yaml")) for document in yaml.safe_load_all(path.read_text())
]
PINNED = re.compile(r"^[a-z0-9./-]+:(RELEASE\.)?[0-9][0-9A-Za-z.-]+$")


def list_containers(value: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The pods of manifests and each of their containers."""
    if isinstance(value, dict):
        for container in value.get("containers", ()):
            yield value, container
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from list_containers(item)


def list_images() -> list[str]:
    stages = [re.findall(r"^FROM (\S+)(?: AS (\S+))?", path.read_text(), re.MULTILINE) for path in DOCKERFILES]
    built = {name for stage in stages for _, name in stage if name}
    images = [image for stage in stages for image, _ in stage if image not in built]
    images += [service["image"] for service in COMPOSE["services"].values()]
    return images + [container["image"] for _, container in list_containers(MANIFESTS)]


def test_every_image_is_pinned_and_ours_are_of_this_version() -> None:
    images = list_images()
    assert len(images) > 10
    assert [image for image in images if not PINNED.match(image)] == []
    ours = {image for image in images if image.startswith("errata")}
    assert ours == {f"errata:{VERSION}", f"errata-gpu:{VERSION}"}


def test_images_come_from_the_lock_by_the_uv_of_the_makefile() -> None:
    by_hashes = "--require-hashes -r"
    assert f"{by_hashes} infra/supply/uv.txt" in (ROOT / "Makefile").read_text()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for path in DOCKERFILES:
        text = path.read_text()
        assert "COPY infra/supply/uv.txt /tmp/uv.txt" in text
        synced = re.findall(r"uv sync (.*)", text)
        assert synced and all("--frozen" in line for line in synced)
        assert {name for line in synced for name in re.findall(r"-group (\S+)", line)} <= groups.keys()
        installed = re.findall(r"pip install (.*)", text)
        assert installed and all(line.endswith(f"{by_hashes} /tmp/uv.txt") for line in installed)


def test_nothing_runs_as_root() -> None:
    for path in DOCKERFILES:
        assert re.findall(r"^USER (\S+)", path.read_text(), re.MULTILINE)[-1] == "10001:10001"
    # the one that gives a new volume to its owner, and does nothing else
    assert {name for name, service in COMPOSE["services"].items() if service.get("user", "").startswith("0")} == {
        "minio-volume"
    }
    for pod, container in list_containers(MANIFESTS):
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert not pod["automountServiceAccountToken"]
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


def test_what_stays_is_looked_at() -> None:
    assert "HEALTHCHECK" in (INFRA / "Dockerfile").read_text()  # that for GPUs is made from it
    staying = {
        name: service for name, service in COMPOSE["services"].items() if service.get("restart") == "unless-stopped"
    }
    assert staying.keys() == {"minio", "server", "worker", "worker-gpu"}
    assert all(service["healthcheck"]["test"][0] == "CMD" for service in staying.values())
    pods = [container for _, container in list_containers(MANIFESTS) if container["name"].startswith("ray-")]
    assert len(pods) == 3
    assert all({"readinessProbe", "livenessProbe"} <= container.keys() for container in pods)


def test_ray_asks_for_a_token_everywhere() -> None:
    containers = [container for _, container in list_containers(MANIFESTS)]
    assert len(containers) == 4
    for container in containers:
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]
        assert {"secretRef": {"name": "errata-ray"}} in container["envFrom"]
    script = (INFRA / "slurm" / "build.sbatch").read_text()
    assert script.index("export RAY_AUTH_MODE=token RAY_AUTH_TOKEN") < script.index("ray start")


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_is_written_down() -> None:
    secret = re.compile(r"(?i)(password|secret_access_key|access_key_id|api_key|token)\S*[ \t]*[:=][ \t]*(\S.*)")
    paths = [*DOCKERFILES, *INFRA.glob("compose*"), *INFRA.glob("kuberay/*"), *INFRA.glob("slurm/*")]
    values = [match[2] for path in paths for match in secret.finditer(path.read_text())]
    assert values and [value for value in values if not re.match(r'\$\{MINIO_\w+:\?|…|false\b|"\$\(', value)] == []
    assert (
        "**/.env" in (ROOT / ".dockerignore").read_text() and (ROOT / ".dockerignore").read_text().count("\n*\n") == 1
    )


def test_manifests_have_the_fields_that_kuberay_documents() -> None:
    clusters = [document for document in MANIFESTS if document["kind"] == "RayCluster"]
    assert clusters and [fault for document in clusters for fault in check_cluster(document)] == []
    ray = next(
        line
        for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["ray"]
        if "ray" in line
    )
    assert f"ray=={clusters[0]['spec']['rayVersion']}" in ray


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda spec: spec["headGroupSpec"].pop("template"), "spec.headGroupSpec: 'template' is missing"),
        (lambda spec: spec.update(rayVersions="2"), "spec: no field 'rayVersions'"),
        (lambda spec: spec["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}), "spec.headGroupSpec.rayStartParams.num-cpus: 0 is no str"),
        (lambda spec: spec["workerGroupSpecs"][0].update(replicas="2"), "spec.workerGroupSpecs[0].replicas: '2' is no int"),
    ],
)  # fmt: skip
def test_what_kuberay_would_refuse_is_found(change: Any, fault: str) -> None:
    document = yaml.safe_load(next((INFRA / "kuberay").glob("cluster.yaml")).read_text().split("\n---\n")[0])
    change(document["spec"])
    assert check_cluster(document) == [fault]
