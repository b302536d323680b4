"""The sandbox: a program run by bubblewrap in namespaces of its own, with an interpreter, an empty folder and nothing else.

There is no other way to run one: without bubblewrap, or where the system
refuses it namespaces, nothing runs, and the error says why.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from schemas.programs import Ending, ProgramJob, ProgramReport, ProgramRun
from schemas.request import EngineError
from tasks.engines.python.system_calls import compile_filter, is_known_machine

_HERE = Path(__file__).parent
RUNNER = (_HERE / "runner.py").read_text("utf-8")
SOURCES = RUNNER + "".join((_HERE / f"{name}.py").read_text("utf-8") for name in ("sandbox", "system_calls"))
"""All that decides what a program comes to here."""
HOME, WORK = "/python", "/tmp"  # noqa: S108  (within the sandbox, where it is a file system of its own)
LONGEST_REPORT = 2**20
LONGEST_COMPLAINT = 2_000
START_SECONDS = 20
"""For the sandbox to stand, on a machine with much else to do: a program's own time begins with its first statement."""
READY = b"ready\n"
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
INSTALL = "install it (`apt-get install bubblewrap`, `dnf install bubblewrap`), or take the table out"


class SandboxError(EngineError):
    """Programs cannot be run here; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Limits:
    """What a program may use."""

    seconds: int = 5
    """Of the clock and of the processor."""
    memory: int = 512
    """Megabytes of its address space."""
    output: int = 64
    """Kilobytes of what it prints."""
    files: int = 16
    """Megabytes of what it writes into its folder."""


@dataclass
class _Pipes:
    """What has been read of a program's pipes, and how much there may be."""

    most: dict[int, int]
    read: dict[int, bytes] = field(default_factory=dict)

    def take(self, fd: int, data: bytes) -> bool:
        """Whether what came is still within bounds."""
        self.read[fd] = self.read.get(fd, b"") + data
        return len(self.read[fd]) <= self.most[fd]


@cache
def find_fault() -> str | None:
    """Why no program can be run on this machine, and what to do; None where one was run as a trial."""
    if not shutil.which("bwrap"):
        return f"programs run in a sandbox by bubblewrap (`bwrap`), which is not on this machine; {INSTALL}"
    if not is_known_machine():
        return "programs run in a sandbox, of which there is none for this machine's processor; run it on x86_64 or aarch64"
    try:
        run = run_program(ProgramJob(program="answer = 6 * 7", answer="answer"), Limits())
    except SandboxError as error:
        return str(error)
    if run.report is None or run.report.answer != "42":
        return f"a trial in the sandbox came to no end (it {run.ended}, status {run.exit}); nothing is run without one"
    return None


def run_program(job: ProgramJob, limits: Limits) -> ProgramRun:
    """Run a program to its end, or to its limits.

    Args:
        job: The program, and what is wanted of it.
        limits: What it may use.

    Returns:
        What became of it, at most a second after its time was up. Nothing of it is alive any more.

    Raises:
        SandboxError: It was not begun.

    """
    try:
        return _begin_program(job, limits)
    except OSError as error:  # no descriptor, process or memory is left to begin one with
        raise SandboxError(f"bubblewrap could not be begun ({error}); build again when the machine has room") from error


def _begin_program(job: ProgramJob, limits: Limits) -> ProgramRun:
    """Hand a program to bubblewrap, and stay with it to its end."""
    data = json.dumps({**job.model_dump(), "limits": _list_limits(limits)}).encode()
    with ExitStack() as stack:
        stdin = stack.enter_context(_sealed("job", data))
        filter_ = stack.enter_context(_sealed("filter", compile_filter()))
        read_end, write_end = os.pipe()
        report = stack.enter_context(os.fdopen(read_end, "rb", 0))
        with os.fdopen(write_end, "wb", 0):
            process = subprocess.Popen(  # nothing that a program or a recipe says chooses what is called here
                [*_build_command(limits, filter_), "-c", RUNNER, str(write_end)],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(filter_, write_end), env={}, cwd="/",
            )  # fmt: skip
        stack.enter_context(process)
        try:
            return _watch(process, report.fileno(), limits)
        finally:
            process.kill()  # and with it, by --die-with-parent, all that runs within


def _list_limits(limits: Limits) -> dict[str, int]:
    return {"seconds": limits.seconds, "memory": limits.memory * 2**20, "files": limits.files * 2**20}


@contextmanager
def _sealed(name: str, data: bytes) -> Iterator[int]:
    """A file in memory that nobody can change, to be read from its beginning."""
    file = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(file, data)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


