"""CRC-32 of bytes at an address, as zlib and the venues compute it, eight bytes at a time.

    crc of b"123456789" is 0xCBF43926

Slicing by eight: each of a word's bytes looks up its own table, so that the eight look-ups do not wait for each other.
"""

import numpy as np

from shm.kernel import kernel, load_i64, load_u8

_POLYNOMIAL = 0xEDB88320


def _tables() -> np.ndarray:
    tables = np.zeros((8, 256), dtype=np.int64)
    rows = np.arange(256, dtype=np.int64)
    for _ in range(8):
        rows = np.where(rows & 1, (rows >> 1) ^ _POLYNOMIAL, rows >> 1)
    tables[0] = rows
    for step in range(1, 8):
        before = tables[step - 1]
        tables[step] = (before >> 8) ^ rows[before & 0xFF]
    return tables


_TABLES = _tables()


@kernel
def crc32(address, length):
    """The checksum, 0 to 2 ** 32 - 1."""
    crc = 0xFFFFFFFF
    p, end = address, address + length
    while p + 8 <= end:
        word = load_i64(p)
        low = crc ^ (word & 0xFFFFFFFF)
        high = (word >> 32) & 0xFFFFFFFF
        crc = (
            _TABLES[7, low & 0xFF]
            ^ _TABLES[6, (low >> 8) & 0xFF]
            ^ _TABLES[5, (low >> 16) & 0xFF]
            ^ _TABLES[4, (low >> 24) & 0xFF]
            ^ _TABLES[3, high & 0xFF]
            ^ _TABLES[2, (high >> 8) & 0xFF]
            ^ _TABLES[1, (high >> 16) & 0xFF]
            ^ _TABLES[0, (high >> 24) & 0xFF]
        )
        p += 8
    while p < end:
        crc = _TABLES[0, (crc ^ load_u8(p)) & 0xFF] ^ (crc >> 8)
        p += 1
    return crc ^ 0xFFFFFFFF
