"""CRC-32C of bytes at an address: by the processor's own instruction, by a table elsewhere.

Both give the standard value (Castagnoli, reflected): crc of b"123456789" is 0xE3069283.
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
