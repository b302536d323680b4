"""Segments: the files of the ledger. Each is written whole, under a name of its own, and never changed.

ledger/<stem>-<low>-<high>-<rows>.parquet    rows sorted by place; low and high are the first and the last place
ledger/<stem>-<low>-<high>-<rows>.npy        the places of a large segment once more, to be fetched in one go

The place of a row (64 bits) is its prompt's hash, then its request's: the
samples of one prompt lie side by side, so they are found together and their
prompt is stored once.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.storage import Store, StoreError
from schemas.request import Completion, Failure, Reply, Request, replace_surrogates

FOLDER = "ledger"
SMALL = 4096
"""Rows of a segment that is read whole; a larger one has its places in a file of their own."""
GROUP_ROWS, GROUP_BYTES = 8192, 1 << 23
"""Rows and bytes (before compression) of a row group, at most: what is fetched from an object store to get at one row."""
PAGE_BYTES, PAGE_ROWS = 8192, 16
"""Bytes (before compression) of a page, about, in steps of so many rows: what is unpacked to get at one row."""
ADDED: dict[str, Any] = {
    "thinking": "", "thinking_tokens": None, "thinking_finished": True, "tool_calls": "", "estimated": False,
    "reason": None, "detail": None,
    "self_certainty": None, "min_k20": None, "zlib_ratio": None, "token_logprobs": None, "choice_logprobs": None,
}  # fmt: skip
"""Columns that the segments of older versions lack, with what they are read as there."""
ANSWER = (
    "request", "text", "finish", "limit", "prompt_tokens", "tokens", "logprob", "engine", "at", "price", *ADDED,
)  # fmt: skip
"""The columns of a reply; `reason` and `detail` are those of a failure, whose `finish` is `failed`."""
FAILED = "failed"
ENTRY = ("segment", "row")
"""What tells entries apart, and which came first: the stem of the segment that a row was first written to, and its number there."""
SCHEMA: Any = pa.schema(
    {
        "place": pa.uint64(), "segment": pa.string(), "row": pa.int32(),
        "request": pa.string(), "text": pa.string(), "finish": pa.string(), "limit": pa.int64(),
        "prompt_tokens": pa.int64(), "tokens": pa.int64(), "logprob": pa.float64(),
        "engine": pa.string(), "at": pa.float64(), "price": pa.float64(),
        "corpus": pa.string(), "table": pa.string(), "model": pa.string(), "revision": pa.string(),
        "sample": pa.int64(), "temperature": pa.float64(), "top_p": pa.float64(), "stop": pa.string(),
        "prompt": pa.string(),
        "thinking": pa.string(), "thinking_tokens": pa.int64(), "thinking_finished": pa.bool_(),
        "tool_calls": pa.string(), "estimated": pa.bool_(), "reason": pa.string(), "detail": pa.string(),
        "self_certainty": pa.float64(), "min_k20": pa.float64(), "zlib_ratio": pa.float64(),
        "token_logprobs": pa.list_(pa.float16()), "choice_logprobs": pa.list_(pa.float64()),
    }
)  # fmt: skip
"""`stop` is a JSON list of texts, `prompt` JSON of `messages` (pairs of role and content), `prefix`, and `schema` if any,
and in `settings` what else of sampling and options is set: what is in none of them was left to the server."""
_KINDS: dict[str, Any] = dict(zip(SCHEMA.names, SCHEMA.types))
WORDS = ("segment", "finish", "engine", "corpus", "table", "model", "revision", "stop", "prompt")
"""Columns that say the same many times."""
_NAME = re.compile(r"([0-9a-f]{24})-([0-9a-f]{16})-([0-9a-f]{16})-([1-9][0-9]{0,8})\.parquet")
Places = NDArray[np.uint64]
Stored = TypeVar("Stored", Completion, Failure)


@dataclass(frozen=True, order=True)
class Segment:
    """A file of the ledger, as its name tells: its rows are sorted by place, and it never changes."""

    stem: str
    """24 hexadecimal digits: milliseconds since 1970, then chance; segments that were merged together share it."""
    low: int
    """Its first place."""
    high: int
    """Its last place."""
    rows: int

    @property
    def path(self) -> str:
        """Where it lies in the store."""
        return f"{FOLDER}/{self.stem}-{self.low:016x}-{self.high:016x}-{self.rows}.parquet"

    @property
    def places(self) -> str:
        """Where its places lie, if it is large."""
        return self.path.removesuffix("parquet") + "npy"

    @staticmethod
    def named(name: str) -> Segment | None:
        """The segment of this name, or None if no segment is called so."""
        match = _NAME.fullmatch(name)
        return Segment(match[1], int(match[2], 16), int(match[3], 16), int(match[4])) if match else None


def make_stem() -> str:
    """A name for what is written now."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def place_request(request: Request) -> int:
    """Where a request's rows stand in the order of the ledger."""
    return int(_hash_prompt(request) + request.id[:8], 16)


