"""Archives: the files in a zip or tar file, one after the other; nothing is ever written to a disk."""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, cast

from catalog.records.record import DOCUMENT_LIMIT
from catalog.sources import SourceError

MOST_MEMBERS = 1_000_000
ZSTANDARD = 93
"""The number of Zstandard among the compressions of zip files, which Python 3.11 does not know."""


def list_members(stream: IO[bytes], name: str, suffix: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of an archive with their streams, in the order in which they lie in it.

    Args:
        stream: The archive; one that can be sought in if it is a zip file.
        name: What messages call it.
        suffix: The ending that says what it is.

    Yields:
        The name of a file and its bytes, to be read before the next is asked for.

    """
    yield from _list_tar(stream) if suffix == ".tar" else _list_zip(stream, name)


@contextmanager
def check_soundness(name: str) -> Iterator[None]:
    """Raise `SourceError` where an archive, or a file in it, is not sound: that shows when it is opened, or later."""
    try:
        yield
    except SourceError:
        raise
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        struct.error,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise SourceError(f"{name}: not a sound archive ({error}); fetch it again, or rename it") from None
    except (RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{name}: cannot be unpacked ({error}); unpack it, and name its folder") from None


def _list_zip(stream: IO[bytes], name: str) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(stream) as archive:
        if not all(member.filename for member in archive.infolist()):
            raise zipfile.BadZipFile("a file in it has no name")  # nobody could say which rows are its
        members = [member for member in archive.infolist() if not member.is_dir() and _is_wanted(member.filename)]
        if len(members) > MOST_MEMBERS:
            raise SourceError(f"{name}: has {len(members)} files, at most {MOST_MEMBERS} are read; split it")
        for member in members:
            if member.compress_type == ZSTANDARD:
                yield member.filename, io.BytesIO(_unpack_zstandard(stream, member, name))
                continue
            with archive.open(member) as file:
                yield member.filename, file


def _unpack_zstandard(stream: IO[bytes], member: zipfile.ZipInfo, name: str) -> bytes:
    """The bytes of a member that is compressed by Zstandard: they lie behind its local header, whose lengths say where."""
    import pyarrow as pa

    if member.file_size > DOCUMENT_LIMIT:
        raise SourceError(f"{name}/{member.filename}: has more than {DOCUMENT_LIMIT // 2**20} MiB; unpack the archive")
    stream.seek(member.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", stream.read(4))
    stream.seek(member.header_offset + 30 + name_length + extra_length)
    packed = stream.read(member.compress_size)
    try:
        return cast(bytes, pa.decompress(packed, decompressed_size=member.file_size, codec="zstd", asbytes=True))
    except OSError as error:
        raise zipfile.BadZipFile(f"{member.filename}: {error}") from None


def _list_tar(stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.isfile() and _is_wanted(member.name) and (file := archive.extractfile(member)):
                yield member.name, file


def _is_wanted(member: str) -> bool:
    """Whether a file is no other's shadow: macOS and hidden files are."""
    parts = PurePosixPath(member).parts
    return bool(parts) and "__MACOSX" not in parts and not parts[-1].startswith(".")
