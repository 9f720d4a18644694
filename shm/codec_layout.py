"""Where each field of a message stands: in its record, and in the fixed-width form that `codec` writes.

    message  Struct(array_like=True, tag=int)     fields int, float, bool, fixed tuples of one of them, bytes last
    record   one int64 or float64 for each; a bool is an int64; bytes are two int64, `x_address` and `x_length`
    body     array header, tag, then each field behind its marker (drawn in `codec`)

A message is known to the codec once `record_dtype` has been asked for it.
"""

from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from numba import from_dtype

from shm.codec_any import BIN, BOOL, FLOAT, INT

_MARKER = {INT: 0xD3, FLOAT: 0xCB}
_KIND = {int: INT, float: FLOAT, bool: BOOL, bytes: BIN}


@dataclass(frozen=True)
class Field:
    """One field: its kind, how many (1 unless a fixed array), where in the record, where in the body."""

    name: str
    kind: int
    count: int
    record_offset: int
    body_offset: int


@dataclass(frozen=True)
class Layout:
    """Where a message's fields stand in its record and in its body."""

    name: str
    tag: int
    header: bytes
    fields: tuple[Field, ...]
    fixed_bytes: int

    @property
    def has_bin(self) -> bool:
        """Whether the last field is a bin of variable length."""
        return self.fields[-1].kind == BIN


_DTYPES: dict[type, np.dtype] = {}
_LAYOUTS: dict[Any, Layout] = {}


def record_dtype(message: type[msgspec.Struct]) -> np.dtype:
    """The structured dtype with the fields of a message; registers the message with the codec.

    Raises TypeError for a message that is no array or has no fields or no small tag, for a field that has no
    fixed width, and for two messages of which one begins with the other.
    """
    if message in _DTYPES:
        return _DTYPES[message]
    hints = get_type_hints(message)
    columns: list[Any] = []
    for name in message.__struct_fields__:
        kind, count = _kind_of(message, name, hints[name])
        if kind == BIN:
            columns += [(f"{name}_address", "i8"), (f"{name}_length", "i8")]
        else:
            code = "f8" if kind == FLOAT else "i8"
            columns.append((name, code, (count,)) if _is_array(hints[name]) else (name, code))
    dtype = np.dtype(columns, align=True)
    layout = _layout(message, hints, dtype)
    key = from_dtype(dtype)
    for other, known in _LAYOUTS.items():
        # Numba takes a record for a subtype of one whose fields it begins with, and could mix the two up.
        if key.can_convert_to(None, other) is not None or other.can_convert_to(None, key) is not None:
            raise TypeError(f"{message.__name__} and {known.name}: one has all fields of the other, at the same place")
    _LAYOUTS[key] = layout
    _DTYPES[message] = dtype
    return dtype


def layout_of(message: type[msgspec.Struct]) -> Layout:
    """The byte layout of a message."""
    return _LAYOUTS[from_dtype(record_dtype(message))]


def body_bytes_fixed(message: type[msgspec.Struct]) -> int:
    """Bytes of a message's body without the content of its bin."""
    return layout_of(message).fixed_bytes


def _is_array(hint: Any) -> bool:
    return get_origin(hint) is tuple


def _kind_of(message: type[msgspec.Struct], name: str, hint: Any) -> tuple[int, int]:
    members = set(get_args(hint)) if _is_array(hint) else {hint}
    count = len(get_args(hint)) if _is_array(hint) else 1
    if len(members) != 1 or (kind := _KIND.get(next(iter(members)))) is None:
        raise TypeError(f"{message.__name__}.{name}: found {hint}, allowed int, float, bool, a fixed tuple, one bytes")
    if kind == BIN and (_is_array(hint) or name != message.__struct_fields__[-1]):
        raise TypeError(f"{message.__name__}.{name}: bytes may only stand last, and once")
    return kind, count


def _layout(message: type[msgspec.Struct], hints: dict[str, Any], dtype: np.dtype) -> Layout:
    names = message.__struct_fields__
    if not names or not message.__struct_config__.array_like:
        raise TypeError(f"{message.__name__}: allowed array_like=True and at least one field")
    tag = message.__struct_config__.tag
    if not isinstance(tag, int) or not 0 <= tag < 128:
        raise TypeError(f"{message.__name__}: found tag {tag!r}, allowed an integer of 0 to 127")
    header = _array_header(len(names) + 1) + bytes([tag])
    columns: Any = dtype.fields
    fields, body = [], len(header)
    for name in names:
        kind, count = _kind_of(message, name, hints[name])
        if _is_array(hints[name]):
            body += len(_array_header(count))
        column = f"{name}_address" if kind == BIN else name
        fields.append(Field(name, kind, count if _is_array(hints[name]) else 0, columns[column][1], body))
        body += {BOOL: 1, BIN: 5}.get(kind, 9) * count
    return Layout(message.__name__, tag, header, tuple(fields), body)


def _array_header(count: int) -> bytes:
    return bytes([0x90 | count]) if count < 16 else b"\xdc" + count.to_bytes(2, "big")


def layout_for(record: Any) -> Layout:
    """The layout of the message that a record's numba type names. Raises TypeError for any other record."""
    layout = _LAYOUTS.get(record)
    if layout is None:
        raise TypeError("this record is no message: make its dtype with record_dtype(Message)")
    return layout


def cells(layout: Layout) -> list[tuple[int, int, int]]:
    """(kind, record offset, body offset of the marker) of every scalar, fixed arrays unrolled."""
    found = []
    for field in layout.fields:
        width = 1 if field.kind == BOOL else 9
        for index in range(max(field.count, 1)):
            found.append((field.kind, field.record_offset + 8 * index, field.body_offset + width * index))
    return found


def markers(layout: Layout) -> list[tuple[int, int]]:
    """(body offset, byte) of every constant byte of the fixed-width form."""
    found = list(enumerate(layout.header))
    for field in layout.fields:
        if field.count:
            head = _array_header(field.count)
            found += [(field.body_offset - len(head) + index, byte) for index, byte in enumerate(head)]
    found += [(body, _MARKER[kind]) for kind, _, body in cells(layout) if kind in _MARKER]
    if layout.has_bin:
        found.append((layout.fields[-1].body_offset, 0xC6))
    return found
