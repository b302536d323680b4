"""Thrift's compact protocol, as much of it as the footer of a Parquet file is written in.

A struct is read as a dict from field number to (type, value) and written back
the same, so that fields nobody here knows survive. See
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import Any

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
Struct = dict[int, tuple[int, Any]]
DEEPEST = 32


class Reader:
    """Reads one struct from bytes; `ValueError` where they are none."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        found = self.data[self.at : self.at + count]
        if len(found) != count:
            raise ValueError("ends too early")
        self.at += count
        return found

    def varint(self) -> int:
        """An unsigned number, seven bits a byte."""
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("holds a number of more than 64 bits")

    def zigzag(self) -> int:
        """A signed number."""
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def value(self, kind: int, depth: int = 0) -> Any:
        """One value of a type."""
        if depth > DEEPEST:
            raise ValueError("is nested too deep")
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == I8:
            return self.take(1)[0]
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == DOUBLE:
            return self.take(8)
        if kind == BINARY:
            return self.take(self.varint())
        if kind in (LIST, SET):
            return self.list(depth)
        if kind == STRUCT:
            return self.struct(depth)
        raise ValueError(f"holds a value of type {kind}")

    def list(self, depth: int) -> tuple[int, list[Any]]:
        """The type of a list's items, and the items."""
        head = self.take(1)[0]
        count, kind = head >> 4, head & 0x0F
        count = self.varint() if count == 15 else count
        if count > len(self.data):
            raise ValueError("holds a list longer than itself")
        if kind in (TRUE, FALSE):
            return kind, [self.take(1)[0] for _ in range(count)]
        return kind, [self.value(kind, depth + 1) for _ in range(count)]

    def struct(self, depth: int = 0) -> Struct:
        """A struct's fields."""
        found: Struct = {}
        number = 0
        while head := self.take(1)[0]:
            step, kind = head >> 4, head & 0x0F
            number = number + step if step else self.zigzag()
            found[number] = (kind, self.value(kind, depth + 1))
        return found


def varint(number: int) -> bytes:
    """An unsigned number as bytes."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _zigzag(number: int) -> bytes:
    return varint((number << 1) ^ (number >> 63))


def written(kind: int, value: Any) -> bytes:
    """A value as bytes."""
    if kind in (TRUE, FALSE):
        return b""  # its type says it
    if kind == I8:
        return bytes((value,))
    if kind in (I16, I32, I64):
        return _zigzag(value)
    if kind == DOUBLE:
        return bytes(value)
    if kind == BINARY:
        return varint(len(value)) + bytes(value)
    if kind == STRUCT:
        return _struct(value)
    of, items = value
    head = bytes((len(items) << 4 | of,)) if len(items) < 15 else bytes((0xF0 | of,)) + varint(len(items))
    return head + (bytes(items) if of in (TRUE, FALSE) else b"".join(written(of, item) for item in items))


def _struct(fields: Struct) -> bytes:
    out, last = [], 0
    for number in sorted(fields):
        kind, value = fields[number]
        kind = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        step = number - last
        out.append(bytes((step << 4 | kind,)) if 0 < step < 16 else bytes((kind,)) + _zigzag(number))
        out.append(written(kind, value))
        last = number
    return b"".join((*out, b"\0"))
