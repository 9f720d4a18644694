"""The compiled codec against msgspec: the same values both ways for every message, in every form that msgpack has."""

import random
import struct
from typing import Any, get_args, get_type_hints

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from shm.codec import body_bytes_fixed, layout_of, record_dtype
from tests.shm.codec_calls import Wide, any_form, compiled_decode, compiled_encode, from_record, has_bin, same
from trader.messages import MESSAGES, Timer, Trade, WireIn

KINDS = (*MESSAGES, Wide)
EDGES = sorted(
    {sign * (1 << bits) + off for bits in (0, 5, 7, 8, 15, 16, 31, 32, 62) for sign in (1, -1) for off in (-1, 0, 1)}
)
EDGES += [2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, -1.5, 5e-324, 2.0**-126, 1.7976931348623157e308, 3.5e38, np.inf, -np.inf, np.nan]

integers = st.one_of(st.sampled_from(EDGES), st.integers(-(2**63), 2**63 - 1))
SCALARS = {int: integers, float: st.one_of(st.sampled_from(FLOATS), st.floats()), bool: st.booleans()}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of one field."""
    if hint is bytes:
        return st.binary(max_size=70)
    if get_args(hint):
        return st.tuples(*(SCALARS[each] for each in get_args(hint)))
    return SCALARS[hint]


def messages_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    """Messages with random and boundary values."""
    hints = get_type_hints(kind)
    return st.builds(kind, *(values_of(hints[field]) for field in kind.__struct_fields__))


def random_message(kind: type[msgspec.Struct], rng: random.Random) -> msgspec.Struct:
    """A seeded message: cheaper than an example of hypothesis, so there are many."""

    def scalar(hint: Any) -> Any:
        if hint is bool:
            return rng.random() < 0.5
        if hint is float:
            return rng.choice(FLOATS) if rng.random() < 0.3 else struct.unpack(">d", rng.randbytes(8))[0]
        return rng.choice(EDGES) if rng.random() < 0.5 else rng.getrandbits(rng.randrange(1, 64)) * rng.choice((1, -1))

    hints = get_type_hints(kind)
    values = []
    for field in kind.__struct_fields__:
        hint = hints[field]
        if hint is bytes:
            values.append(rng.randbytes(rng.randrange(0, 40)))
        else:
            values.append(tuple(map(scalar, get_args(hint))) if get_args(hint) else scalar(hint))
    return kind(*values)


def check_both_ways(message: msgspec.Struct) -> None:
    """Compiled to msgspec, msgspec to compiled, and the fixed form back."""
    kind = type(message)
    fixed = compiled_encode(message)
    assert same(msgspec.msgpack.decode(fixed, type=kind), message)
    for body in (fixed, msgspec.msgpack.encode(message)):
        code, record = compiled_decode(kind, body)
        assert code == 0
        assert same(from_record(kind, record), message)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_compiled_codec_and_msgspec_agree_value_for_value(kind: type[msgspec.Struct]) -> None:
    @settings(max_examples=25)
    @given(messages_of(kind))
    def agree(message: msgspec.Struct) -> None:
        check_both_ways(message)

    agree()
    rng = random.Random(layout_of(kind).tag)
    for _ in range(100):
        check_both_ways(random_message(kind, rng))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_msgpack_form_of_a_value_is_read_as_msgspec_reads_it(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(100 + layout_of(kind).tag)
    for _ in range(150):
        message = random_message(kind, rng)
        body = any_form(message, rng)
        code, record = compiled_decode(kind, body)
        assert code == 0
        assert same(from_record(kind, record), msgspec.msgpack.decode(body, type=kind))
        assert same(from_record(kind, record), message)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_fixed_part_has_one_length_whatever_the_values(kind: type[msgspec.Struct]) -> None:
    rng = random.Random(3)
    for _ in range(5):
        message = random_message(kind, rng)
        content = len(getattr(message, message.__struct_fields__[-1])) if has_bin(kind) else 0
        assert len(compiled_encode(message)) == body_bytes_fixed(kind) + content


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, 200_000])
def test_a_bin_of_any_size_passes_both_ways(size: int) -> None:
    check_both_ways(WireIn(1, 2, 200, random.Random(size).randbytes(size)))


def test_a_bin_is_read_in_place_and_not_copied() -> None:
    body = msgspec.msgpack.encode(WireIn(1, 2, 3, b"payload"))
    _, record = compiled_decode(WireIn, body)
    address, length = int(record[0]["payload_address"]), int(record[0]["payload_length"])

    _, again = compiled_decode(WireIn, body)
    assert (int(again[0]["payload_address"]), length) == (address, 7)


def test_the_fixed_form_is_as_drawn() -> None:
    assert compiled_encode(Timer(-2)) == b"\x92\x0f\xd3" + struct.pack(">q", -2)
    wide = Wide(True, (1,), tuple(range(17)), (0.5, -1.0), (False, True, False), 2.0, b"xy")
    expected = b"\x98\x65\xc3\x91\xd3" + struct.pack(">q", 1) + b"\xdc\x00\x11"
    expected += b"".join(b"\xd3" + struct.pack(">q", each) for each in range(17))
    expected += b"\x92" + b"".join(b"\xcb" + struct.pack(">d", each) for each in (0.5, -1.0))
    expected += b"\x93\xc2\xc3\xc2\xcb" + struct.pack(">d", 2.0) + b"\xc6\x00\x00\x00\x02xy"
    assert compiled_encode(wide) == expected


def test_a_record_has_the_messages_fields_in_their_order() -> None:
    dtype = record_dtype(Wide)
    names = ("flag", "one", "many", "floats", "flags", "value", "rest_address", "rest_length")
    assert dtype.names == names
    assert dtype["floats"].subdtype == (np.dtype("f8"), (2,))
    assert dtype["one"].shape == (1,)
    assert record_dtype(Trade) is record_dtype(Trade)


@pytest.mark.parametrize(
    ("fields", "rival"),
    [
        (["count"], "Timer"),
        (["inbox"], "Gap"),
        (["inbox", "missed", "more"], "Gap"),
        (["connection_id"], "Wire(In|Out)"),
    ],
)
def test_two_messages_of_which_one_begins_with_the_other_are_refused_by_name(fields: list[str], rival: str) -> None:
    """A record's type must name its message, and numba takes a longer record for the one that it begins with."""
    with pytest.raises(TypeError, match=f"Odd and {rival}: one has all fields of the other"):
        record_dtype(struct_of([(field, int) for field in fields]))


