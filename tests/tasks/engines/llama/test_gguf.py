"""What is read at the head of a GGUF file, and what is said of files that are none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.request import EngineError
from tasks.engines.llama.gguf import ModelFile, read_model_file
from tests.tasks.engines.llama.gguf_file import write_gguf


def test_name_architecture_context_and_template_are_read_past_the_vocabulary(tmp_path: Path) -> None:
    for version in (2, 3):
        assert read_model_file(write_gguf(tmp_path / "m.gguf", version=version)) == ModelFile(
            "Tiny", "llama", 8192, True
        )


def test_a_base_model_has_no_template(tmp_path: Path) -> None:
    assert not read_model_file(write_gguf(tmp_path / "m.gguf", template="")).has_chat_template


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it begins with b''"),
        (b"PK\x03\x04 a zip", "it begins with b'PK"),
        (b"GGUF", "expected a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "it is of version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "it claims to have 1,152,921,504,606,846,976 keys"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**63), "it ends within its metadata"),
        (b"GGUF" + struct.pack("<IQQQI", 3, 0, 1, 0, 77), "unknown type 77"),
    ],
)
def test_what_is_no_gguf_is_told(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(EngineError) as error:
        read_model_file(path)
    assert problem in str(error.value) and "expected a GGUF file" in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"nowhere\.gguf: cannot be read \(No such file"):
        read_model_file(tmp_path / "nowhere.gguf")


@given(data=st.data())
def test_a_damaged_head_is_read_or_told_and_never_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = write_gguf(tmp_path_factory.mktemp("gguf") / "m.gguf")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    problem = ""
    try:
        model = read_model_file(path)
    except EngineError as error:
        problem = str(error)
    if problem:
        assert str(path) in problem and len(problem) < 1_000, "where it is, and no more of it than a line or two"
    else:
        assert isinstance(model.name, str) and isinstance(model.has_chat_template, bool)
