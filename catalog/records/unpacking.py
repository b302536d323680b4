"""Compressed files: their bytes as they were, a piece at a time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from catalog.file_kinds import COMPRESSIONS
from catalog.sources import SourceError


@contextmanager
def open_unpacked(raw: IO[bytes], name: str, suffix: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked; what is wrong with the packing becomes a `SourceError`.

    Args:
        raw: The file as it is stored.
        name: What messages call it.
        suffix: The ending that says how it is compressed; one that says nothing leaves it as it is.

    Yields:
        The stream, which is read in lines of bounded length.

    """
    if suffix not in COMPRESSIONS:
        buffered = io.BufferedReader(cast(io.RawIOBase, raw), 2**20)  # files of fsspec read no line of bounded length
        try:
            yield cast(IO[bytes], buffered)
        finally:
            if not buffered.closed:
                buffered.detach()
        return
    kind = COMPRESSIONS[suffix]
    try:
        with _open_stream(raw, suffix) as stream:
            yield stream
    except EOFError:
        raise SourceError(f"{name}: the {kind} stream ends early, so the file was cut off; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, _Unsound) as error:
        raise SourceError(f"{name}: not a sound {kind} file ({error}); fetch it again, or rename it") from None


class _Unsound(ValueError):
    """Bytes that are not those of their compression, where the library raises what storage raises, too."""


@contextmanager
def _open_stream(raw: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    if suffix == ".gz":
        with gzip.open(raw, "rb") as stream:
            yield cast(IO[bytes], stream)
    elif suffix == ".xz":
        with lzma.open(raw, "rb") as stream:
            yield cast(IO[bytes], stream)
    else:
        with (
            cast(IO[bytes], bz2.open(raw, "rb")) if suffix == ".bz2" else _open_zstandard(raw) as inner,
            io.BufferedReader(_Checked(inner), 2**20) as buffered,
        ):
            yield cast(IO[bytes], buffered)


def _open_zstandard(raw: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"))


class _Checked(io.RawIOBase):
    """A stream whose library reports unsound bytes as `OSError`, which is what storage raises."""

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self.inner.read(len(buffer))
        except (OSError, ValueError) as error:
            raise _Unsound(str(error).split("\n")[0]) from None
        buffer[: len(data)] = data
        return len(data)
