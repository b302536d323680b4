"""The user's own configuration: what no recipe has a say in, such as the programs of engines and the hosts that keys are sent to."""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schemas.request import EngineError

CONFIG = "ERRATA_CONFIG"
"""The environment variable that names the file, if not `errata/config.toml` of the user's configuration folder."""
WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "OPENAI_API_KEY": ("api.openai.com",),
    "ANTHROPIC_API_KEY": ("api.anthropic.com",),
    "GEMINI_API_KEY": ("generativelanguage.googleapis.com",),
}
"""Keys by the hosts that give them out; `[keys]` may say otherwise."""
PROGRAMS = ("vllm_python", "llama_server")
LARGEST = 2**20
"""Bytes of the file, at most."""


@dataclass(frozen=True)
class Configuration:
    """What the user's file says."""

    file: Path
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each environment variable that holds a key the hosts that it may be sent to; `http://host` means without TLS."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Paths of `PROGRAMS`."""
    on: str = ""
    """Where builds run their units."""

    def list_hosts(self, variable: str) -> tuple[str, ...]:
        """The hosts that a key may be sent to."""
        return self.keys.get(variable, WELL_KNOWN.get(variable, ()))


def locate_configuration() -> Path:
    """Where the user's configuration lies, whether it is there or not."""
    named = os.environ.get(CONFIG)
    folder = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else (Path(folder) if folder else Path.home() / ".config") / "errata" / "config.toml"


def read_configuration() -> Configuration:
    """The user's configuration; an empty one where there is no file, `EngineError` where it cannot be read."""
    file = locate_configuration()
    try:
        with file.open("rb") as stream:
            value = tomllib.loads(stream.read(LARGEST).decode("utf-8"))
    except FileNotFoundError:
        return Configuration(file)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EngineError(f"{file}: cannot be read ({reason}); mend it") from None
    if unknown := set(value) - {"build", "keys", "programs"}:
        raise EngineError(f"{file}: unknown section '{min(unknown)}'; there are [build], [keys] and [programs]")
    keys, programs = _read_keys(value.get("keys", {}), file), _read_programs(value.get("programs", {}), file)
    return Configuration(file, keys, programs, _read_place(value.get("build", {}), file))


def _read_place(section: Any, file: Path) -> str:
    entries = dict(section) if isinstance(section, dict) else {"build": None}
    for name, place in entries.items():
        if name != "on" or not isinstance(place, str):
            raise EngineError(f'{file}: build.{name}: expected on = "local", "ray" or "ray://HOST:PORT"')
    return str(entries.get("on", ""))


def _read_keys(section: Any, file: Path) -> dict[str, tuple[str, ...]]:
    entries = dict(section) if isinstance(section, dict) else {"keys": None}
    for name, hosts in entries.items():
        if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
            raise EngineError(f'{file}: keys.{name}: expected a list of hosts, such as ["api.openai.com"]')
    return {name: tuple(host.casefold() for host in hosts or ()) for name, hosts in entries.items()}


def _read_programs(section: Any, file: Path) -> dict[str, str]:
    entries = dict(section) if isinstance(section, dict) else {"programs": None}
    for name, path in entries.items():
        if name not in PROGRAMS or not isinstance(path, str):
            raise EngineError(f"{file}: programs.{name}: expected {' or '.join(PROGRAMS)}, and a path")
    return {name: str(path) for name, path in entries.items()}


def find_program_path(name: str, variable: str) -> str | None:
    """The program that the environment names, else the one that the user's configuration does; None where neither does."""
    return os.environ.get(variable) or read_configuration().programs.get(name)


def show_path(path: Path) -> str:
    """A path as people write it: that of their home is `~`."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def name_host(url: str) -> str:
    """The host of a URL as `[keys]` has it: alone where the way there is safe, `http://host` where others may read on it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").casefold()
    return host if parts.scheme == "https" or is_loopback(host) else f"http://{host}"


def find_key_fault(variable: str, url: str) -> str | None:
    """Why a key may not be sent to an endpoint, with the line of the configuration that would allow it; None where it may.

    Args:
        variable: The environment variable that holds the key.
        url: The endpoint that a recipe names.

    Returns:
        What was found, what was expected and what to do.

    """
    configuration = read_configuration()
    hosts, host = configuration.list_hosts(variable), name_host(url)
    if host in hosts:
        return None
    line = f"{variable} = {json.dumps([*hosts, host])}"
    allowed = f"only {' and '.join(hosts)} may be sent it" if hosts else "no host may be sent it"
    plain = ", which reads it in plain text" if host.startswith("http://") else ""
    return (
        f"the key {variable} would be sent to {host}{plain}, and {allowed}; if that is meant, write `{line}` "
        f"under [keys] of {show_path(configuration.file)}"
    )
