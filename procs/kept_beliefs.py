"""What the volatility stage has learned, in a file a symbol: the next start, or a replaced stage, goes on from it.

    state_dir/volatility-BTCUSDT

    0        16            20           20 + n                   end - 4
    +--------+-------------+------------+------------------------+---------------+
    | MAGIC  | n, uint32 LE| KeptHeader | what the stage learned | CRC-32, LE    |
    +--------+-------------+ JSON       +------------------------+ of all before +
                           +------------+

A file is written whole or not at all, while the stage goes on: every `keep_every_s` seconds and at an orderly stop, of
symbols whose estimate is warm. One that is damaged, of another version, layout, symbol or setting, or too old is
refused with a line in the log, and that symbol begins with the prior, wide, as without a file. The filter is let run
through the windows that have passed meanwhile; quotes wait for the first new window all the same.
"""

import logging
import re
import threading
import time
import zlib

import msgspec
import numpy as np

from procs import volatility_state
from procs.config import RunConfig
from procs.errors import OperatorError
from procs.state_dir import StateDir, state_dir_of
from trader.volatility.config import VolatilityConfig

MAGIC = b"trader belief\r\n\0"
VERSION = 1
IDLE_WINDOWS_MAX = 4_000
"""Windows for which a filter runs on after a pause; after so many little is left to change."""

KEEPING = ("keep", "keep_every_s", "kept_age_s_max")
"""Knobs that say nothing of what is learned."""

log = logging.getLogger("trader.volatility")


class KeptHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself. `saved_ns`: since 1970; `settings`: [volatility] but for the keeping itself."""

    version: int
    symbol: str
    saved_ns: int
    layout: str
    settings: str


class KeptError(Exception):
    """A file that is not used; the message says what was found and what is allowed."""


def file_name(symbol: str) -> str:
    """Of a symbol's file in the state folder."""
    return f"volatility-{symbol}"


def settings_of(config: VolatilityConfig) -> str:
    """The settings that what was learned depends on."""
    values = msgspec.structs.asdict(config)
    return msgspec.json.encode({key: values[key] for key in sorted(values) if key not in KEEPING}).decode()


def pack(symbol: str, config: VolatilityConfig, learned: bytes, saved_ns: int) -> bytes:
    """A file's content."""
    header = KeptHeader(
        version=VERSION,
        symbol=symbol,
        saved_ns=saved_ns,
        layout=volatility_state.LEARNED_LAYOUT,
        settings=settings_of(config),
    )
    text = msgspec.json.encode(header)
    body = b"".join((MAGIC, len(text).to_bytes(4, "little"), text, learned))
    return body + zlib.crc32(body).to_bytes(4, "little")


def unpack(content: bytes, symbol: str, config: VolatilityConfig, now_ns: int) -> tuple[bytes, float]:
    """(what was learned, its age in seconds). Raises KeptError."""
    if content[:16] != MAGIC:
        raise KeptError("found something else, allowed a file that a volatility stage has written")
    if len(content) < 24 or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        raise KeptError(f"found {len(content)} bytes whose checksum does not agree, allowed an undamaged file")
    end = 20 + int.from_bytes(content[16:20], "little")
    try:
        header = msgspec.json.decode(content[20:end], type=KeptHeader)
    except msgspec.DecodeError as error:
        raise KeptError(f"found a header that says too little ({error}), allowed version {VERSION}") from None
    expected = (
        ("version", header.version, VERSION),
        ("symbol", header.symbol, symbol),
        ("layout", header.layout, volatility_state.LEARNED_LAYOUT),
        ("settings", header.settings, settings_of(config)),
    )
    for name, found, allowed in expected:
        if found != allowed:
            raise KeptError(f"found {name} {found}, allowed {allowed}")
    age_s = (now_ns - header.saved_ns) / 1e9
    if not -1.0 <= age_s <= config.kept_age_s_max:
        raise KeptError(f"found an age of {age_s:.0f} s, allowed {config.kept_age_s_max:g} (volatility.kept_age_s_max)")
    return content[end:-4], max(age_s, 0.0)