@cache
def _list_mounts() -> tuple[str, ...]:
    """The interpreter's own files and the system's shared libraries, to be read only; packages that were installed are left out."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    home = HOME if base != Path("/usr") else "/usr"
    mounts: list[tuple[str, ...]] = [("--ro-bind", str(base / "bin" / version), f"{home}/bin/{version}")]
    mounts += [("--ro-bind", str(base / "lib" / version), f"{home}/lib/{version}")]
    if (base / "lib" / version / "site-packages").is_dir():
        # an empty folder in its place, to be read only: memory that was written there no limit would count
        packages = f"{home}/lib/{version}/site-packages"
        mounts += [("--size", "4096", "--tmpfs", packages), ("--remount-ro", packages)]
    mounts += [("--ro-bind", str(path), f"{home}/lib/{path.name}") for path in sorted(base.glob("lib/libpython3*.so*"))]
    multiarch = sysconfig.get_config_var("MULTIARCH") or "none"
    folders = ["/lib64", "/usr/lib64", f"/lib/{multiarch}", f"/usr/lib/{multiarch}", "/lib/ld-linux-aarch64.so.1"]
    mounts += [("--ro-bind", folder, folder) for folder in folders if os.path.exists(folder)]
    return tuple(word for mount in mounts for word in mount)


def _build_command(limits: Limits, filter_: int) -> list[str]:
    """The call of bubblewrap, up to the interpreter and its options."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = HOME if sys.base_prefix != "/usr" else "/usr"
    environment = {"PYTHONHASHSEED": "0", "LD_LIBRARY_PATH": f"{home}/lib", "HOME": WORK, "LC_ALL": "C.UTF-8"}
    return [
        shutil.which("bwrap") or "bwrap",
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL",
        *_list_mounts(),
        "--size", str(limits.files * 2**20), "--tmpfs", WORK, "--remount-ro", "/", "--chdir", WORK, "--seccomp", str(filter_),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        "--", f"{home}/bin/{version}", "-s", "-S", "-P", "-B", "-X", "utf8",
    ]  # fmt: skip


def _watch(process: subprocess.Popen[bytes], report: int, limits: Limits) -> ProgramRun:
    """Read what a program writes until it ends, or is at one of its limits."""
    assert process.stdout and process.stderr
    out, err, size = process.stdout.fileno(), process.stderr.fileno(), limits.output * 1024
    pipes = _Pipes({out: size, err: size, report: LONGEST_REPORT})
    deadline, begun = time.monotonic() + START_SECONDS, False
    ending: Ending | None = None
    with selectors.DefaultSelector() as selector:
        for fd in pipes.most:
            selector.register(fd, selectors.EVENT_READ)
        while ending is None and selector.get_map():
            events = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                ending = "time limit"
            for key, _ in events:
                if not (data := os.read(key.fd, 2**16)):
                    selector.unregister(key.fd)
                elif not pipes.take(key.fd, data):
                    ending = "output limit"
            if not begun and ending is None and pipes.read.get(report, b"").startswith(READY):
                deadline, begun = time.monotonic() + limits.seconds, True
    if ending is None:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            ending = "time limit"
    process.kill()
    status = process.wait()
    if not begun and ending == "time limit":
        raise SandboxError(
            f"the sandbox did not stand after {START_SECONDS} s; give the machine less to do, and build with --retry-failed"
        )
    if not begun:
        raise SandboxError(_describe_refusal(pipes.read.get(err, b"")))
    told = pipes.read[report].removeprefix(READY)
    printed = pipes.read.get(out, b"")[:size].decode("utf-8", "replace")
    return _describe_run(ending, status, printed, told)


def _describe_refusal(complaint: bytes) -> str:
    text = " ".join(complaint[:LONGEST_COMPLAINT].decode("utf-8", "replace").split()) or "no word of why"
    return (
        f"bubblewrap could not make a sandbox ({text}); allow it user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, an AppArmor "
        "profile for bwrap, a container with `--security-opt seccomp=unconfined`), for nothing is run without one"
    )


def _describe_run(ending: Ending | None, status: int, printed: str, told: bytes) -> ProgramRun:
    """What became of a program, from how its process ended and what it told."""
    report = None
    if ending is None:
        try:
            report = ProgramReport.model_validate_json(told)
        except ValidationError:  # it ended by itself before the runner could tell, or wrote into the report
            ending = "exit"
    if report is not None:
        return ProgramRun(ended=report.ended, exit=report.exit or 0, stdout=printed, report=report)
    number = status - 128  # of a process that a signal ended, bubblewrap's status is 128 more
    if ending == "exit" and 0 < number < signal.NSIG:
        if number == signal.SIGXCPU:  # its processor time was up before the clock's
            return ProgramRun(ended="time limit", exit=None, stdout=printed, report=None)
        return ProgramRun(ended="signal", exit=-number, stdout=printed, report=None)
    return ProgramRun(ended=ending or "exit", exit=status if ending == "exit" else None, stdout=printed, report=None)
