"""The measured loop of the parsing rows: frames scanned one after the other, compiled."""

from shm.clock import read_clock
from shm.kernel import kernel, load_i64
from trader.venues.binance.market import scan as scan_binance

BATCH = 64


@kernel
def scan_binance_frames(scanner, table, count, clock, samples, kind):
    """Scan `count` frames whose (address, length) pairs stand at `table`; samples[i] is the mean ns of a batch.

    Returns (bytes of the frames that were of this kind, levels found in them).
    """
    taken, levels = 0, 0
    for batch in range(len(samples)):
        first = batch * BATCH
        last = min(count, first + BATCH)
        start_ns = read_clock(clock)
        for i in range(first, last):
            length = load_i64(table + 16 * i + 8)
            if scan_binance(scanner, load_i64(table + 16 * i), length) == kind:
                taken += length
                levels += scanner.bid_count + scanner.ask_count
        samples[batch] = (read_clock(clock) - start_ns) / (last - first)
    return taken, levels