class KeptBeliefs:
    """The files of one run's symbols, and the state that they are made of."""

    def __init__(self, folder: StateDir, config: VolatilityConfig, symbols: tuple[str, ...], state: np.ndarray) -> None:
        self.folder = folder
        self.config = config
        self.symbols = symbols
        self.state = state
        self.next_s = time.monotonic() + config.keep_every_s
        self.writer: threading.Thread | None = None
        self.failure = ""

    def restore(self) -> list[str]:
        """Put back what files there are, into a state that has just been started; returns the symbols put back."""
        found = []
        for index, symbol in enumerate(self.symbols):
            path = self.folder.path / file_name(symbol)
            try:
                learned, age_s = unpack(path.read_bytes(), symbol, self.config, time.time_ns())
                idle = min(int(age_s * 1_000 / self.config.window_ms), IDLE_WINDOWS_MAX)
                volatility_state.resume(self.state, index, learned, idle)
            except FileNotFoundError:
                continue
            except (KeptError, OSError, ValueError) as error:
                log.warning("%s: %s; the estimate begins with its prior", path, error)
                continue
            log.info("%s: the estimate goes on from what was learned %.0f s ago", symbol, age_s)
            found.append(symbol)
        return found

    def look(self) -> None:
        """Save if it is time; called between two slices of the stage. The files are written beside it."""
        if time.monotonic() < self.next_s or (self.writer is not None and self.writer.is_alive()):
            return
        self.next_s = time.monotonic() + self.config.keep_every_s
        self.writer = threading.Thread(target=self._write, args=(self._contents(),), daemon=True)
        self.writer.start()

    def close(self) -> None:
        """Save for the last time, and wait for it."""
        if self.writer is not None:
            self.writer.join()
        self._write(self._contents())

    def _contents(self) -> dict[str, bytes]:
        now_ns = time.time_ns()
        return {
            symbol: pack(symbol, self.config, volatility_state.learned(self.state, index), now_ns)
            for index, symbol in enumerate(self.symbols)
            if volatility_state.is_warm(self.state, index)
        }

    def _write(self, contents: dict[str, bytes]) -> None:
        try:
            for symbol, content in contents.items():
                self.folder.write(file_name(symbol), content)
            self.failure = ""
        except OSError as error:
            if not self.failure:
                log.warning("state_dir: what was learned cannot be kept in '%s' (%s)", self.folder.path, error.strerror)
            self.failure = error.strerror or "unknown"


def keep_learned(config: RunConfig, symbol: str, state: np.ndarray) -> str:
    """Keep what a stage learned elsewhere, such as from a recording, as a symbol's; returns what was done, in words.

    `state`: of one symbol; empty: there is none. Raises OperatorError where nothing was learned, or it cannot be kept.
    """
    if not len(state):
        raise OperatorError("--keep: found a table, allowed a recording: its windows are those of [volatility]")
    if not re.fullmatch(r"[A-Z0-9]{2,24}", symbol):
        raise OperatorError(f"--keep: found '{symbol}', allowed 2 to 24 capital letters and digits")
    if not volatility_state.is_warm(state, 0):
        found = int(state[0]["estimators"][0]["window_count"])
        raise OperatorError(f"--keep: found {found} windows, allowed {config.volatility.warm_windows} or more")
    folder = StateDir(state_dir_of(config))
    content = pack(symbol, config.volatility, volatility_state.learned(state, 0), time.time_ns())
    try:
        folder.write(file_name(symbol), content)
    except OSError as error:
        raise OperatorError(f"state_dir: found '{folder.path}' ({error.strerror}), allowed a writable folder") from None
    return f"{folder.path / file_name(symbol)}: the next run of {symbol} goes on from this"
