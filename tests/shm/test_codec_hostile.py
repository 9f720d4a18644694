"""Hostile bytes: truncated, mutated, grown, random. A negative code, never a byte read beyond the end, never a lie."""

import random
import struct

import msgspec
import pytest

from shm.codec import record_dtype
from shm.codec_any import OUT_OF_RANGE, TOO_LONG, TRUNCATED, WRONG_COUNT, WRONG_TAG, WRONG_TYPE
from shm.kernel import new_record
from tests.shm.codec_calls import GUARD, Wide, any_form, compiled_decode, compiled_encode, decode_at, from_record, same
from tests.shm.test_codec import KINDS, random_message
from trader.messages import BookDelta, Gap, Timer, VolatilityEstimate, WireIn

MUTATIONS = 450


def bodies(kind: type[msgspec.Struct], rng: random.Random) -> list[bytes]:
    """One message in three forms: fixed, as msgspec writes it, and any."""
    message = random_message(kind, rng)
    return [compiled_encode(message), msgspec.msgpack.encode(message), any_form(message, rng)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_body_cut_anywhere_is_refused(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(1)
    for _ in range(3):
        for body in bodies(kind, rng):
            codes = [compiled_decode(kind, body[:length])[0] for length in range(len(body))]
            assert set(codes) == {TRUNCATED}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_bytes_behind_the_last_field_are_refused(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(2)
    for body in bodies(kind, rng):
        assert compiled_decode(kind, body + b"\0")[0] == TOO_LONG


def mutated(body: bytes, rng: random.Random) -> bytes:
    """One to three bytes flipped, replaced by a marker, taken out or doubled."""
    changed = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed))
        action = rng.randrange(4)
        if action == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif action == 1:
            changed[at] = rng.choice([0x00, 0x7F, 0x80, 0x90, 0x9F, *range(0xC0, 0xE0), 0xFF])
        elif action == 2 and len(changed) > 1:
            del changed[at]
        else:
            changed.insert(at, changed[at])
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_accepted_of_mutated_bytes_is_what_msgspec_reads(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(3)
    refused = 0
    for _ in range(MUTATIONS // 30):
        for body in (mutated(original, rng) for original in bodies(kind, rng) for _ in range(10)):
            code, record = compiled_decode(kind, body)
            assert code in (0, TRUNCATED, WRONG_TYPE, WRONG_TAG, WRONG_COUNT, TOO_LONG, OUT_OF_RANGE)
            refused += code != 0
            if code == 0:
                assert same(from_record(kind, record), msgspec.msgpack.decode(body, type=kind))
    assert refused > MUTATIONS // 30


def test_random_bytes_are_refused_and_never_read_beyond() -> None:
    rng = random.Random(4)
    for _ in range(3000):
        body = rng.randbytes(rng.randrange(0, 120))
        assert compiled_decode(rng.choice(KINDS), body)[0] < 0


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (Gap, b"\x93\x10\x01\x02", 0),
        (Gap, b"\x94\x10\x01\x02\x03", WRONG_COUNT),
        (Gap, b"\x92\x10\x01", WRONG_COUNT),
        (Gap, b"\x80", WRONG_TYPE),
        (Gap, b"", TRUNCATED),
        (Gap, b"\xdd\x00\x00\x00", TRUNCATED),
        (Gap, b"\xdd\xff\xff\xff\xff", WRONG_COUNT),
        (Gap, b"\x93\x0f\x01\x02", WRONG_TAG),
        (Gap, b"\x93\xa1x\x01\x02", WRONG_TYPE),
        (Gap, b"\x93\x10\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x02", OUT_OF_RANGE),
        (Gap, b"\x93\x10\xc0\x02", WRONG_TYPE),
        (Gap, b"\x93\x10\xc3\x02", WRONG_TYPE),
        (Gap, b"\x93\x10\xcb" + bytes(8) + b"\x02", WRONG_TYPE),
        (WireIn, b"\x95\x11\x01\x02\x03\xa1x", WRONG_TYPE),
        (WireIn, b"\x95\x11\x01\x02\x03\xc4\x05abcd", TRUNCATED),
        (WireIn, b"\x95\x11\x01\x02\x03\xc6\xff\xff\xff\xff", TRUNCATED),
        (WireIn, b"\x95\x11\x01\x02\x03\xc6\x7f\xff\xff\xff" + b"x" * 40, TRUNCATED),
    ],
)
def test_each_fault_has_its_code(kind: type[msgspec.Struct], body: bytes, code: int) -> None:
    assert compiled_decode(kind, body)[0] == code


def test_a_wrong_number_of_array_elements_is_refused() -> None:
    message = random_message(Wide, random.Random(6))
    body = msgspec.msgpack.encode(message)
    at = body.index(b"\x91", 2)
    assert compiled_decode(Wide, body[:at] + b"\x92" + body[at + 1 :])[0] == WRONG_COUNT


def test_a_flag_that_is_no_flag_is_refused_in_both_forms() -> None:
    message = random_message(Wide, random.Random(7))
    for body in (compiled_encode(message), msgspec.msgpack.encode(message)):
        assert compiled_decode(Wide, body[:2] + b"\x01" + body[3:])[0] == WRONG_TYPE
        assert compiled_decode(Wide, body[:2] + b"\xc1" + body[3:])[0] == WRONG_TYPE


def test_a_float32_and_an_integer_are_read_into_a_float_field() -> None:
    message = VolatilityEstimate(0, 0, 0, 0, 0, *([0.0] * 14))
    body = msgspec.msgpack.encode(message)
    first = len(body) - 14 * 9
    loose = body[:first] + b"\xca" + struct.pack(">f", 0.5) + b"\xd1" + struct.pack(">h", -300) + body[first + 18 :]
    code, record = compiled_decode(VolatilityEstimate, loose)

    assert code == 0
    assert (record[0]["volatility_bps"], record[0]["volatility_bps_p05"]) == (0.5, -300.0)


@pytest.mark.parametrize("length", [-1, -(1 << 62), 0])
def test_a_length_of_nothing_or_less_is_refused(length: int) -> None:
    record = new_record(record_dtype(Timer))
    assert decode_at(GUARD.end, length, record[0]) == TRUNCATED


def test_a_refused_fixed_form_leaves_the_record_as_it_was_when_its_length_lies() -> None:
    body = compiled_encode(BookDelta(*range(9), b"levels"))
    record = new_record(record_dtype(BookDelta))
    record.view("u1")[:] = 0xEE
    longer = body[:-10] + struct.pack(">I", 1000) + body[-6:]
    assert decode_at(GUARD.place(longer), len(longer), record[0]) == TRUNCATED
    assert int(record[0]["levels_length"]) == int.from_bytes(b"\xee" * 8, "little", signed=True)
