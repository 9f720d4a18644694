"""What proves that bytes are the ones that were written: CRC-32C for files, a digest for messages that are compared.

`checksum` is CRC-32C, by the processor's own instruction or by a table; both give the standard value (Castagnoli,
reflected): crc of b"123456789" is 0xE3069283. It finds what a disk or a torn write does to a file.

`digest` is 64 bits, several times as fast, because its lanes do not wait for each other. From 64 bytes on, stripes of
eight words add up: to each lane its neighbour's word, and the product of the halves of its own mixed with a key that
is another in each stripe; the last stripe ends with the bytes, so that words may count twice. A word that differs
changes two lanes for certain, and what they are folded to but once in 2**64. Below that, four lanes of words are
rotated and multiplied on, which can be undone: two messages that differ in one word never agree.
"""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shm.kernel import inlined, kernel, load_i64, load_u8

_I64 = ir.IntType(64)
HARDWARE = "x86_64" in llvm.get_process_triple() and bool(llvm.get_host_cpu_features().get("sse4.2"))


def _table() -> np.ndarray:
    rows = np.arange(256, dtype=np.int64)
    for _ in range(8):
        rows = np.where(rows & 1, (rows >> 1) ^ 0x82F63B78, rows >> 1)
    return rows


_TABLE = _table()


@intrinsic
def _crc_word(typingctx: Any, crc: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64, _I64])
        return builder.call(builder.module.declare_intrinsic("llvm.x86.sse42.crc32.64.64", (), kind), arguments)

    return types.int64(types.int64, types.int64), generate


@inlined
def _crc_byte(crc, byte):
    return _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)


@kernel
def _software_word(crc, word):
    for _ in range(8):
        crc = _crc_byte(crc, word & 0xFF)
        word >>= 8
    return crc


if HARDWARE:

    @inlined
    def crc_i64(crc, word):
        """Continue a running CRC (no final inversion) by the 8 bytes of an int64."""
        return _crc_word(crc, word)

else:

    @inlined
    def crc_i64(crc, word):
        """Continue a running CRC (no final inversion) by the 8 bytes of an int64."""
        return _software_word(crc, word)


@kernel
def crc_bytes(crc, address, length):
    """Continue a running CRC by `length` bytes at an address."""
    words = length >> 3
    for index in range(words):
        crc = crc_i64(crc, load_i64(address + (index << 3)))
    for index in range(words << 3, length):
        crc = _crc_byte(crc, load_u8(address + index))
    return crc


@kernel
def checksum(address, length):
    """CRC-32C of `length` bytes at an address."""
    return crc_bytes(0xFFFFFFFF, address, length) ^ 0xFFFFFFFF


_FACTOR = np.int64(-7046029254386353131)
_LANES = (np.int64(0x243F6A8885A308D3), np.int64(0x13198A2E03707344), np.int64(-0x5BF0A8B1457695AF))
"""An odd factor (2**64 divided by the golden ratio), and where the other lanes start (digits of pi)."""

STRIPE_BYTES = 64
KEYS = tuple((0x9E3779B97F4A7C15 * (lane + 1) ^ 0x452821E638D01377) & (1 << 64) - 1 for lane in range(8))
KEY_STEP = 0xC0AC29B7C97C50DD
"""What each lane of the first stripe is mixed with, and what is added to it from stripe to stripe."""


@inlined
def _mixed(lane, word):
    """One step of a lane. The rotation brings high bits down, where the factor spreads them again."""
    lane ^= word
    return ((lane << 29) | ((lane >> 35) & 0x1FFF_FFFF)) * _FACTOR


@inlined
def digest_i64(value, word):
    """Continue a digest by one int64."""
    value = _mixed(value, word)
    return value ^ ((value >> 32) & 0xFFFF_FFFF)


@intrinsic
def _stripes(typingctx: Any, address: Any, length: Any) -> Any:
    """Two int64 of the `length` bytes at an address, STRIPE_BYTES at least: see `digest`."""
    result = types.UniTuple(types.int64, 2)
    stripe, half = ir.VectorType(_I64, 8), ir.IntType(32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, length = arguments
        low, high = (ir.Constant(stripe, [word] * 8) for word in (0xFFFF_FFFF, 32))
        neighbours = ir.Constant(ir.VectorType(half, 8), [lane ^ 1 for lane in range(8)])
        sums = cgutils.alloca_once_value(builder, ir.Constant(stripe, list(KEYS)))
        keys = cgutils.alloca_once_value(builder, ir.Constant(stripe, list(KEYS)))

        def take_in(at: Any) -> None:
            words = builder.load(builder.inttoptr(at, stripe.as_pointer()), align=1)
            keyed = builder.xor(words, builder.load(keys))
            product = builder.mul(builder.and_(keyed, low), builder.lshr(keyed, high))
            swapped = builder.shuffle_vector(words, words, neighbours)
            builder.store(builder.add(builder.add(builder.load(sums), swapped), product), sums)
            builder.store(builder.add(builder.load(keys), ir.Constant(stripe, [KEY_STEP] * 8)), keys)

        whole = builder.lshr(builder.sub(length, ir.Constant(_I64, 1)), ir.Constant(_I64, 6))
        with cgutils.for_range(builder, whole) as loop:
            take_in(builder.add(address, builder.shl(loop.index, ir.Constant(_I64, 6))))
        take_in(builder.sub(builder.add(address, length), ir.Constant(_I64, STRIPE_BYTES)))
        both, wide = [], ir.IntType(128)
        lanes = [builder.extract_element(builder.load(sums), ir.Constant(half, lane)) for lane in range(8)]
        for lane in range(0, 8, 2):
            product = builder.mul(*(builder.zext(each, wide) for each in lanes[lane : lane + 2]))
            folded = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _I64)
            both.append(builder.xor(builder.trunc(product, _I64), folded))
        pair = [builder.add(both[0], both[1]), builder.add(both[2], both[3])]
        return context.make_tuple(builder, signature.return_type, pair)

    return result(types.int64, types.int64), generate


@kernel
def digest(seed, address, length):
    """64-bit digest of `length` bytes at an address, none or more."""
    first = seed ^ length
    if length >= STRIPE_BYTES:
        one, other = _stripes(address, length)
        return digest_i64(digest_i64(first, one), other)
    second, third, fourth = _LANES[0], _LANES[1], _LANES[2]
    at, end = address, address + length
    while at + 32 <= end:
        first = _mixed(first, load_i64(at))
        second = _mixed(second, load_i64(at + 8))
        third = _mixed(third, load_i64(at + 16))
        fourth = _mixed(fourth, load_i64(at + 24))
        at += 32
    while at + 8 <= end:
        first = _mixed(first, load_i64(at))
        at += 8
    rest = 0
    while at < end:
        rest = (rest << 8) | load_u8(at)
        at += 1
    value = digest_i64(digest_i64(first, second), rest)
    return digest_i64(digest_i64(value, third), fourth)
