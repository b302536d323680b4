"""The image for CPUs, built by buildah without a daemon, and the sample recipe built in it: `make test-images`.

Where no registry answers, the base is made of Debian's packages by debootstrap and given the name of the one that the
Dockerfile asks for. That for GPUs is not built: its packages take 8 GB.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.command import ROOT

NEEDED = ("buildah", "debootstrap")
COMPOSE = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())
IMAGE = f"localhost/{COMPOSE['services']['worker']['image']}"
pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif("ERRATA_IMAGES" not in os.environ, reason="ten minutes and 5 GB: make test-images"),
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {' and '.join(NEEDED)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="buildah without user namespaces needs root"),
]


class Images:
    """Images in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run buildah."""
        places = ["--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run")]
        environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        result = subprocess.run(
            ["buildah", *places, *command], env=environment, capture_output=True, text=True, check=False
        )
        assert not check or result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
        return result

    def find_base(self, name: str) -> None:
        """Pull a base image; where that cannot be, make one of Debian's packages."""
        if self.run("pull", "--quiet", name, check=False).returncode == 0:
            return
        base = self.folder / "base"
        packages = "ca-certificates,python3,python3-venv,python3-pip"
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(base)], check=True)
        for python in ("python", "python3"):
            (base / "usr/local/bin" / python).symlink_to("/usr/bin/python3")
        container = self.run("from", "scratch").stdout.strip()
        self.run("add", "--quiet", container, str(base), "/")
        self.run("commit", "--quiet", "--rm", container, name)

    def build(self, file: str, name: str) -> None:
        """Build an image from a Dockerfile; packages come through the certificates that this machine trusts."""
        certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"
        self.run(
            "build",
            "--format",
            "docker",
            "--pull=never",
            "--volume",
            certificates,
            "--file",
            file,
            "--tag",
            name,
            str(ROOT),
        )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """The images, of which the one for CPUs is built."""
    result = Images(tmp_path_factory.mktemp("images"))
    file = ROOT / "infra" / "Dockerfile"
    base = re.search(r"^FROM (\S+) AS base", file.read_text(), re.MULTILINE)
    assert base
    result.find_base(base[1])
    result.build(str(file), IMAGE)
    yield result
    shutil.rmtree(result.folder)


@pytest.fixture(scope="module")
def container(images: Images) -> str:
    """A container of the image."""
    return images.run("from", "--pull=never", IMAGE).stdout.strip()


def test_the_sample_is_built_in_the_image_by_a_user_who_cannot_change_it(images: Images, container: str) -> None:
    built = images.run("run", container, "--", "errata", "build", "catalog/recipes/sample.yaml", "--plain")
    assert "released sample 0.1.0: 90 rows of mistakes" in built.stdout
    assert "sample@0.1.0" in images.run("run", container, "--", "errata", "list").stdout
    assert images.run("run", container, "--", "id", "--user").stdout.strip() == "10001"
    assert images.run("run", container, "--", "touch", "/opt/errata/tasks/x", check=False).returncode != 0


def test_the_image_holds_no_more_than_it_needs(images: Images, container: str) -> None:
    config = json.loads(images.run("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    assert (config["User"], config["Entrypoint"]) == ("10001:10001", ["errata"])
    assert config["Healthcheck"]["Test"] == ["CMD", "errata", "list"]
    assert not [line for line in config["Env"] if re.search("(?i)key|secret|password|token", line)]
    names = set(images.run("run", container, "--", "ls", "-A", "/opt/errata").stdout.split())
    assert names == {".venv", "LICENSE", "README.md", "catalog", "flows", "infra", "pyproject.toml", "schemas", "tasks", "uv.lock"}  # fmt: skip
    assert set(images.run("run", container, "--", "ls", "-A", "infra").stdout.split()) == {
        "prefect.env",
        "prefect.yaml",
    }


def test_what_services_run_is_there(images: Images, container: str) -> None:
    services = COMPOSE["services"].values()
    programs = {service["entrypoint"][0] for service in services if service["image"].startswith("errata:") and "entrypoint" in service}  # fmt: skip
    for program in programs | {"errata", "ray", "bash"}:
        assert images.run("run", container, "--", "bash", "-c", f"command -v {program}").stdout.strip(), program
    versions = images.run(
        "run", container, "--", "python", "-c", "import ray, s3fs, prefect; print(prefect.__version__, ray.__version__)"
    )
    assert versions.stdout.split()[-2:] == ["3.8.8", "2.60.0"]
