"""What proves that bytes are the ones that were written: CRC-32C for files, a digest for messages that are compared.

`checksum` is CRC-32C, by the processor's own instruction or by a table; both give the standard value (Castagnoli,
reflected): crc of b"123456789" is 0xE3069283. It finds what a disk or a torn write does to a file.

`digest` is 64 bits over four lanes of words, each rotated and multiplied on: several times as fast, because the lanes
do not wait for each other. Every step can be undone, so two messages that differ in one word never agree.
"""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
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


@kernel
def digest(seed, address, length):
    """64-bit digest of `length` bytes at an address, none or more."""
    first, second, third, fourth = seed ^ length, _LANES[0], _LANES[1], _LANES[2]
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
