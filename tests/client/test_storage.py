"""What a store's URL may show of itself."""

from __future__ import annotations

import pytest
from errata import ErrataError
from errata.storage import has_password, locate_store, mask_secrets

SECRETS = {
    "s3://u:p@ss@host/b": "s3://…@host/b",
    "s3://me:secret@bucket/x": "s3://…@bucket/x",
    "ftp://me:a/b@c/d@host/store": "ftp://…@host/store",
    "ftp://me:why?@host/store": "ftp://…@host/store",
    "ftp://:secret@host:21/store": "ftp://…@host:21/store",
    "https://me:pw@host/a.jsonl?X-Amz-Signature=abc": "https://…@host/a.jsonl?…",
    "sftp://me:1234@host/x": "sftp://…@host/x",
}
"""URLs with a password, and how they are shown."""
SHOWN = {
    "s3://bucket/folder": None, "memory://": None, "store": None, "/a/b@c": None, "s3://bucket/x@1/y": None,
    "hf://datasets/o/n@main/train-?????.parquet": None, "hf://o/n@0a1b?config=main&split=test": None,
    "http://localhost:9000/x@y": None, "http://[::1]:9000/x@y": None, "s3://b/a-?.jsonl": None,
    "sftp://me@host/x": "sftp://…@host/x",
    "https://host/a.jsonl?sv=2024&sig=a%2Fb?c": "https://host/a.jsonl?…",
}  # fmt: skip
"""URLs without one, and how they are shown where that is otherwise."""


@pytest.mark.parametrize(("url", "shown"), SECRETS.items())
def test_a_password_is_masked_whole_and_refused(url: str, shown: str) -> None:
    assert has_password(url)
    assert mask_secrets(url) == shown
    with pytest.raises(ErrataError) as error:
        locate_store(url)
    assert (
        str(error.value)
        == f"store {shown}: holds a password; give it by the environment or the storage's configuration"
    )


@pytest.mark.parametrize(("url", "shown"), SHOWN.items())
def test_what_is_no_secret_is_shown(url: str, shown: str | None) -> None:
    assert not has_password(url)
    assert mask_secrets(url) == (shown or url)
    assert locate_store(url)
