"""Files of data sets on the Hugging Face Hub: `hf://datasets/OWNER/NAME/path/to/file`, with `@revision` behind the name or without.

`HF_ENDPOINT` names another hub, `HF_TOKEN` opens data sets that are not public.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from errata.storage import open_file_system as open_any

_FILE = re.compile(r"hf://datasets/[^/]+/[^/]+/.+")
ADVICE = "check name, HF_ENDPOINT and HF_TOKEN, or fetch the file and name its path"


def is_file(url: str) -> bool:
    """Whether a URL names a file (or a pattern of files) of a data set on the Hub, and not the rows of one."""
    return _FILE.fullmatch(url) is not None


def open_file_system(url: str) -> tuple[Any, str]:
    """The file system that a URL of any protocol is on, and its path there."""
    return open_any(url, **({"endpoint": os.environ.get("HF_ENDPOINT")} if is_file(url) else {}))


def open_file(url: str) -> Any:
    """A file of any protocol, open for reading."""
    fs, path = open_file_system(url)
    return fs.open(path, "rb")


@contextmanager
def raise_os_errors() -> Iterator[None]:
    """Raise what the Hub's client raises of its connection as `OSError`, as of any other storage."""
    try:
        yield
    except Exception as error:
        # huggingface_hub is made with either, by its version; it is not imported for files that lie elsewhere
        made_with = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
        if isinstance(error, tuple(module.HTTPError for module in made_with)):
            raise OSError(str(error) or type(error).__name__) from error
        raise


def find_hub_fault(fs: Any, path: str) -> str | None:
    """Why a file of the Hub cannot be had, None where it can; what was known of it before is forgotten."""
    try:
        with raise_os_errors():
            fs.invalidate_cache()
            fs.info(path)
    except FileNotFoundError:
        return None  # the caller says what it looked for
    except OSError as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None