def place_requests(requests: Iterable[Request]) -> Places:
    """Where requests stand in the order of the ledger, each place once, ascending; the prompt of samples is hashed once."""
    hashes: dict[Hashable, str] = {}
    places = set()
    for request in requests:
        key = (request.messages, request.prefix, request.sampling, request.options, request.choices)
        digest = hashes.get(key)
        if digest is None:
            digest = hashes[key] = _hash_prompt(request)
        places.add(int(digest + request.id[:8], 16))
    return np.array(sorted(places), np.uint64)


def _hash_prompt(request: Request) -> str:
    return hashlib.blake2b(prompt(request).encode(), digest_size=4).hexdigest()


def prompt(request: Request) -> str:
    """A request's messages and prefix as JSON, with the schema of its answer and further settings where it has any."""
    text = _format_prompt(request, encode_basestring)
    # where a text holds half a character, it is kept by escapes
    return text if replace_surrogates(text) is text else _format_prompt(request, encode_basestring_ascii)


def _format_prompt(request: Request, quote: Callable[[str], str]) -> str:
    """What `json.dumps` would make of it, which takes several times as long: every request that is looked up comes here."""
    messages = ", ".join([f"[{quote(message.role)}, {quote(message.content)}]" for message in request.messages])
    schema = f', "schema": {quote(request.sampling.schema)}' if request.sampling.schema else ""
    further = request.further
    settings = json.dumps(further, ensure_ascii=quote is encode_basestring_ascii) if further else ""
    settings = settings and f', "settings": {settings}'
    return f'{{"messages": [{messages}], "prefix": {quote(request.prefix)}{schema}{settings}}}'


def _json(value: Any) -> str:
    """JSON as people read it, or, where a text holds half a character, with escapes that keep it."""
    text = json.dumps(value, ensure_ascii=False)
    return text if replace_surrogates(text) is text else json.dumps(value)


def make_storable(reply: Stored) -> Stored:
    """The reply, with U+FFFD for every half of a character (a lone surrogate), which UTF-8 does not know."""
    names = ("reason", "detail") if isinstance(reply, Failure) else ("text", "thinking", "tool_calls")
    texts: dict[str, Any] = {name: replace_surrogates(getattr(reply, name)) for name in names}
    return replace(reply, **texts)


def make_entry(request: Request, reply: Reply, corpus: str, table: str) -> dict[str, Any]:
    """A row of the ledger; `segment` and `row` are added where it is written."""
    sampling = request.sampling
    fields = {"text": "", "finish": FAILED, **asdict(reply)}
    return {
        "place": place_request(request),
        **{name: fields.get(name, ADDED.get(name)) for name in ANSWER},
        "corpus": corpus,
        "table": table,
        "model": request.model,
        "revision": request.revision,
        "sample": request.sample,
        "temperature": float(sampling.temperature),
        "top_p": float(sampling.top_p),
        "stop": _json(list(sampling.stop)),
        "prompt": prompt(request),
    }


def flush(store: Store, entries: Sequence[Mapping[str, Any]]) -> Segment:
    """Write new rows as one segment. Raises `StoreError` where the store cannot be written."""
    name = make_stem()
    rows = [{**entry, "segment": name, "row": number} for number, entry in enumerate(entries)]
    rows.sort(key=lambda row: (row["place"], row["row"]))
    return write_segment(store, pa.Table.from_pylist(rows, schema=SCHEMA), name)


