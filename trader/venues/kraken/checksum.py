"""Kraken's checksum: the CRC-32 of the top 10 asks, then bids, each best first: price and quantity with all decimals
of the pair's precision, without points and leading zeros, and nothing between.

On this stream numbers may come without their trailing zeros, so the digits are those of the units themselves.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.venues.crc32 import crc32
from trader.venues.number_text import POWERS, put_decimal

LEVELS = 10


@inlined
def _factor(unit):
    """What turns units into the digits of the pair's precision."""
    return unit.multiple * POWERS[unit.written - unit.decimals]


@kernel
def checksum(proof, scale):
    """The checksum of a PROOF's top levels, 0 to 2 ** 32 - 1."""
    never_inlined()
    price, size = _factor(scale.price), _factor(scale.size)
    start = proof.text.ctypes.data
    at = start
    for turn in range(2):
        side = proof.asks if turn == 0 else proof.bids
        for i in range(1, min(LEVELS, side.end - side.first) + 1):
            at = put_decimal(at, side.sign * side.keys[side.end - i] * price)
            at = put_decimal(at, side.lots[side.end - i] * size)
    return crc32(start, at - start)
