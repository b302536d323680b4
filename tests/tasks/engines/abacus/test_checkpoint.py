import json
from pathlib import Path

import jinja2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from schemas.request import EngineError, Message
from tasks.engines.abacus.checkpoint import FILES, digest_checkpoint, open_checkpoint, render_conversation
from tests.tasks.engines.abacus.tiny_checkpoint import TEMPLATE, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "checkpoint")


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EngineError, match=rf"{name}: No such file.*whole checkpoint"):
        digest_checkpoint(folder)
    if name != "tokenizer_config.json":
        with pytest.raises(EngineError, match=name):
            open_checkpoint(folder)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("config.json", {"hidden_size": 64}, "head_dim is 16, but this engine knows only 32"),
        (
            "config.json",
            {"vocab_size": 300},
            r"embed_tokens.weight has shape \(270, 32\), by config.json it is \(300, 32\)",
        ),
        ("config.json", {"num_hidden_layers": 3}, r"model.layers.2.self_attn.q_proj.weight has shape None"),
        (
            "config.json",
            {"intermediate_size": 50},
            r"gate_proj.weight has shape \(48, 32\), by config.json it is \(50, 32\)",
        ),
        ("config.json", {"num_key_value_heads": 1}, "num_key_value_heads is 1, but this engine knows only 2"),
        ("config.json", {"model_type": "gpt2"}, "model_type is 'gpt2'"),
        ("config.json", {"tie_word_embeddings": False}, "tie_word_embeddings is False"),
        ("config.json", {"rope_scaling": {"factor": 2}}, "rope_scaling is"),
        ("config.json", {"hidden_size": "wide"}, "no sizes of a Llama"),
        ("generation_config.json", {"eos_token_id": None}, "eos_token_id is None"),
        ("generation_config.json", {"eos_token_id": 9999}, "eos_token_id is .*not tokens of 270"),
        ("tokenizer.json", {"decoder": {"type": "Metaspace"}}, "its decoder is .*'Fuse'"),
        ("tokenizer.json", {"model": {"type": "WordLevel"}}, "no tokenizer"),
    ],
)
def test_what_is_not_of_its_kind_is_said(folder: Path, name: str, values: dict[str, object], expected: str) -> None:
    change(folder / name, **values)
    with pytest.raises(EngineError, match=expected):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", FILES[:4])
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80 no such thing")
    with pytest.raises(EngineError, match=name):
        open_checkpoint(folder)


def test_the_newer_spelling_of_rotary_positions_is_read(folder: Path) -> None:
    expected = open_checkpoint(folder).shape
    config = json.loads((folder / "config.json").read_text())
    config["rope_parameters"] = {"rope_theta": config.pop("rope_theta"), "rope_type": "default"}
    (folder / "config.json").write_text(json.dumps(config))
    assert open_checkpoint(folder).shape == expected


def test_the_revision_is_of_every_file(folder: Path, tmp_path: Path) -> None:
    first = digest_checkpoint(folder)
    assert digest_checkpoint(write(tmp_path / "again")) == first
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] += np.float32(1e-3)
    save_file(weights, folder / "model.safetensors")
    second = digest_checkpoint(folder)
    change(folder / "generation_config.json", eos_token_id=3)
    assert len({first, second, digest_checkpoint(folder)}) == 3


CONVERSATIONS = [
    (),
    (Message("user", "Ada has 3"),),
    (
        Message("system", "be brief"),
        Message("user", "1+1"),
        Message("assistant", " 2"),
        Message("user", "<|end|> {{ x }} ü\n"),
    ),
]


@pytest.mark.parametrize("messages", CONVERSATIONS)
@pytest.mark.parametrize("prefix", ["", " 2"])
def test_conversations_are_written_as_the_chat_template_does(messages: tuple[Message, ...], prefix: str) -> None:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    template = jinja2.Template(TEMPLATE, keep_trailing_newline=True)
    assert render_conversation(messages, prefix) == template.render(messages=turns, add_generation_prompt=True) + prefix


def test_unknown_words_become_one_token(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    tokens = checkpoint.encode([Message("user", "Ada has gorgonzola")], "")
    assert [checkpoint.tokenizer.id_to_token(token) for token in tokens] == [
        "<|user|>", "Ada", " has", "<unk>", "<|end|>", "<|assistant|>",
    ]  # fmt: skip
    assert checkpoint.pieces[0] == "" and checkpoint.pieces[tokens[2]] == " has"


def test_half_precision_on_disk_is_read(folder: Path) -> None:
    half = open_checkpoint(write(folder, dtype=np.float16))
    assert {tensor.dtype for tensor in half.tensors.values()} == {np.dtype(np.float16)}
