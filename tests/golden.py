"""Golden files: texts that people read are kept in files, so that a change of wording is a visible diff.

`ERRATA_ACCEPT=1 make test` writes them anew.
"""

import os
from pathlib import Path


def check(path: Path, text: str) -> None:
    """Compare a text with its golden file."""
    if os.environ.get("ERRATA_ACCEPT"):
        path.write_text(text, "utf-8")
    assert path.exists(), f"{path} is missing; run with ERRATA_ACCEPT=1 and read what it writes"
    assert text == path.read_text("utf-8")
