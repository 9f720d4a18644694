"""The codec's two codes, field by field and in blocks, write and read the same bytes, whichever this host runs by."""

import random
from typing import Any

import msgspec
import numba
import numpy as np
import pytest

from shm import codec
from shm.codec import layout_of, record_dtype
from shm.codec_blocks import BLOCK_BYTES, body_sources, has_blocks
from shm.kernel import address_of_array, new_record
from tests.shm.codec_calls import Wide, to_record
from tests.shm.test_codec import random_message
from trader.messages import MESSAGES, BookTop, WireOut

BLOCKY = [kind for kind in MESSAGES if has_blocks(layout_of(kind), record_dtype(kind).itemsize)]


def compiled(by_blocks: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Encoder and decoder of one of the two codes, compiled anew."""
    monkeypatch.setattr(codec, "BY_BLOCKS", by_blocks)
    encode_fixed, decode_fixed = codec._encode_fixed, codec._decode_fixed

    def encode(record, body):
        encode_fixed(record, body)

    def decode(body, length, record):
        return decode_fixed(body, length, record)

    return numba.njit(encode), numba.njit(decode)


def test_large_messages_go_in_blocks_and_small_ones_bools_and_scattered_ones_do_not() -> None:
    assert BookTop in BLOCKY
    assert WireOut not in BLOCKY
    assert not has_blocks(layout_of(Wide), record_dtype(Wide).itemsize)


@pytest.mark.parametrize("kind", BLOCKY, ids=lambda kind: kind.__name__)
def test_both_codes_agree_byte_for_byte_and_refuse_the_same(
    kind: type[msgspec.Struct], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(layout_of(kind).tag)
    layout = layout_of(kind)
    plain, blocks = (compiled(by_blocks, monkeypatch) for by_blocks in (False, True))
    for _ in range(20):
        keep: list[Any] = []
        record = to_record(random_message(kind, rng), keep)
        length = layout.fixed_bytes + (int(record[f"{layout.fields[-1].name}_length"][0]) if layout.has_bin else 0)
        bodies = [np.full(length + 2 * BLOCK_BYTES, 0x5A, np.uint8) for _ in range(2)]
        for body, (encode, _) in zip(bodies, (plain, blocks), strict=True):
            encode(record[0], address_of_array(body) + BLOCK_BYTES)
        assert bytes(bodies[0]) == bytes(bodies[1])
        for at in rng.sample(range(layout.fixed_bytes), 12):
            body = bodies[0].copy()
            body[BLOCK_BYTES + at] ^= 1 << rng.randrange(8)
            found = []
            for _, decode in (plain, blocks):
                again = new_record(record_dtype(kind))
                found.append((decode(address_of_array(body) + BLOCK_BYTES, length, again[0]), again.tobytes()))
            assert found[0] == found[1]
            if body_sources(layout)[at][1] < 0:
                assert found[0] == (0, bytes(record.nbytes)), f"byte {at} is constant"