def struct_of(fields: list[tuple[str, Any]], **options: Any) -> type[msgspec.Struct]:
    """A message made for a refusal."""
    return msgspec.defstruct("Odd", fields, **{"array_like": True, "tag": 103, **options})


@pytest.mark.parametrize(
    "hint",
    [str, list[int], dict[str, int], int | None, tuple[int, ...], tuple[int, float], tuple[()], object, tuple[str]],
)
def test_a_field_without_a_fixed_width_is_refused_with_its_name_and_what_is_allowed(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"Odd\.odd: found .*, allowed int, float, bool, a fixed tuple, one bytes"):
        record_dtype(struct_of([("fine", int), ("odd", hint)]))


@pytest.mark.parametrize("fields", [[("odd", bytes), ("fine", int)], [("odd", tuple[bytes])]])
def test_bytes_may_only_stand_last_and_once(fields: list[tuple[str, Any]]) -> None:
    with pytest.raises(TypeError, match=r"Odd\.odd: bytes may only stand last, and once"):
        record_dtype(struct_of(fields))


@pytest.mark.parametrize("tag", ["text", 128, -1])
def test_a_tag_that_is_no_single_byte_is_refused(tag: Any) -> None:
    with pytest.raises(TypeError, match=f"Odd: found tag {tag!r}, allowed an integer of 0 to 127"):
        record_dtype(struct_of([("odd_tag", int)], tag=tag))


def test_a_message_that_is_a_map_or_has_no_fields_is_refused() -> None:
    for odd in (struct_of([("odd_map", int)], array_like=False), struct_of([])):
        with pytest.raises(TypeError, match="Odd: allowed array_like=True and at least one field"):
            record_dtype(odd)
