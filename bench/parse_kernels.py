"""The measured loop of the parsing rows: frames scanned one after the other, compiled."""

from shm.clock import read_clock
from shm.kernel import kernel, load_i64
from trader.venues.binance.market import scan as scan_binance
from trader.venues.hyperliquid.market import scan as scan_hyperliquid

BATCH = 64
BINANCE, HYPERLIQUID = range(2)


@kernel
def scan_frames(venue, scanner, table, count, clock, samples, kind):
    """Scan `count` frames whose (address, length) pairs stand at `table`; samples[i] is the mean ns of a batch.

    Returns (bytes of the frames that were of this kind, levels found in them).
    """
    taken, levels = 0, 0
    for batch in range(len(samples)):
        first = batch * BATCH
        last = min(count, first + BATCH)
        start_ns = read_clock(clock)
        for i in range(first, last):
            address, length = load_i64(table + 16 * i), load_i64(table + 16 * i + 8)
            if venue == BINANCE:
                found = scan_binance(scanner, address, length)
            else:
                found = scan_hyperliquid(scanner, address, length)
            if found == kind:
                taken += length
                levels += scanner.bid_count + scanner.ask_count
        samples[batch] = (read_clock(clock) - start_ns) / (last - first)
    return taken, levels