def write_segment(store: Store, rows: Any, name: str) -> Segment:
    """Write rows that are sorted by place as one segment."""
    places: Places = rows["place"].to_numpy()
    segment = Segment(name, int(places[0]), int(places[-1]), len(places))
    store.create(segment.path, _parquet(rows))
    if segment.rows > SMALL:
        index = io.BytesIO()
        np.save(index, places)
        store.create(segment.places, index.getvalue())
    return segment


def _parquet(rows: Any) -> bytes:
    buffer = io.BytesIO()
    size = max(16, min(GROUP_ROWS, GROUP_BYTES * rows.num_rows // max(rows.nbytes, 1)))
    with pq.ParquetWriter(
        buffer, SCHEMA, compression="zstd", compression_level=3, use_dictionary=list(WORDS), store_schema=False,
        data_page_size=PAGE_BYTES, write_batch_size=PAGE_ROWS,
        write_statistics=["place"], column_encoding={"place": "DELTA_BINARY_PACKED"},
    ) as file:  # fmt: skip
        for begin in range(0, rows.num_rows, size):  # as strings: a whole dictionary would go into every row group
            file.write_table(rows.slice(begin, size).cast(SCHEMA), row_group_size=size)
    return buffer.getvalue()


def drop(store: Store, segment: Segment) -> None:
    """Remove a segment whose rows are elsewhere."""
    for path in (*([segment.places] if segment.rows > SMALL else []), segment.path):
        try:
            store.fs.rm_file(store.full(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StoreError(f"{store.link(path)}: cannot be removed ({error}); free it") from error


def read_places(store: Store, segment: Segment) -> Places:
    """The places of a segment's rows, in order. Raises as `read` does."""
    if segment.rows > SMALL:
        try:
            places: Places = np.load(io.BytesIO(store.read(segment.places)), allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            places = np.zeros(0, np.uint64)
        if _fits(places, segment):
            return places
    places = read_segment(store, segment, ["place"])["place"].to_numpy()
    if not _fits(places, segment):
        raise _make_error(store, segment, "its places are not in order, or not those its name says")
    return places


def _fits(places: Any, segment: Segment) -> bool:
    return bool(
        places.dtype == np.uint64
        and places.shape == (segment.rows,)
        and (places[0], places[-1]) == (segment.low, segment.high)
        and (places[1:] >= places[:-1]).all()
    )


def read_segment(store: Store, segment: Segment, columns: Sequence[str], rows: NDArray[np.int64] | None = None) -> Any:
    """Columns of a segment.

    Args:
        store: The store.
        segment: The segment.
        columns: The columns.
        rows: The numbers of the rows, ascending; else all.

    Returns:
        An Arrow table.

    Raises:
        FileNotFoundError: Another process has merged the segment away.
        StoreError: The file is not what its name says.

    """
    many = rows is None or len(rows) * 16 > segment.rows or segment.rows <= SMALL
    try:
        with _opened(store, segment.path, many) as source:
            # what is read of a row group lies together, and is fetched together
            file = pq.ParquetFile(
                source, read_dictionary=[n for n in columns if n in WORDS], pre_buffer=not store.local
            )
            _check(file, segment)
            table = file.read(columns=list(columns)) if rows is None else _read_rows(file, columns, rows)
            return _add_columns(table, columns)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise _make_error(store, segment, str(error).split("\n")[0]) from error


def read_entries(
    store: Store, segment: Segment, places: Places, rows: NDArray[np.int64]
) -> Iterator[tuple[str, int, Reply]]:
    """The replies at some places of a segment, each with the values of `ENTRY`.

    Args:
        store: The store.
        segment: The segment.
        places: The places of all its rows.
        rows: The numbers of the rows at the places that are wanted, ascending.

    Yields:
        A reply for each of the rows.

    Raises:
        FileNotFoundError: Another process has merged the segment away.
        StoreError: The file is not what its name says.

    """
    columns = [*ENTRY, *ANSWER]
    groups = len(np.unique(rows // GROUP_ROWS))
    # of few row groups each is one request to an object store, of many the whole file is
    if not store.local and groups * 16 * GROUP_ROWS < segment.rows:
        frame = pl.DataFrame(read_segment(store, segment, columns, rows))
    else:
        frame = _filter_rows(store, segment, columns, places[rows])
    yield from _make_replies(frame)


def _filter_rows(store: Store, segment: Segment, columns: Sequence[str], wanted: Places) -> pl.DataFrame:
    """Columns of the rows at some places; Polars unpacks no page of another column that has none of them. Raises as `read_segment`."""
    try:
        source = store.full(segment.path) if store.local else store.read(segment.path)
        with pq.ParquetFile(source if isinstance(source, str) else pa.BufferReader(source)) as file:
            there = set(_check(file, segment).names)
            present = [name for name in columns if name in there]
        rows = pl.scan_parquet(source, glob=False, hive_partitioning=False)
        inside = pl.col("place").is_in(pl.Series(np.unique(wanted)).implode())
        return rows.filter(inside).select(present).collect()
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise _make_error(store, segment, str(error).split("\n")[0]) from error


def _make_replies(rows: pl.DataFrame) -> Iterator[tuple[str, int, Reply]]:
    """The completions and failures of rows with the columns `ENTRY` and `ANSWER`, or those of them that older segments have."""
    missing = [pl.lit(default).alias(name) for name, default in ADDED.items() if name not in rows.columns]
    empty = [pl.col(name).fill_null(pl.lit(ADDED[name])) for name in rows.columns if ADDED.get(name) is not None]
    rows = rows.with_columns(*missing, *empty)
    failed = rows["finish"] == FAILED
    for record, some in ((Completion, rows.filter(~failed)), (Failure, rows.filter(failed))):
        names = [field.name for field in fields(record)]
        # column by column: a row at a time takes three times as long
        values = [_list_values(some[name]) for name in (*ENTRY, *names)]
        yield from ((segment, row, record(*rest)) for segment, row, *rest in zip(*values))


def _list_values(column: pl.Series) -> list[Any]:
    values = column.to_list()
    if isinstance(column.dtype, pl.List):
        return [None if value is None else tuple(value) for value in values]
    return values


def _opened(store: Store, path: str, whole: bool) -> Any:
    """A file to read all of, or a little here and there."""
    if store.local:
        return pa.OSFile(store.full(path))
    return io.BytesIO(store.read(path)) if whole else store.fs.open(store.full(path), "rb", cache_type="none")


def _check(file: Any, segment: Segment) -> Any:
    """The file's schema. Raises `ValueError` where the file is not what its name says."""
    if file.metadata.num_rows != segment.rows:
        raise ValueError(f"{file.metadata.num_rows} rows, expected {segment.rows}")
    schema = file.schema_arrow  # made anew each time it is asked for
    kinds: dict[str, Any] = dict(zip(schema.names, schema.types))
    missing = sorted(set(SCHEMA.names) - set(ADDED) - set(kinds))
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    for name, expected in _KINDS.items():
        kind = kinds.get(name, expected)
        if not (kind.value_type if pa.types.is_dictionary(kind) else kind).equals(expected):
            raise ValueError(f"column {name} is {kind}, expected {expected}")
    return schema


def _add_columns(table: Any, columns: Sequence[str]) -> Any:
    """The columns in their order; those that an older segment lacks are empty."""
    for name in columns:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, SCHEMA.field(name).type))
    return table.select(list(columns))


def _read_rows(file: Any, columns: Sequence[str], rows: NDArray[np.int64]) -> Any:
    """The rows of these numbers, for which only their row groups are read."""
    meta = file.metadata
    sizes = np.array([meta.row_group(i).num_rows for i in range(meta.num_row_groups)])
    ends = sizes.cumsum()
    of = np.searchsorted(ends, rows, side="right")
    groups, nth = np.unique(of, return_inverse=True)
    begins = sizes[groups].cumsum() - sizes[groups]
    table = file.read_row_groups(groups.tolist(), columns=list(columns))
    return table.take(pa.array(rows - (ends - sizes)[of] + begins[nth]))


def _make_error(store: Store, segment: Segment, reason: str) -> StoreError:
    return StoreError(
        f"{store.link(segment.path)}: cannot be read as a segment of the ledger ({reason}); "
        "restore it, or move it away: what it held is then asked again"
    )
