"""The site of the documentation: what lies outside of `docs` becomes pages, and the reference is made from docstrings.

A hook of MkDocs, called while `mkdocs build` runs.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "infra/README.md": "infra.md",
    "tests/benchmarks/README.md": "benchmarks.md",
}
"""Pages that stand elsewhere in the repository, and where they stand in the site."""
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]+)?\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere, and those of the reference."""
    for path, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    for page, text in make_reference_pages().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put pictures in the place of diagrams, and rewrite the links of a page, of those that lie in the repository."""
    source = page.file.abs_src_path
    if source is not None:
        markdown = relink(markdown, Path(source).relative_to(ROOT), page.file.src_uri)
    return draw(markdown, page.file.src_uri)


def draw(markdown: str, page: str) -> str:
    """Put in the place of each Mermaid diagram its picture, which readers see without a script from elsewhere.

    Args:
        markdown: The text of the page.
        page: The page, from the site's root.

    Returns:
        The text with pictures.

    """

    def replace(match: re.Match[str]) -> str:
        path = os.path.relpath(name_picture(match[1]), PurePosixPath(page).parent)
        return f"![The diagram, as a picture]({path})\n"

    return DIAGRAM.sub(replace, markdown)


def name_picture(diagram: str) -> str:
    """The picture of a diagram, from the root of `docs`: its name is a digest, so that it is never of an older one."""
    return f"images/{hashlib.sha256(diagram.encode()).hexdigest()[:12]}.svg"


def relink(markdown: str, source: Path, page: str) -> str:
    """Let links lead to pages and pictures of the site; of those that lead to other files of the repository the path remains.

    Args:
        markdown: The text of the page.
        source: The file it stands in, from the repository's root.
        page: The page that it is in the site, from the site's root.

    Returns:
        The text as the site has it.

    """

    def replace(match: re.Match[str]) -> str:
        label, path, anchor = match[1], match[2], match[3] or ""
        target = os.path.normpath(source.parent / path)
        place = target.removeprefix("docs/") if target.startswith("docs/") else PAGES.get(target)
        if place:
            return f"[{label}]({os.path.relpath(place, PurePosixPath(page).parent)}{anchor})"
        return label if target in label else f"{label} (`{target}`)"

    def replace_picture(match: re.Match[str]) -> str:
        place = os.path.normpath(source.parent / match[2]).removeprefix("docs/")
        return f"![{match[1]}]({os.path.relpath(place, PurePosixPath(page).parent)})"

    return LINK.sub(replace, PICTURE.sub(replace_picture, markdown))


def make_reference_pages() -> dict[str, str]:
    """The pages of the reference: the client, what a task is, and the modules that declare the tasks."""
    tasks = "\n".join(f"## `{module}`\n\n{_page_of(module)}" for module in list_task_modules())
    return {
        "api/errata.md": f"# The client\n\n{_page_of('errata')}",
        "api/schemas.md": f"# What a task is\n\n{_page_of('schemas.task')}\n## What it asks\n\n{_page_of('schemas.request')}"
        f"\n## What answers\n\n{_page_of('schemas.engine')}",
        "api/tasks.md": f"# Tasks\n\nTheir parameters are told in [tasks](../tasks.md).\n\n{tasks}",
    }


def _page_of(module: str) -> str:
    return f"::: {module}\n    options: {{show_root_toc_entry: false}}\n"


def list_task_modules() -> list[str]:
    """The modules that `tasks` imports its tasks from."""
    statements = ast.parse((ROOT / "tasks/__init__.py").read_text("utf-8")).body
    modules = [node.module or "" for node in statements if isinstance(node, ast.ImportFrom)]
    return [module for module in modules if module.startswith("tasks.")]
