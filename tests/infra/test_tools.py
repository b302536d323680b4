"""The files of infra/ as the programs that read them see them: compose, hadolint, Kubernetes' schemas, shellcheck.

They are installed by `make test-infra`, which says by ERRATA_INFRA_TOOLS where.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.command import ROOT

TOOLS = Path(os.environ.get("ERRATA_INFRA_TOOLS", "none"))
KEYS = {"MINIO_ROOT_USER": "user", "MINIO_ROOT_PASSWORD": "password"}
pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not TOOLS.is_dir(), reason="ERRATA_INFRA_TOOLS names no folder of programs; make test-infra installs them"
    ),
]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=ROOT, env=path | environment, capture_output=True, text=True, check=False)


def run_compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # the program itself: the package's wrapper always ends with 0
    (program,) = TOOLS.parent.glob("lib/python*/site-packages/compose/docker-compose")
    return run(str(program), "--file", "infra/compose.yaml", *arguments, **environment)


def test_compose_reads_the_services() -> None:
    result = run_compose("--profile", "gpu", "config", "--format", "json", **KEYS)
    assert result.returncode == 0, result.stderr
    services = json.loads(result.stdout)["services"]
    assert services.keys() == {"minio-volume", "minio", "bucket", "server", "deploy", "worker", "worker-gpu"}
    assert services["worker"]["environment"]["AWS_SECRET_ACCESS_KEY"] == "password"
    assert services["worker-gpu"]["image"].startswith("errata-gpu:")
    assert services["worker"]["depends_on"].keys() == {"bucket", "deploy"}


def test_compose_asks_for_keys() -> None:
    result = run_compose("config", "--quiet")
    assert result.returncode != 0
    assert "set it in infra/.env" in result.stderr


def test_dockerfiles_are_sound() -> None:
    result = run("hadolint", "infra/Dockerfile", "infra/Dockerfile.gpu")
    assert (result.returncode, result.stdout) == (0, "")


def test_kubernetes_knows_all_that_manifests_say(tmp_path: Path) -> None:
    job = run("kubernetes-validate", "--strict", "infra/kuberay/build.yaml")
    assert "passed for resource job/errata-build" in job.stdout + job.stderr, job.stderr
    cluster, policy = yaml.safe_load_all((ROOT / "infra/kuberay/cluster.yaml").read_text())
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    metadata = {"name": "x"}
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": group["template"]["spec"]} for group in groups
    ]
    for i, document in enumerate([policy, *pods]):
        path = tmp_path / f"{i}.yaml"
        path.write_text(yaml.safe_dump(document))
        result = run("kubernetes-validate", "--strict", str(path))
        assert result.returncode == 0 and "passed" in result.stdout + result.stderr, result.stderr
    path.write_text(yaml.safe_dump(document | {"spec": document["spec"] | {"contaners": []}}))
    assert run("kubernetes-validate", "--strict", str(path)).returncode != 0


@pytest.mark.parametrize(
    "script", sorted(path.relative_to(ROOT) for path in ROOT.glob("infra/*/*.s*") if path.suffix in (".sh", ".sbatch"))
)
def test_scripts_are_sound(script: Path) -> None:
    result = run("shellcheck", str(script))
    assert result.returncode == 0, result.stdout
