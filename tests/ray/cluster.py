"""A Ray cluster of nodes on this machine, each in namespaces of its own: another network, other processes, other mounts.

Nothing of it outlives the process that holds a node: its network, its processes
and its mounts end with it, and it ends with the tests, of whose input it reads.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.command import ROOT

PYTHON = os.environ.get("ERRATA_RAY_PYTHON", sys.executable)
PORT = 6379
HEAD = "10.77.0.1"
GPUS = 2
"""Of each node."""
ATTEMPTS = 3
"""How often a node is started: Ray gives its agent, which takes 2 seconds of a processor to begin, 15 seconds, and ends the node if it is late."""
NAMESPACES = ("--net", "--mount", "--pid")


def find_fault() -> str | None:
    """Why no cluster can be made here; None where one can."""
    if subprocess.run([PYTHON, "-c", "import ray"], capture_output=True).returncode:
        return "Ray is not installed; `make test-ray` installs it, ERRATA_RAY_PYTHON names a Python that has it"
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return "unshare, nsenter and ip are needed for nodes on one machine"
    probe = subprocess.run(
        ["unshare", *NAMESPACES, "--fork", "ip", "link", "add", "errata", "type", "veth"], capture_output=True
    )
    return (
        f"no namespaces can be made here ({probe.stderr.decode().strip()}); be root on Linux"
        if probe.returncode
        else None
    )


@dataclass
class Node:
    """One node: the process that holds its namespaces, and how others are started in them."""

    number: int
    folder: Path
    holder: subprocess.Popen[bytes]
    environment: dict[str, str]

    @property
    def address(self) -> str:
        """Where others reach it."""
        return f"10.77.0.{self.number + 1}"

    @property
    def first(self) -> int:
        """The first process of its namespaces."""
        return int(Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text())

    def enter(self, command: Sequence[str]) -> list[str]:
        """A command that runs another one on this node."""
        return ["nsenter", "-t", str(self.first), "--net", "--mount", "--pid", "--wdns=" + str(ROOT), *command]

    def run(
        self, *command: str, environment: dict[str, str] | None = None, seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here, and wait for it."""
        return subprocess.run(
            self.enter(command), env=self.environment | (environment or {}), stdin=subprocess.DEVNULL, text=True,
            capture_output=True, timeout=seconds,
        )  # fmt: skip

    def configure_network(self, command: str) -> None:
        """Run a command of `ip`, which knows the processes outside."""
        subprocess.run(["nsenter", "-t", str(self.first), "--net", "ip", *command.split()], check=True)

    def start_network(self) -> None:
        """Have the others reach it."""
        for command in (f"addr add {self.address}/24 dev errata", "link set lo up", "link set errata up"):
            self.configure_network(command)

    def hide(self, folder: Path) -> None:
        """Have this node see an empty folder where others see theirs."""
        subprocess.run(self.enter(["mount", "-t", "tmpfs", "none", str(folder)]), check=True)

    def start_ray(self, *arguments: str) -> None:
        """Make it a node of the cluster."""
        with open(self.folder / "start.log", "w+b") as log:  # no pipe: what it starts would hold it open
            command = [
                PYTHON, "-m", "ray.scripts.scripts", "start", *arguments, f"--node-ip-address={self.address}", "--num-cpus=1", f"--num-gpus={GPUS}",
                f"--temp-dir={self.folder}", "--object-store-memory=100000000", "--memory=1500000000", "--disable-usage-stats",
                "--no-monitor", "--include-log-monitor=false",
            ]  # fmt: skip
            for _ in range(ATTEMPTS):
                code = subprocess.run(
                    self.enter(command), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=300
                ).returncode  # fmt: skip
                if code == 0:
                    return
                for process in self.list_processes("ray/core/src"):
                    os.kill(process, signal.SIGKILL)
            log.seek(0)
            last_words = [log.read().decode(errors="replace")[-2000:]]
            last_words += [
                path.read_text(errors="replace")[-1500:] for path in self.folder.glob("session_latest/logs/raylet*")
            ]
            raise AssertionError("\n".join(last_words))

    def list_processes(self, name: str) -> list[int]:
        """The processes of this node whose command line has a word in it, by their ids outside."""
        space = os.readlink(f"/proc/{self.first}/ns/pid")
        ids = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(process / "ns/pid") == space and name in (process / "cmdline").read_bytes().decode(
                    errors="replace"
                ):
                    ids.append(int(process.name))
        return ids

    def kill(self) -> None:
        """End all of it at once, as a machine that loses its power."""
        assert self.holder.stdin
        self.holder.stdin.close()
        self.holder.kill()
        self.holder.wait(60)


class Cluster:
    """Two nodes of one processor each; whoever drives it runs on the head. That they have GPUs is only said."""

    def __init__(self, stack: ExitStack, environment: Mapping[str, str]) -> None:
        """Start it, with more in the environment of its nodes."""
        self._stack = stack
        self._environment = {
            **os.environ,
            **environment,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "PYTHONPATH": str(ROOT / "catalog") + os.pathsep + str(ROOT),
        }
        # sockets lie in it, whose paths may have a hundred characters
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="er", ignore_cleanup_errors=True)))
        self.head = self._open(0)
        # an address that stays when the other node is killed: the ends of a cable end together
        self.head.configure_network("link add errata type bridge")
        self.head.start_network()
        self.head.start_ray("--head", f"--port={PORT}", "--include-dashboard=false")
        self.other = self._join(1)

    def revive(self) -> Node:
        """The other node; another one in its place where it was killed."""
        if self.other.holder.poll() is not None:
            self.other = self._join(self.other.number + 1)
        return self.other

    def _join(self, number: int) -> Node:
        node = self._open(number)
        self.head.configure_network(f"link add cable{number} type veth peer name errata netns {node.first}")
        self.head.configure_network(f"link set cable{number} master errata up")
        node.start_network()
        node.start_ray(f"--address={self.head.address}:{PORT}")
        return node

    def _open(self, number: int) -> Node:
        return self._stack.enter_context(_open_node(self._folder, number, self._environment))


@contextmanager
def start_cluster(environment: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster, with more in the environment of its nodes."""
    with ExitStack() as stack:
        yield Cluster(stack, environment or {})


@contextmanager
def _open_node(place: Path, number: int, environment: dict[str, str]) -> Iterator[Node]:
    folder = place / str(number)
    folder.mkdir()
    command = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "cat"]
    node = Node(number, folder, subprocess.Popen(command, stdin=subprocess.PIPE), environment)
    try:
        until = time.monotonic() + 60
        while not Path(f"/proc/{node.holder.pid}/task/{node.holder.pid}/children").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        yield node
    finally:
        if node.holder.poll() is None:
            node.kill()
