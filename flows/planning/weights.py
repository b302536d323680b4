"""What weights that are at hand say of a model: how many tokens it was made for, and whether it knows conversations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.recipe.document import Fault
from schemas.recipe.models import VLLM, LlamaCpp, Model
from schemas.recipe.recipe import Recipe
from schemas.request import EngineError
from schemas.task import Parameters
from tasks.engines.llama.gguf import WITHOUT_TEMPLATE, read_model_file

LENGTHS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
"""What `config.json` calls the tokens that a model was made for; vLLM takes the least."""
TEMPLATES = ("chat_template.jinja", "chat_template.json")
"""Files that hold a chat template, where `tokenizer_config.json` does not."""
LARGEST = 16 * 2**20
"""Bytes of a file of settings that is read."""


def read_trained_context(model: Model) -> int | None:
    """The tokens that a model was made for, prompt and answer together.

    Args:
        model: The declaration, its paths as they are from here.

    Returns:
        The number; None where the weights are elsewhere, say nothing, or stretch it by a rule of their own.

    """
    if isinstance(model, LlamaCpp):
        try:
            return read_model_file(model.model).context
        except EngineError:  # weights that are not fetched yet, or no GGUF: said where they are opened
            return None
    if not isinstance(model, VLLM) or "model" not in model.paths():
        return None
    config = _read_settings(Path(model.model) / "config.json")
    config = config["text_config"] if isinstance(config.get("text_config"), dict) else config
    lengths = [config[name] for name in LENGTHS if isinstance(config.get(name), int)]
    return None if not lengths or config.get("rope_scaling") else min(lengths)


def has_chat_template(model: Model) -> bool | None:
    """Whether a model of vLLM has one; None where its folder is elsewhere, or has no settings of a tokenizer."""
    if not isinstance(model, VLLM) or "model" not in model.paths():
        return None
    folder = Path(model.model)
    settings = _read_settings(folder / "tokenizer_config.json")
    return (
        None
        if not settings
        else bool(settings.get("chat_template")) or any((folder / name).exists() for name in TEMPLATES)
    )


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as stream:
            value = json.loads(stream.read(LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def find_misfits(recipe: Recipe, table: str, parameters: Parameters, models: Mapping[str, Model]) -> Iterator[Fault]:
    """What a table asks of models that their weights say they cannot do.

    Args:
        recipe: The recipe.
        table: The table's name.
        parameters: Its parameters.
        models: The models that it asks by their names, their paths as they are from here.

    Yields:
        A fault for each.

    """
    longest = parameters.count_answer_tokens()
    for name, model in models.items():
        if not isinstance(model, VLLM | LlamaCpp):
            continue
        declared, trained = model.context, read_trained_context(model)
        if model.api == "chat" and has_chat_template(model) is False:
            yield recipe.fault(("models", name, "model"), f"{model.model}: {WITHOUT_TEMPLATE}")
        if isinstance(model, VLLM) and declared and trained and declared > trained:
            message = f"is {declared:,}, and the weights were made for {trained:,}: vLLM refuses it; lower it"
            yield recipe.fault(("models", name, "context"), message)
        context = min((length for length in (declared, trained) if length), default=None)
        if context and longest and longest >= context:
            yield recipe.fault(("tables", table, "max_tokens"), _describe_overflow(name, longest, context, trained))


def _describe_overflow(name: str, longest: int, context: int, trained: int | None) -> str:
    most = f" (its weights were made for {trained:,})" if trained else ""
    raising = "" if context == trained else f", or raise `context` of the model{most}"
    return (
        f"is {longest:,}, and model '{name}' holds {context:,} tokens, those of the prompt and those of the answer "
        f"together: none is left for the prompt; lower it{raising}"
    )
