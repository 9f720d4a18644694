"""CRC-32C: the published vectors, by the instruction and by the table, in one piece and continued."""

import struct

import numpy as np
import pytest

from shm.checksum import (
    KEY_STEP,
    KEYS,
    STRIPE_BYTES,
    _software_word,
    checksum,
    crc_bytes,
    crc_i64,
    digest,
    digest_i64,
)
from shm.kernel import address_of_array, kernel

SEED = 0xFFFFFFFF


@kernel
def by_table(words):
    """CRC of int64 words by the table alone."""
    crc = 0xFFFFFFFF
    for word in words:
        crc = _software_word(crc, word)
    return crc


@kernel
def by_word(words):
    """CRC of int64 words, one `crc_i64` each."""
    crc = 0xFFFFFFFF
    for word in words:
        crc = crc_i64(crc, word)
    return crc


def bitwise(data: bytes) -> int:
    """The definition: Castagnoli's polynomial, reflected, a bit at a time."""
    crc = SEED
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ SEED


def of(data: bytes) -> int:
    """`checksum` of bytes."""
    array = np.frombuffer(data + bytes(8), np.uint8)
    return checksum(address_of_array(array), len(data))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_the_published_vectors_come_out(data: bytes, value: int) -> None:
    assert of(data) == value


def test_any_length_and_alignment_agrees_with_the_definition() -> None:
    data = np.random.default_rng(1).bytes(100)
    for start in range(8):
        for length in range(0, 60, 1 + start):
            array = np.frombuffer(data, np.uint8)
            assert checksum(address_of_array(array) + start, length) == bitwise(data[start : start + length])


def test_the_instruction_equals_the_table() -> None:
    words = np.random.default_rng(2).integers(-(2**63), 2**63 - 1, 500)
    assert by_word(words) == by_table(words) == crc_bytes(SEED, address_of_array(words), words.nbytes)


def test_a_checksum_continues_over_pieces() -> None:
    data = np.random.default_rng(3).integers(0, 255, 64).astype(np.uint8)
    whole = crc_bytes(SEED, address_of_array(data), 64)
    first = crc_bytes(SEED, address_of_array(data), 24)

    assert crc_bytes(first, address_of_array(data) + 24, 40) == whole


def test_every_single_flipped_bit_changes_it() -> None:
    data = bytearray(np.random.default_rng(4).bytes(48))
    found = {of(bytes(data))}
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        found.add(of(bytes(data)))
        data[bit // 8] ^= 1 << bit % 8

    assert len(found) == 8 * len(data) + 1


FACTOR, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
LANES = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA40F574EBA896A51)


def mixed(lane: int, word: int) -> int:
    """One step of a lane, in Python's own integers."""
    lane ^= word
    return (lane << 29 | lane >> 35) * FACTOR & MASK


def continued(value: int, word: int) -> int:
    """One word of the digest."""
    value = mixed(value, word)
    return value ^ value >> 32


def digest_of(seed: int, data: bytes) -> int:
    """The digest, word by word: stripes of eight lanes where there is one, else four lanes while there are four words,
    then the first alone, then what is left."""
    if len(data) >= STRIPE_BYTES:
        return digest_of_stripes(seed, data)
    lanes = [(seed ^ len(data)) & MASK, *LANES]
    whole = len(data) // 8
    for index in range(whole):
        lane = index % 4 if index < whole // 4 * 4 else 0
        lanes[lane] = mixed(lanes[lane], int.from_bytes(data[8 * index : 8 * index + 8], "little"))
    value = continued(continued(lanes[0], lanes[1]), int.from_bytes(data[8 * whole :], "big"))
    return continued(continued(value, lanes[2]), lanes[3])


def digest_of_stripes(seed: int, data: bytes) -> int:
    """Each lane adds its neighbour's word, and the product of the halves of its own mixed with a key; the last stripe
    ends with the data."""
    sums = list(KEYS)
    starts = [*range(0, len(data) - STRIPE_BYTES, STRIPE_BYTES), len(data) - STRIPE_BYTES]
    for number, start in enumerate(starts):
        words = struct.unpack("<8Q", data[start : start + STRIPE_BYTES])
        for lane in range(8):
            keyed = words[lane] ^ (KEYS[lane] + number * KEY_STEP & MASK)
            sums[lane] = sums[lane] + words[lane ^ 1] + (keyed & 0xFFFF_FFFF) * (keyed >> 32) & MASK
    folded = [low * high & MASK ^ low * high >> 64 for low, high in zip(sums[::2], sums[1::2], strict=True)]
    first = continued((seed ^ len(data)) & MASK, folded[0] + folded[1] & MASK)
    return continued(first, folded[2] + folded[3] & MASK)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 71, 127, 128, 129, 411])
def test_the_digest_is_its_definition_at_every_length(length: int) -> None:
    data = np.random.default_rng(length).integers(0, 256, length + 1, dtype=np.uint8)
    assert digest(-5, address_of_array(data), length) & MASK == digest_of(-5 & MASK, data[:length].tobytes())
    assert digest_i64(-7, 1 << 62) & MASK == continued(-7 & MASK, 1 << 62)


@pytest.mark.parametrize("length", [43, 75, 360])
def test_one_flipped_bit_anywhere_is_another_digest(length: int) -> None:
    data = np.random.default_rng(3).integers(0, 256, length, dtype=np.uint8)
    whole = digest(1, address_of_array(data), length)
    for index in range(length):
        for bit in range(8):
            data[index] ^= 1 << bit
            assert digest(1, address_of_array(data), length) != whole
            data[index] ^= 1 << bit
    assert digest(1, address_of_array(data), length) == whole


def test_words_that_change_places_are_another_digest() -> None:
    words = np.random.default_rng(4).integers(0, 1 << 62, 45)
    seen = {digest(1, address_of_array(words), words.nbytes)}
    for first in range(45):
        for second in range(first):
            words[[first, second]] = words[[second, first]]
            seen.add(digest(1, address_of_array(words), words.nbytes))
            words[[first, second]] = words[[second, first]]
    assert len(seen) == 1 + 45 * 44 // 2
