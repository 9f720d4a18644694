"""A recording decoded once: its frames in numbers (trader.decoded), in a file that later backtests map into memory.

    0        8         4096
    +--------+---------+-------------------------------------------------- - -
    | length |  JSON   |  DECODED, DECODED, ...   each begins at a multiple of 8
    +--------+---------+-------------------------------------------------- - -

The JSON says what is inside (Contents). Where it is kept, and for how long: procs.kept_recordings.
"""

import mmap
from pathlib import Path

import msgspec
import numpy as np

from procs.backtest import batches
from procs.config import RunConfig
from procs.decoding_kernels import DECODER, decode_lines
from procs.exchange_market import exchange_instruments, told_instruments
from procs.kept_recordings import new_kept, recording_file
from procs.recorded_market import RecordedMarket
from shm.kernel import address_of_array, new_record
from trader.decoded import HEAD_BYTES
from trader.venues.markets import market_named
from trader.venues.scanner import prepare_scanner

CONTENTS_BYTES = 4096
FORMAT = "trader.decoded 1"


class Contents(msgspec.Struct, frozen=True):
    """What a file holds, in `size` bytes. `rows`: changed levels, quotes, trades; `texts`: frames that stayed text."""

    size: int
    frames: int
    rows: int
    texts: int
    first_ns: int
    format: str = FORMAT


class DecodedMarket:
    """The frames of one file, mapped. `begin`, `end`: addresses of the first DECODED and behind the last; `words`: all
    between, int64."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where there is no such file, ValueError where it is something else or cut short."""
        self.path = path
        with path.open("rb") as file:
            # A private mapping: numpy asks for memory that could be written.
            self._bytes = np.frombuffer(mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE), dtype=np.uint8)
        length = int(self._bytes[:8].view(np.int64)[0]) if len(self._bytes) >= CONTENTS_BYTES else -1
        if not 0 < length <= CONTENTS_BYTES - 8:
            raise ValueError(f"decoded recording {path}: found no contents, allowed a file of this format")
        try:
            self.contents = msgspec.json.decode(self._bytes[8 : 8 + length].tobytes(), type=Contents)
        except msgspec.DecodeError as error:
            raise ValueError(f"decoded recording {path}: found {error}, allowed a file of this format") from None
        found = (self.contents.format, len(self._bytes) - CONTENTS_BYTES)
        if found != (FORMAT, self.contents.size):
            raise ValueError(f"decoded recording {path}: found {found}, allowed a file of this format, whole")
        self.words = self._bytes[CONTENTS_BYTES:].view(np.int64)
        self.begin = address_of_array(self._bytes) + CONTENTS_BYTES
        self.end = address_of_array(self._bytes) + len(self._bytes)


def can_be_decoded(config: RunConfig) -> bool:
    """Whether a backtest may play numbers: on a market that is traded, and where no fault is to damage texts."""
    return market_named(config.market).is_traded and not config.exchange.faults.is_active


def decoded_market(config: RunConfig) -> DecodedMarket:
    """The configured recording, decoded now unless the cache has it. Raises RecordingError, OSError."""
    others = config.market, config.symbols, config.units, FORMAT
    path = recording_file(Path(config.replay), "procs.decoding_kernels", ".rows", *others)
    try:
        return DecodedMarket(path)
    except (OSError, ValueError):
        _decode(config, path)
        return DecodedMarket(path)


def _decode(config: RunConfig, path: Path) -> None:
    decoder = new_record(DECODER)
    instruments = exchange_instruments(config)
    decoder[0]["instruments"][: len(instruments)] = instruments
    prepare_scanner(decoder[0]["scanner"], told_instruments(instruments))
    first_ns = 0
    with new_kept(path) as file:
        file.write(bytes(CONTENTS_BYTES))
        for times_ns, offsets, text in batches(RecordedMarket(config.replay)):
            first_ns = first_ns or int(times_ns[0])
            room = np.empty((len(text) + len(times_ns) * (HEAD_BYTES + 8)) // 8 + 1, dtype=np.int64)
            out, at = address_of_array(room), address_of_array(text)
            end = decode_lines(decoder[0], len(times_ns), times_ns, offsets, at, out)
            file.write(room[: (end - out) // 8].tobytes())
        size = file.tell() - CONTENTS_BYTES
        frames, rows, texts = (int(decoder[0][name]) for name in ("frames", "rows", "texts"))
        contents = msgspec.json.encode(Contents(size=size, frames=frames, rows=rows, texts=texts, first_ns=first_ns))
        file.seek(0)
        file.write(np.int64(len(contents)).tobytes() + contents)
