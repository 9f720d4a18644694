"""OKX's checksum: the signed CRC-32 of the top 25 levels, bids and asks by turns, numbers as the venue wrote them.

bidpx:bidsz:askpx:asksz:bidpx:bidsz:..      where one side is shorter, the other goes on alone
"""

from shm.kernel import inlined, kernel, store_u8
from trader.compile_hints import never_inlined
from trader.venues.crc32 import crc32
from trader.venues.number_text import put_as_written

LEVELS = 25
_COLON = ord(":")


@inlined
def _put_level(at, side, place, scale):
    length = side.lengths[place]
    price, size = scale.price, scale.size
    at = put_as_written(at, side.sign * side.keys[place], length & 255, price.decimals, price.multiple, True)
    store_u8(at, _COLON)
    at = put_as_written(at + 1, side.lots[place], length >> 8, size.decimals, size.multiple, True)
    store_u8(at, _COLON)
    return at + 1


@kernel
def checksum(proof, scale):
    """The checksum of a PROOF's top levels, 0 to 2 ** 32 - 1; the venue writes it signed."""
    never_inlined()
    start = proof.text.ctypes.data
    at = start
    bids, asks = proof.bids, proof.asks
    for i in range(1, LEVELS + 1):
        if bids.end - i >= bids.first:
            at = _put_level(at, bids, bids.end - i, scale)
        if asks.end - i >= asks.first:
            at = _put_level(at, asks, asks.end - i, scale)
    return crc32(start, max(at - start - 1, 0))
