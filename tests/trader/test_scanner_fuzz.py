"""Every scanner under a compiled mutator: damaged frames are scanned soundly, the same wherever they stand."""

import os
import subprocess
import sys

import numpy as np
import psutil
import pytest

from shm.kernel import address_of_array, new_record
from tests.trader.guarded_bytes import GuardedBytes
from tests.trader.market_frames import depth, frame_of, instruments, snapshot, ticker, trade
from tests.trader.scanner_fuzz import ENTRIES, FUZZ, careless_entry, fuzz, place_telling_entry
from tests.trader.venue_frames import FRAMES
from tests.trader.venue_reference import SYMBOLS
from trader.venues.json_bytes import Fault
from trader.venues.scanner import MarketKind, prepare_scanner

SEED = 7
QUICK, SLOW = 100_000, 10_000_000

BINANCE = [
    depth([("61800.20", "2.5"), ("1000", "0.000")], [("61800.30", "0.001"), ("99999.9", "123456.789")], first=5),
    depth([("61800.20", "2.5")] * 12, []),
    depth([(f"{61800 - i}.20", f"{i * i % 13}.{100 + i}") for i in range(15)], [("61800.30", "0.001")] * 4),
    ticker("61800.20", "2.507", "61800.3", "2.51", update_id=5123107839020, event_ms=1723161256313),
    trade("61800.30", "0.006", maker=True, trade_id=5266583935),
    snapshot([("61800.20", "2.909")] * 3, [("61800.30", "1.0")], last=5123107852948),
    b'{"code":-1121,"msg":"Invalid symbol."}',
    frame_of({"e": "markPriceUpdate", "s": "BTCUSDT", "p": "61800.12345678", "i": [1, {"x": None}]}, "m"),
]
CORPUS = {"binance": BINANCE, **FRAMES}
NAMES = {"binance": ("BTCUSDT",), **SYMBOLS}


class Fuzzer:
    """One venue's scanner, its corpus, and guarded bytes to put damaged frames into."""

    def __init__(self, venue: str) -> None:
        self.record = new_record(FUZZ)
        own = self.record[0]
        frames = CORPUS[venue]
        self.corpus = np.frombuffer(b"".join(frames), dtype=np.uint8)
        self.guarded = GuardedBytes(pages=16)
        own["corpus"] = address_of_array(self.corpus)
        own["start"], own["size"] = self.guarded.start, self.guarded.size
        own["frame_count"] = len(frames)
        own["lengths"][: len(frames)] = [len(frame) for frame in frames]
        own["offsets"][: len(frames)] = np.cumsum([0, *(len(frame) for frame in frames[:-1])])
        decimals = (1, 3) if venue == "binance" else (2, 8)
        rows = instruments(*NAMES[venue], price=(decimals[0], 1), size=(decimals[1], 1))
        prepare_scanner(own["scanner"], rows)
        self.entry = ENTRIES[venue].address

    def run(self, count: int, *, first: int = 0) -> None:
        """Scan `count` inputs; fails with the first one that broke a promise."""
        own = self.record[0]
        done = fuzz(own, self.entry, SEED, first, count)
        text = bytes(own["work"][: int(own["length"])])
        assert done == count, f"promise {int(own['broken'])}, input {int(own['broken_input'])}: {text!r}"


@pytest.mark.parametrize("venue", list(CORPUS))
def test_a_hundred_thousand_damaged_frames_are_scanned_soundly(venue):
    fuzzer = Fuzzer(venue)
    fuzzer.run(QUICK)
    kinds = fuzzer.record[0]["kinds"]
    assert kinds.sum() == QUICK
    assert kinds[MarketKind.BAD + 1] > QUICK // 3, "most changes do harm"
    assert min(kinds[kind + 1] for kind in (MarketKind.OTHER, MarketKind.SNAPSHOT, MarketKind.TRADE)) > 100
    met = {Fault(code) for code in np.flatnonzero(fuzzer.record[0]["faults"])}
    assert met >= set(Fault) - {Fault.TOO_LONG, Fault.TOO_MANY_LEVELS}, "every fault was met that small frames can have"


def test_an_input_is_found_again_by_its_number():
    fuzzer = Fuzzer("okx")
    fuzzer.run(100)
    last = bytes(fuzzer.record[0]["work"][: int(fuzzer.record[0]["length"])])
    again = Fuzzer("okx")
    again.run(1, first=99)
    assert last == bytes(again.record[0]["work"][: int(again.record[0]["length"])])


@pytest.mark.parametrize(("entry", "promise"), [(place_telling_entry, 9), (careless_entry, 1)])
def test_a_scanner_that_reads_or_writes_beyond_its_bounds_is_noticed(entry, promise):
    fuzzer = Fuzzer("okx")
    fuzzer.entry = entry.address
    with pytest.raises(AssertionError, match=f"promise {promise}"):
        fuzzer.run(1_000)


@pytest.mark.slow
@pytest.mark.parametrize("venue", list(CORPUS))
def test_ten_million_damaged_frames_are_scanned_soundly_and_memory_stays_flat(venue):
    fuzzer = Fuzzer(venue)
    fuzzer.run(QUICK)
    before = psutil.Process().memory_info().rss
    fuzzer.run(SLOW, first=QUICK)
    assert psutil.Process().memory_info().rss - before < 1 << 20


CHECKED_RUN = """
import numpy as np
from tests.trader.scanner_fuzz import beyond
from tests.trader.test_scanner_fuzz import CORPUS, Fuzzer

try:
    beyond(np.zeros(3), 3)
    raise SystemExit("bounds are not checked")
except IndexError:
    pass
for venue in CORPUS:
    Fuzzer(venue).run(100_000)
print("sound")
"""


@pytest.mark.slow
def test_with_bounds_checks_on_nothing_is_out_of_bounds(tmp_path):
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "TRADER_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    run = subprocess.run([sys.executable, "-c", CHECKED_RUN], env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "sound\n", "")
