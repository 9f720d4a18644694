"""Kraken's checksum: the CRC-32 of the top 10 asks, then bids, each best first: price and volume as the venue wrote
them, without points and leading zeros, and nothing between.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.venues.crc32 import crc32
from trader.venues.number_text import put_as_written

LEVELS = 10


@kernel
def checksum(proof, scale):
    """The checksum of a PROOF's top levels, 0 to 2 ** 32 - 1."""
    never_inlined()
    price, size = scale.price, scale.size
    start = proof.text.ctypes.data
    at = start
    for turn in range(2):
        side = proof.asks if turn == 0 else proof.bids
        for i in range(1, min(LEVELS, side.end - side.first) + 1):
            place = side.end - i
            length = side.lengths[place]
            at = put_as_written(at, side.sign * side.keys[place], length & 255, price.decimals, price.multiple, False)
            at = put_as_written(at, side.lots[place], length >> 8, size.decimals, size.multiple, False)
    return crc32(start, at - start)
