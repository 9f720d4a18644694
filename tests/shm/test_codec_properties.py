"""The codec at its edges, for every message: each boundary in each field, each byte replaced, bins of every width.

Bodies lie between two pages that nobody may touch, records end at one.
"""

import ctypes
import random
import struct
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from shm.codec import layout_of, record_dtype
from shm.codec_any import FLOAT, INT, OUT_OF_RANGE, WRONG_COUNT
from shm.codec_layout import cells, markers
from tests.shm.codec_calls import any_form, compiled_encode, decode_at, encode_at, from_record, has_bin, same
from tests.shm.test_codec import KINDS, check_both_ways, messages_of, random_message
from tests.trader.guarded_bytes import GuardedBytes

BODIES, RECORDS = GuardedBytes(), GuardedBytes()
BIN_BYTES = (0, 1, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 200_000)
MARKERS = (*range(0xC2, 0xC7), *range(0xCA, 0xD4), 0xDC, 0xDD)
"""First bytes of the forms that the codec knows: tried at each place, and the outcome compared."""

_STEPS = [
    sign * (1 << bits) + off for bits in (0, 5, 7, 8, 15, 16, 31, 32, 53, 63) for sign in (1, -1) for off in (-1, 0, 1)
]
BOUNDARIES = sorted({step for step in _STEPS if -(1 << 63) <= step < 1 << 63})
"""Where msgpack goes from one width to the next, and where float64 no longer holds every integer."""

# fmt: off
PATTERNS = (
    0x0000000000000000, 0x8000000000000000,  # zeros
    0x7FF0000000000000, 0xFFF0000000000000,  # infinities
    0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF,  # NaNs, signalling ones too
    0x0000000000000001, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF,  # subnormals, least and most
    0x36A0000000000000, 0x47EFFFFFE0000000, 0xD3CBC6C4C39F9080,  # the ends of float32; markers
)
# fmt: on

by_name = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def record_at_end(kind: type[msgspec.Struct]) -> np.ndarray:
    """A record behind which nobody may write."""
    dtype = record_dtype(kind)
    address = RECORDS.at_end(bytes(dtype.itemsize))
    return np.frombuffer((ctypes.c_char * dtype.itemsize).from_address(address), dtype)


def zeros(kind: type[msgspec.Struct]) -> list[Any]:
    """The field values of a message of zeros."""
    hints = [get_type_hints(kind)[field] for field in kind.__struct_fields__]
    return [tuple(each() for each in get_args(hint)) if get_args(hint) else hint() for hint in hints]


def boundary(hint: type, number: int) -> Any:
    """One of a scalar's boundaries, all of them in turn."""
    return bool(number & 1) if hint is bool else hint(BOUNDARIES[number % len(BOUNDARIES)])


@by_name
def test_every_boundary_passes_both_ways_in_every_field(kind: type[msgspec.Struct]) -> None:
    hints = [get_type_hints(kind)[field] for field in kind.__struct_fields__]
    for number in range(len(BOUNDARIES)):
        values: list[Any] = []
        for index, hint in enumerate(hints):
            inner, first = get_args(hint), number + 7 * index
            if inner:
                values.append(tuple(boundary(each, first + at) for at, each in enumerate(inner)))
            else:
                values.append(hint() if hint is bytes else boundary(hint, first))
        check_both_ways(kind(*values))


@by_name
def test_every_pattern_of_64_bits_passes_both_ways_unchanged(kind: type[msgspec.Struct]) -> None:
    """Bits against bits: a Python float in between might hide what became of a NaN."""
    plain, record = compiled_encode(kind(*zeros(kind))), record_at_end(kind)
    words = [(offset, at) for cell, offset, at in cells(layout_of(kind)) if cell in (INT, FLOAT)]
    rng = random.Random(layout_of(kind).tag)
    for number in range(2 * len(PATTERNS)):
        body = bytearray(plain)
        patterns = [
            rng.choice((*PATTERNS, rng.getrandbits(64))) if number % 2 else PATTERNS[number // 2] for _ in words
        ]
        for (_, at), pattern in zip(words, patterns, strict=True):
            body[at + 1 : at + 9] = pattern.to_bytes(8, "big")
        assert decode_at(BODIES.at_end(bytes(body)), len(body), record[0]) == 0
        memory = record.tobytes()
        assert [struct.unpack_from("<Q", memory, offset)[0] for offset, _ in words] == patterns
        address = BODIES.at_end(bytes(len(body)))
        assert encode_at(record[0], address) == len(body)
        assert ctypes.string_at(address, len(body)) == bytes(body)


@by_name
def test_each_byte_replaced_is_refused_or_read_as_msgspec_reads_it(kind: type[msgspec.Struct]) -> None:
    """All 256 values for each byte of what msgspec writes and for each constant one of the fixed form; else some."""
    rng = random.Random(200 + layout_of(kind).tag)
    message, record = random_message(kind, rng), record_at_end(kind)
    fixed = compiled_encode(message)
    constant = {at for at, _ in markers(layout_of(kind))}
    for body, some in ((fixed, constant), (msgspec.msgpack.encode(message), None), (any_form(message, rng), None)):
        address = BODIES.at_end(body)
        room = (ctypes.c_ubyte * len(body)).from_address(address)
        for at, byte in enumerate(body):
            odd = rng.randrange(256)
            for value in (odd, odd ^ 0x80) if some is not None and at not in some else range(256):
                room[at] = value
                code = decode_at(address, len(body), record[0])
                if value == odd or value in MARKERS:
                    compare(kind, bytes(room), code, record)
            room[at] = byte


def compare(kind: type[msgspec.Struct], body: bytes, code: int, record: np.ndarray) -> None:
    """What the compiled decoder made of a body against msgspec, which also reads more fields and larger integers."""
    try:
        expected = msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        assert code < 0, body
        return
    if code == 0:
        assert same(from_record(kind, record), expected), body
    else:
        assert code in (OUT_OF_RANGE, WRONG_COUNT), body


@by_name
def test_a_body_changed_and_cut_is_refused_or_read_as_msgspec_reads_it(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(300 + layout_of(kind).tag)
    record = record_at_end(kind)
    for _ in range(40):
        message = random_message(kind, rng)
        for form in (compiled_encode(message), msgspec.msgpack.encode(message), any_form(message, rng)):
            body = bytearray(form[: rng.randrange(1, len(form) + 1)])
            for _ in range(rng.randrange(3)):
                body[rng.randrange(min(len(body), 8) if rng.random() < 0.5 else len(body))] = rng.randrange(256)
            for place in (BODIES.at_start, BODIES.at_end):
                compare(kind, bytes(body), decode_at(place(bytes(body)), len(body), record[0]), record)


@pytest.mark.parametrize("size", BIN_BYTES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if has_bin(kind)], ids=lambda kind: kind.__name__)
def test_a_bin_of_every_width_passes_both_ways(kind: type[msgspec.Struct], size: int) -> None:
    check_both_ways(kind(*zeros(kind)[:-1], random.Random(size).randbytes(size)))


@pytest.mark.slow
@by_name
def test_thousands_of_messages_pass_both_ways(kind: type[msgspec.Struct]) -> None:
    @settings(max_examples=2000)
    @given(messages_of(kind))
    def agree(message: msgspec.Struct) -> None:
        check_both_ways(message)

    agree()
