"""What runs within the sandbox: limits itself, then executes the program it is given, and reports. It is given as text, and imports nothing of ours."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import resource
import site
import sys
import traceback
import types
from typing import Any

LONGEST_TEXT, LONGEST_STATE, MOST_STATES, MOST_VALUES = 4_000, 1_000, 200, 1_000
PLAIN = (int, float, complex, str, bool, type(None), bytes)


def limit(limits: dict[str, int]) -> None:
    """Take from this process what it may not use more of."""
    seconds, memory, files = limits["seconds"], limits["memory"], limits["files"]
    for name, value in (("CPU", seconds), ("AS", memory), ("FSIZE", files), ("NOFILE", 64), ("CORE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def show(value: Any, depth: int = 4) -> str | None:
    """A value as text where it is plain, through and through, and short: whatever else it is may run code of its own."""
    if type(value) in PLAIN:
        return cut(str(value)) if not isinstance(value, int) or abs(value).bit_length() < 10_000 else None
    parts: list[Any] = []
    if type(value) in (list, tuple, set, frozenset, range) and len(value) <= MOST_VALUES:
        parts = list(value)
    elif type(value) is dict and len(value) <= MOST_VALUES:
        parts = [*value.keys(), *value.values()]
    else:
        return None
    whole = depth > 0 and all(show(part, depth - 1) is not None for part in parts)
    return cut(repr(value)) if whole else None


def cut(text: str) -> str:
    """The text, cut, without halves of characters."""
    return text.encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def describe_state(variables: dict[str, Any]) -> str:
    """All plain values, sorted, names ignored, after TraceCodegen (arXiv 2205.14318); a long list by a digest of it."""
    own = [value for name, value in list(variables.items()) if not name.startswith("__")]
    state = json.dumps(sorted(text for value in own[:MOST_VALUES] if (text := show(value)) is not None))
    return state if len(state) <= LONGEST_STATE else hashlib.sha256(state.encode()).hexdigest()


def find_refusal(error: BaseException) -> str | None:
    """Why an exception may be the sandbox's doing: another machine might not have raised it."""
    if isinstance(error, MemoryError):
        return "memory limit"
    if isinstance(error, ModuleNotFoundError):
        return "missing module" if str(error.name).partition(".")[0] not in sys.stdlib_module_names else None
    if isinstance(error, OSError) or (isinstance(error, RuntimeError) and "new thread" in str(error)):
        return "refused by the sandbox"
    return None


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as the report has it: of its traceback only what is the program's or a test's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(("<program>", "<test "))
    ]
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == "<program>"), None)
    if isinstance(error, SyntaxError) and error.filename == "<program>":
        line = error.lineno
    shown = frames if len(frames) <= 8 else frames[:4] + frames[-4:]
    head = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in shown]
    try:
        message = cut(str(error))[: LONGEST_TEXT // 2]
    except BaseException:  # the program's own exception: its text is code of its own
        message = "?"
    last = f"{type(error).__name__}: {message}" if message else type(error).__name__
    text = "\n".join(["Traceback (most recent call last):", *head] if head else []) + f"\n{last}"
    status = error.code if isinstance(error, SystemExit) else None
    return {
        "ended": "exception", "error_type": type(error).__name__[:200], "line": line, "refusal": find_refusal(error),
        "traceback": text.strip()[:LONGEST_TEXT], "exit": status if type(status) is int else 0 if status is None and isinstance(error, SystemExit) else None,
    }  # fmt: skip


def run_statements(job: dict[str, Any], report: dict[str, Any]) -> None:
    """Run the program statement by statement, then its tests."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    names = module.__dict__
    tree = ast.parse(job["program"], "<program>")
    flags = 0
    for statement in tree.body:
        code = compile(ast.Module([statement], []), "<program>", "exec", flags, dont_inherit=True)
        flags |= code.co_flags & 0x1FE0000  # what `from __future__` says holds for all that follows
        exec(code, names)  # noqa: S102  (this is what the sandbox is for)
        if job["states"] and len(report["states"]) < MOST_STATES:
            report["states"].append(describe_state(names))
    for number, test in enumerate(job["tests"], 1):
        for statement in ast.parse(test, f"<test {number}>").body:
            exec(compile(ast.Module([statement], []), f"<test {number}>", "exec", flags, dont_inherit=True), names)  # noqa: S102
            report["passed"] += 1
    if job["answer"]:
        report["answer"] = show(names.get(job["answer"])) if job["answer"] in names else None


def main() -> None:
    """Read the job, run it, report."""
    job = json.loads(os.read(0, 2**24))
    os.close(0)
    report_to = int(sys.argv[1])
    site.setquit()
    sys.stdin = io.StringIO(job["stdin"])
    # what the program may replace is kept before it runs
    dump, write, leave, flush = json.dumps, os.write, os._exit, sys.stdout.flush
    os.write(report_to, b"ready\n")
    limit(job["limits"])
    report: dict[str, Any] = {"ended": "done", "passed": 0, "answer": None, "states": []}
    try:
        run_statements(job, report)
    except BaseException as error:
        report |= describe(error)
    try:
        sys.stdout.flush()
        flush()
    except BaseException:  # standard output may be closed, or anything at all by now
        report["states"] = report["states"][:]
    write(report_to, dump(report).encode())
    leave(0)


if __name__ == "__main__":
    main()
