"""Hostile programs in the sandbox of the engine `python`: each ends within its limit and a second, and reaches nothing.

    .venv/bin/python -m tests.benchmarks.sandbox [--seconds 1]

Ends with status 1 where one reached something, or took longer.
"""

from __future__ import annotations

import argparse
import collections
import tempfile
from pathlib import Path

from tasks.engines.python.sandbox import Limits, find_fault
from tests.hostile_programs import list_programs
from tests.sandbox_outside import attack, place_canaries


def main() -> int:
    """Try all programs, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1, help="the limit of each")
    limits = Limits(seconds=parser.parse_args().seconds)
    if fault := find_fault():
        print(fault)
        return 1
    harms: list[str] = []
    times: dict[str, float] = collections.defaultdict(float)
    with tempfile.TemporaryDirectory() as folder, place_canaries(Path(folder)) as outside:
        for name, program in list_programs(outside.list_values()).items():
            times[name], harm = attack(name, program, outside, limits)
            harms += harm
            if times[name] > limits.seconds + 1:
                harms.append(f"{name}: it took {times[name]:.1f} s")
    slowest = max(times, key=lambda name: times[name])
    print(
        f"{len(times)} hostile programs, limit {limits.seconds} s; the slowest, {slowest!r}, ended after {times[slowest]:.2f} s"
    )
    print("\n".join(harms) or "none reached anything outside")
    return 1 if harms else 0


if __name__ == "__main__":
    raise SystemExit(main())
