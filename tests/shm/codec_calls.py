"""The compiled codec called from Python: a message to bytes and back, in memory that ends at an unreadable page."""

import ctypes
import random
import struct
from typing import Any

import msgspec
import numpy as np

from shm.codec import body_bytes, decode, encode, layout_of, record_dtype
from shm.kernel import kernel, new_record
from tests.shm.areas import Guarded

ROOM_BYTES = 1 << 18
GUARD = Guarded(ROOM_BYTES)


@kernel
def encode_at(record, body):
    """`encode`, from Python."""
    return encode(record, body)


@kernel
def decode_at(body, length, record):
    """`decode`, from Python."""
    return decode(body, length, record)


@kernel
def bytes_of(record):
    """`body_bytes`, from Python."""
    return body_bytes(record)


class Wide(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=101):
    """What no message of the house has: flags, arrays of one, of many and of floats, and a bin behind them."""

    flag: bool
    one: tuple[int]
    many: tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
    floats: tuple[float, float]
    flags: tuple[bool, bool, bool]
    value: float
    rest: bytes


def has_bin(message: type[msgspec.Struct]) -> bool:
    """Whether a message ends in bytes."""
    return layout_of(message).has_bin


def to_record(message: msgspec.Struct, keep: list[Any]) -> np.ndarray:
    """A record with a message's fields; what its addresses point to is appended to `keep`."""
    record = new_record(record_dtype(type(message)))
    for field in message.__struct_fields__:
        value = getattr(message, field)
        if isinstance(value, bytes):
            content = np.frombuffer(value or b"\0", np.uint8)
            keep.append(content)
            record[f"{field}_address"], record[f"{field}_length"] = content.ctypes.data, len(value)
        else:
            record[field] = value
    return record


def from_record(kind: type[msgspec.Struct], record: np.ndarray) -> msgspec.Struct:
    """The message that a record holds."""
    hints = kind.__struct_fields__
    values: list[Any] = []
    names = record.dtype.names or ()
    for field in hints:
        if field not in names:
            address, length = int(record[0][f"{field}_address"]), int(record[0][f"{field}_length"])
            values.append(ctypes.string_at(address, length))
            continue
        plain = record[0][field].tolist()
        shape = kind.__annotations__[field]
        flag = shape is bool or bool in getattr(shape, "__args__", ())
        if isinstance(plain, list):
            values.append(tuple(bool(each) for each in plain) if flag else tuple(plain))
        else:
            values.append(bool(plain) if flag else plain)
    return kind(*values)


def compiled_encode(message: msgspec.Struct) -> bytes:
    """The bytes that the compiled encoder writes, ending at the unreadable page; what stands before is untouched."""
    keep: list[Any] = []
    record = to_record(message, keep)
    size = bytes_of(record[0])
    GUARD.room[-size - 64 :] = 0x5A
    assert encode_at(record[0], GUARD.end - size) == size
    assert GUARD.tail(size + 64)[:64] == b"\x5a" * 64
    return GUARD.tail(size)


def compiled_decode(kind: type[msgspec.Struct], body: bytes) -> tuple[int, np.ndarray]:
    """(code, record) of bytes that end at the unreadable page."""
    record = new_record(record_dtype(kind))
    return decode_at(GUARD.place(body), len(body), record[0]), record


def same(first: msgspec.Struct, second: msgspec.Struct) -> bool:
    """Equal in every bit: a NaN equals itself, and 0.0 is not -0.0."""
    return msgspec.msgpack.encode(first) == msgspec.msgpack.encode(second)


def any_form(message: msgspec.Struct, rng: random.Random) -> bytes:
    """A message in msgpack forms chosen at random among all that hold its values."""
    fields = [getattr(message, field) for field in message.__struct_fields__]
    body = _array(len(fields) + 1, rng) + _integer(type(message).__struct_config__.tag, rng)
    for value in fields:
        if isinstance(value, tuple):
            body += _array(len(value), rng) + b"".join(_scalar(each, rng) for each in value)
        else:
            body += _scalar(value, rng)
    return body


def _scalar(value: Any, rng: random.Random) -> bytes:
    if isinstance(value, bytes):
        forms = [(b"\xc4", ">B", 0xFF), (b"\xc5", ">H", 0xFFFF), (b"\xc6", ">I", 0xFFFF_FFFF)]
        marker, form, _ = rng.choice([each for each in forms if len(value) <= each[2]])
        return marker + struct.pack(form, len(value)) + value
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _integer(value, rng)
    with np.errstate(over="ignore"):
        if rng.random() < 0.5 and struct.pack(">d", float(np.float32(value))) == struct.pack(">d", value):
            return b"\xca" + struct.pack(">f", value)
    if rng.random() < 0.5 and abs(value) < 2**53 and value == int(value) and str(value)[0] != "-":
        return _integer(int(value), rng)
    return b"\xcb" + struct.pack(">d", value)


def _integer(value: int, rng: random.Random) -> bytes:
    forms = [struct.pack(">Bq", 0xD3, value)]
    for marker, form in ((0xCC, "B"), (0xCD, "H"), (0xCE, "I"), (0xCF, "Q"), (0xD0, "b"), (0xD1, "h"), (0xD2, "i")):
        try:
            forms.append(struct.pack(f">B{form}", marker, value))
        except struct.error:
            continue
    if -32 <= value < 128:
        forms.append(struct.pack(">b" if value < 0 else ">B", value))
    return rng.choice(forms)


def _array(count: int, rng: random.Random) -> bytes:
    forms = [struct.pack(">BH", 0xDC, count), struct.pack(">BI", 0xDD, count)]
    return rng.choice([*forms, bytes([0x90 | count])] if count < 16 else forms)
