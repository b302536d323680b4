"""What runs within the sandbox: limits itself, then executes the program it is given, and reports. It is given as text, and imports nothing of ours."""

from __future__ import annotations

import ast
import contextlib
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

LONGEST_TEXT, LONGEST_STATE, MOST_STATES, MOST_VALUES, MOST_VARIABLES, DEEPEST = 4_000, 1_000, 200, 10_000, 1_000, 5
SETTING_UP = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Pass,
)  # fmt: skip
"""Statements of tests that test nothing: one that goes through says nothing of the program."""
PLAIN = (int, float, complex, str, bool, type(None), bytes)


def limit(limits: dict[str, int]) -> None:
    """Take from this process what it may not use more of."""
    seconds, memory, files = limits["seconds"], limits["memory"], limits["files"]
    for name, value in (("AS", memory), ("FSIZE", files), ("NOFILE", 64), ("CORE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    # at the lower limit the kernel sends SIGXCPU, which says what happened; where both are the same it kills without a word
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def show(value: Any) -> str | None:
    """A value as text where it is plain, through and through, and short: whatever else it is may run code of its own."""
    if not is_plain(value):
        return None
    return cut(str(value) if type(value) in PLAIN else repr(value))


def is_plain(value: Any) -> bool:
    """Whether a value is plain, and small with all that it holds: what it holds a thousand times counts a thousand times."""
    level, count = [value], 0
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for part in level:
            if type(part) in PLAIN:
                count += len(part) if type(part) in (str, bytes) and part is not value else 0
                if type(part) is int and abs(part).bit_length() >= 10_000:
                    return False
            elif type(part) in (list, tuple, set, frozenset, range, dict):
                count += len(part)
                if count <= MOST_VALUES:
                    inner += [*part, *part.values()] if type(part) is dict else part
            else:
                return False
            if count > MOST_VALUES:
                return False
        level = inner
    return not level


def cut(text: str) -> str:
    """The text, cut, without halves of characters."""
    return text.encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def describe_state(variables: dict[str, Any]) -> str:
    """All plain values, sorted, names ignored, after TraceCodegen (arXiv 2205.14318); a long list by a digest of it."""
    own = [value for name, value in list(variables.items()) if type(name) is str and not name.startswith("__")]
    state = json.dumps(sorted(text for value in own[:MOST_VARIABLES] if (text := show(value)) is not None))
    return state if len(state) <= LONGEST_STATE else hashlib.sha256(state.encode()).hexdigest()


def find_refusal(error: BaseException | None) -> str | None:
    """Why an exception, or what it followed upon, may be the sandbox's doing: another machine might not have raised it."""
    for _ in range(20):
        if isinstance(error, MemoryError):
            return "memory limit"
        if isinstance(error, ModuleNotFoundError) and not is_slip(str(error.name)):
            return "missing module"
        if isinstance(error, OSError) or (isinstance(error, RuntimeError) and "new thread" in str(error)):
            return "refused by the sandbox"
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return None


def is_slip(module: str) -> bool:
    """Whether a module is missing everywhere: it is said to be within one of the standard library."""
    package, dot, _ = module.partition(".")
    return bool(dot) and package in sys.stdlib_module_names


def find_exit(error: BaseException) -> int:
    """The status of a process that an exception ends, as systems have it."""
    status = error.code if isinstance(error, SystemExit) else 1
    return status & 0xFF if isinstance(status, int) else int(status is not None)


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
    return {
        "ended": "exception", "error_type": type(error).__name__[:200], "line": line, "refusal": find_refusal(error),
        "traceback": text.strip()[:LONGEST_TEXT], "exit": find_exit(error),
    }  # fmt: skip


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a mere value."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


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
            report["passed"] += not isinstance(statement, SETTING_UP) and not is_docstring(statement)
    if job["answer"]:
        report["answer"] = show(names.get(job["answer"])) if job["answer"] in names else None


def main() -> None:
    """Read the job, run it, report."""
    job = json.loads(os.read(0, 2**24))
    os.close(0)
    report_to = int(sys.argv[1])
    site.setquit()
    sys.stdin = io.StringIO()  # there is nothing to be read
    # what the program may replace is kept before it runs
    dump, write, leave, flush = json.dumps, os.write, os._exit, sys.stdout.flush
    os.write(report_to, b"ready\n")
    limit(job["limits"])
    report: dict[str, Any] = {"ended": "done", "passed": 0, "answer": None, "states": []}
    try:
        run_statements(job, report)
    except BaseException as error:
        report |= describe(error)
    with contextlib.suppress(BaseException):  # standard output may be closed, or anything at all by now
        sys.stdout.flush()
        flush()
    write(report_to, dump(report).encode())
    leave(0)


if __name__ == "__main__":
    main()
