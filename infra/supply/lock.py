"""Lock what the environments beside uv.lock install, with hashes: `python -m infra.supply.lock [NAME …]`.

PyTorch is locked by itself, since it has two builds of one version, each with hashes of its own: PyPI's, with CUDA packages that
only it asks for (torch.txt), and the one for CPUs of PyTorch's own index (torch-cpu.txt, written by hand), which is taken where that index, or a
folder of wheels, is named to pip. Its hash is of the wheel for Python 3.11 on x86_64, as a folder of wheels had it: such a folder gives no hashes
by which uv could lock, and of two builds whose hashes stand in one file pip takes the one that its index gives a hash of, which is PyPI's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
INFRA = ROOT / "infra"
ENVIRONMENTS = ("trl", "teaching", "abacus", "vllm")
TORCH, CPU_BUILD = INFRA / "supply" / "torch.txt", INFRA / "supply" / "torch-cpu.txt"
ONE_PLATFORM = ("--python-platform", "x86_64-manylinux_2_28")
LEFT_OUT = {"vllm": r"torch(vision|audio|codec)?"}
"""Packages that are in no lock, where it is others than PyTorch and its CUDA packages: builds of them do not fit the CPU's PyTorch, and `import vllm` fails with them."""
_CUDA = r"torch|triton|nvidia-.*|cuda-.*"
_PACKAGE = re.compile(r"^(?=\S)", re.M)


def lock_environment(name: str) -> None:
    """Write the lock of one environment."""
    source, target = INFRA / name / "requirements.in", INFRA / name / "requirements.txt"
    with tempfile.TemporaryDirectory() as folder:
        text = _compile(source, Path(folder), name)
    blocks = [block for block in _PACKAGE.split(text) if block.strip()]
    out = re.compile(rf"({LEFT_OUT.get(name, _CUDA)})==")
    head = f"# What infra/{name}/requirements.in asks for, but for PyTorch (infra/supply/torch.txt): `python -m infra.supply.lock {name}`.\n"
    target.write_text(head + "".join(block for block in blocks if not out.match(block)), "utf-8")
    if name == "trl":
        (torch,) = (block for block in blocks if block.startswith("torch=="))
        TORCH.write_text(f"# PyPI's builds of PyTorch: `python -m infra.supply.lock trl`.\n{torch}", "utf-8")


def _compile(source: Path, folder: Path, name: str) -> str:
    """All packages of an environment, with the hashes of all their files."""
    target, options = folder / "locked.txt", ["--universal"]
    if name == "vllm":  # asks for the CPU build by its name: where it is, pip's own setting says
        options = [*ONE_PLATFORM, "--find-links", os.environ["PIP_FIND_LINKS"]]
    if name == "abacus":  # is installed beside the application
        locked = folder / "app.txt"
        export = ["export", "--frozen", "--quiet", "--no-emit-project", "--no-hashes", "--only-group", "app"]
        subprocess.run([UV, *export, "--output-file", locked], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        options += ["--constraints", str(locked)]
    command: list[str | Path] = [UV, "pip", "compile", source, "--python-version", "3.11", "--generate-hashes", "--quiet", "--no-header", "--no-annotate", "-o", target]  # fmt: skip
    subprocess.run([*command, *options], cwd=ROOT, check=True)
    return target.read_text("utf-8")


def main() -> None:
    """Lock the environments that are named, or all."""
    for name in sys.argv[1:] or ENVIRONMENTS:
        lock_environment(name)


if __name__ == "__main__":
    main()
