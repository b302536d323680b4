"""The user's own configuration: where keys may go, and which programs run."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.request import EngineError
from tasks.engines.configuration import find_key_fault, find_program_path, locate_configuration, name_host

VARIABLE = "ERRATA_VLLM_PYTHON"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the configuration, which is not there yet."""
    monkeypatch.setenv("ERRATA_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "config.toml"


def test_well_known_keys_go_to_who_gave_them_out(config: Path) -> None:
    assert find_key_fault("OPENAI_API_KEY", "https://api.openai.com/v1") is None
    assert find_key_fault("OPENAI_API_KEY", "https://API.OpenAI.com:443/v1") is None


@pytest.mark.parametrize(
    ("variable", "url", "line"),
    [
        ("AWS_SECRET_ACCESS_KEY", "https://attacker.example/v1", 'AWS_SECRET_ACCESS_KEY = ["attacker.example"]'),
        ("OPENAI_API_KEY", "https://attacker.example/v1", 'OPENAI_API_KEY = ["api.openai.com", "attacker.example"]'),
        ("OPENAI_API_KEY", "https://api.openai.com.evil/v1", "api.openai.com.evil"),
        ("OPENAI_API_KEY", "https://api.openai.com@evil/v1", '"evil"]'),
        ("OPENAI_API_KEY", "http://api.openai.com/v1", '"http://api.openai.com"]'),
        ("HOME", "http://127.0.0.1:8000/v1", 'HOME = ["127.0.0.1"]'),
    ],
)
def test_any_other_pair_is_refused_with_the_line_that_allows_it(
    config: Path, variable: str, url: str, line: str
) -> None:
    fault = find_key_fault(variable, url)
    assert fault is not None and line in fault and "config.toml" in fault
    config.write_text(f"[keys]\n{fault.split('`')[1]}\n")
    assert find_key_fault(variable, url) is None


def test_the_file_may_take_a_well_known_pair_away(config: Path) -> None:
    config.write_text('[keys]\nOPENAI_API_KEY = ["gateway.example"]\n')
    assert find_key_fault("OPENAI_API_KEY", "https://api.openai.com/v1") is not None
    assert find_key_fault("OPENAI_API_KEY", "https://gateway.example/v1") is None


def test_a_program_is_that_of_the_environment_else_of_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_program_path("vllm_python", VARIABLE) is None
    config.write_text('[programs]\nvllm_python = "/opt/vllm/bin/python"\n')
    assert find_program_path("vllm_python", VARIABLE) == "/opt/vllm/bin/python"
    monkeypatch.setenv(VARIABLE, "/other/python")
    assert find_program_path("vllm_python", VARIABLE) == "/other/python"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[keys", "cannot be read"),
        ("keys = 3", r"keys.keys: expected a list of hosts"),
        ('[keys]\nA = "b"', r"keys.A: expected a list of hosts, such as \["),
        ("[keys]\nA = [3]", r"keys.A: expected"),
        ('[programs]\nsh = "/bin/sh"', r"programs.sh: expected vllm_python or llama_server"),
        ("[other]", r"unknown section 'other'; there are \[build\], \[keys\] and \[programs\]"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_allows_nothing(config: Path, text: str, message: str) -> None:
    config.write_text(text, errors="surrogateescape")
    with pytest.raises(EngineError, match=message):
        find_key_fault("OPENAI_API_KEY", "https://api.openai.com/v1")


def test_it_lies_where_configurations_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ERRATA_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert locate_configuration() == tmp_path / "errata" / "config.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate_configuration() == tmp_path / ".config" / "errata" / "config.toml"


def test_a_host_that_others_may_read_on_the_way_to_is_named_so() -> None:
    assert name_host("https://Host.example:8443/v1") == "host.example"
    assert name_host("http://host.example/v1") == "http://host.example"
    assert name_host("http://[::1]:8000/v1") == "::1"
