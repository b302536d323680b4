"""Where the files of an embedding are: with Errata, in a package of the index that ships its weights, or in a folder."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from schemas.task import Files, SideInput, TaskError
from tasks.dedup.embeddings import FILES, Embedding, EmbeddingError
from tasks.sources.content_ids import digest

ABACUS = "abacus"
WORDLLAMA = "wordllama"
PACKAGED = (ABACUS, WORDLLAMA)
"""Embeddings that a recipe names without a folder."""
_ABACUS_FILES = tuple(Path(__file__).parents[1] / "engines" / "abacus" / "weights" / name for name in FILES)
_WORDLLAMA_FILES = (
    "wordllama/tokenizers/l2_supercat_tokenizer_config.json",
    "wordllama/weights/l2_supercat_256.safetensors",
)


class EmbeddingNotInstalled(ValueError):
    """The package that ships an embedding is not installed; the message says how it comes."""


def list_files(embedding: str) -> tuple[str, ...]:
    """The tokenizer and the tensors of an embedding in a folder."""
    return tuple(f"{embedding.rstrip('/')}/{name}" for name in FILES)


def read_packaged(embedding: str) -> tuple[bytes, bytes]:
    """The tokenizer and the tensors of one of `PACKAGED`; the package is read as files, and none of its code runs.

    Args:
        embedding: Its name.

    Returns:
        The bytes of both files.

    Raises:
        EmbeddingNotInstalled: The package is not there.

    """
    tokenizer, tensors = _ABACUS_FILES if embedding == ABACUS else _find_wordllama()
    return tokenizer.read_bytes(), tensors.read_bytes()


def list_side_inputs(embedding: str | None) -> list[SideInput]:
    """The files of an embedding as what a task reads beside its table; none where it is packaged, or none is named."""
    if embedding is None or embedding in PACKAGED:
        return []
    return [SideInput("embedding", list_files(embedding), kind="bytes")]


def open_embedding(embedding: str, files: Files) -> Embedding:
    """An embedding that a recipe names.

    Args:
        embedding: One of `PACKAGED`, or a folder.
        files: What is in the folder.

    Returns:
        The embedding.

    Raises:
        TaskError: The files are none.

    """
    try:
        return Embedding(*(read_packaged(embedding) if embedding in PACKAGED else files))
    except EmbeddingError as error:
        raise TaskError(f"embedding: {embedding}: {error}; name a folder with {' and '.join(FILES)}") from None


def name_content(embedding: str) -> str:
    """An embedding by its content: another one makes another table."""
    if embedding == ABACUS:
        return f"{ABACUS} {digest(*(data.hex() for data in read_packaged(ABACUS)))}"
    if embedding == WORDLLAMA:
        _find_wordllama()
        return f"{WORDLLAMA} {distribution(WORDLLAMA).version}"
    return embedding


def _find_wordllama() -> tuple[Path, Path]:
    try:
        package = distribution(WORDLLAMA)
    except PackageNotFoundError:
        raise EmbeddingNotInstalled(
            "`embedding: wordllama` needs the package wordllama, which is not installed; `uv sync --group semantic` installs it, "
            "or name a folder"
        ) from None
    tokenizer, tensors = (Path(str(package.locate_file(name))) for name in _WORDLLAMA_FILES)
    if not tokenizer.is_file() or not tensors.is_file():
        raise EmbeddingNotInstalled(
            f"wordllama {package.version} does not hold {' and '.join(_WORDLLAMA_FILES)}; install the version that pyproject.toml names"
        )
    return tokenizer, tensors
