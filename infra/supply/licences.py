"""Licences of what is locked and installed: each is one that was looked at, or a test fails. `python -m infra.supply.licences` prints the page."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = frozenset((
    "0BSD", "Apache-2.0", "Artistic-1.0-Perl", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MPL-2.0",
    "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
))  # fmt: skip
"""Those under which a package may be used beside Errata's Apache-2.0, whatever it is used for; `BSD` where a package says no more."""
SPOKEN = {
    "Apache Software License": "Apache-2.0", "Apache License": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0", "BSD License": "BSD", "New BSD": "BSD-3-Clause", "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause", "MIT License": "MIT", "The MIT License": "MIT", "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
"""What packages call a licence, and its name in SPDX."""
READ = {
    "axe-playwright-python": "MIT",
    "mlcroissant": "Apache-2.0",  # said in its repository alone
    "text-unidecode": "Artistic-1.0-Perl OR GPL-2.0-or-later",  # as which one likes: the first
}
"""Licences that somebody read in a package's own files, where its metadata say nothing or too little."""
CLIENT = ("filelock", "fsspec", "pyarrow")


@dataclass(frozen=True)
class Licence:
    """A package and what it may be used under."""

    package: str
    expression: str
    """In SPDX, as far as the package says it; empty where it says nothing."""

    @property
    def is_allowed(self) -> bool:
        """Whether one of the alternatives consists of licences that are allowed."""
        ways = re.split(r"\s+OR\s+", self.expression.replace("(", "").replace(")", ""))
        if " AND " in self.expression and " OR " in self.expression:
            ways = [self.expression.replace("(", "").replace(")", "").replace(" OR ", " AND ")]  # the strictest reading
        return any(set(re.split(r"\s+AND\s+", way)) <= ALLOWED for way in ways)


def list_licences() -> list[Licence]:
    """The licences of all packages that are locked and installed here, by name."""
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]}
    by_name = {_normalize(each.metadata["Name"] or ""): each for each in distributions()}
    return [
        Licence(name, _find_expression(name, by_name[name]))
        for name in sorted(locked & by_name.keys())
        if name != "errata"
    ]


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _find_expression(name: str, package: Distribution) -> str:
    if name in READ:
        return READ[name]
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classified = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    spoken = classified or [(metadata.get_all("License") or [""])[0].strip().split("\n")[0]]
    return " AND ".join(sorted({SPOKEN.get(text, text) for text in spoken}))


def render_page() -> str:
    """The table of docs/licences.md."""
    return "\n".join(["| package | licence |", "|---|---|", *_render_rows()])


def _render_rows() -> Iterator[str]:
    for licence in list_licences():
        name = f"**{licence.package}**" if licence.package in CLIENT else licence.package
        yield f"| {name} | {licence.expression} |"


if __name__ == "__main__":
    print(render_page())
