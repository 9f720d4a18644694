"""Recordings: what is read from a file, and when it is sent on, by a clock that only the pump moves."""

import asyncio
import gzip
import os
from itertools import islice
from pathlib import Path

import pytest

from procs.pacing import BATCH_LINES_MAX, NAP_NS_MAX, NAP_NS_MIN, pump
from procs.recording import CHUNK_BYTES, Recording, RecordingError

MS = 1_000_000
START_NS = 1_723_161_256_000_000_000
DATA = Path(os.environ.get("TRADER_DATA", "../shared/data"))


def record(path, lines):
    text = b"".join(b"%d %s\n" % line for line in lines)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


class Clock:
    """Moves only when someone sleeps; a sleep may be served late."""

    def __init__(self, late_ns=0):
        self.now_ns = 5_000
        self.late_ns = late_ns
        self.naps_ns = []

    def read(self):
        return self.now_ns

    async def sleep(self, delay_s):
        self.naps_ns.append(round(delay_s * 1e9))
        self.now_ns += round(delay_s * 1e9) + self.late_ns * (delay_s > 0)
        await asyncio.sleep(0)


def play(recording, speed, clock, *, writable=None, stop=None, on_emit=None):
    """Pump all out; return (ns since the start, receive_ns) of each line."""
    start_ns = clock.now_ns
    sent = []

    async def scenario():
        def emit(payload, receive_ns):
            sent.append((clock.now_ns - start_ns, receive_ns))
            if on_emit is not None:
                on_emit(len(sent))

        open_brake = asyncio.Event()
        open_brake.set()
        brake, end = writable or open_brake, stop or asyncio.Event()
        return await pump(recording, speed, emit, brake, end, clock_ns=clock.read, sleep=clock.sleep)

    assert asyncio.run(scenario()) == len(sent)
    return sent


@pytest.mark.parametrize("name", ["r.txt", "r.gz"])
def test_lines_are_read_as_they_stand_in_plain_and_packed_files(tmp_path, name):
    lines = [(START_NS + number, b'{"a": [%d, "%s"]}' % (number, b"x" * (number % 900))) for number in range(3_000)]
    recording = Recording(record(tmp_path / name, lines))

    assert sum(len(payload) for _, payload in lines) > 3 * CHUNK_BYTES
    assert list(recording) == lines
    assert list(recording) == lines  # afresh
    assert recording.line_count == 3_000
    assert recording.fraction_read == 1.0


def test_last_line_needs_no_newline_and_blank_lines_are_passed_over(tmp_path):
    (tmp_path / "r").write_bytes(b'1 {"a":1}\n\n \n2 {"b":2}')
    recording = Recording(tmp_path / "r")

    assert list(recording) == [(1, b'{"a":1}'), (2, b'{"b":2}')]
    assert recording.line_count == 4


def test_joined_gz_files_are_one_recording(tmp_path):
    (tmp_path / "r.gz").write_bytes(gzip.compress(b"1 {}\n") + gzip.compress(b"2 {}\n"))

    assert [receive_ns for receive_ns, _ in Recording(tmp_path / "r.gz")] == [1, 2]


def test_progress_grows_with_what_was_read(tmp_path):
    noise = os.urandom(600_000).hex().encode()
    recording = Recording(record(tmp_path / "r.gz", [(number, noise) for number in range(10)]))
    shares = [recording.fraction_read for _ in recording]

    assert 0 < shares[0] < 0.5
    assert shares == sorted(shares)
    assert recording.fraction_read == 1.0


@pytest.mark.parametrize("line", [b"{}", b"12x {}", b"-5 {}", b"12", b"12 ", b" {}", b"99999999999999999999 {}"])
def test_malformed_line_is_named(tmp_path, line):
    (tmp_path / "r").write_bytes(b"1 {}\n2 {}\n" + line + b"\n4 {}\n")

    with pytest.raises(RecordingError, match=r"r, line 3: found .*, allowed `<receive ns> <json>`"):
        list(Recording(tmp_path / "r"))


def test_truncated_and_damaged_archives_are_told(tmp_path):
    whole = gzip.compress(b"".join(b"%d %s\n" % (number, os.urandom(50).hex().encode()) for number in range(20_000)))
    (tmp_path / "short.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "damaged.gz").write_bytes(whole[:900_000] + b"\x00" * 5_000 + whole[905_000:])
    (tmp_path / "stub.gz").write_bytes(whole[:8])

    with pytest.raises(RecordingError, match=r"short\.gz, line \d+: .*allowed: an intact file"):
        list(Recording(tmp_path / "short.gz"))
    with pytest.raises(RecordingError, match=r"damaged\.gz, line \d+: "):  # unpacked to nonsense, or not at all
        list(Recording(tmp_path / "damaged.gz"))
    with pytest.raises(RecordingError, match=r"stub\.gz: "):
        Recording(tmp_path / "stub.gz")
    with pytest.raises(RecordingError, match=r"none\.gz: No such file or directory; allowed: a file of"):
        Recording(tmp_path / "none.gz")


@pytest.mark.parametrize("speed", [1, 4, 0.5])
def test_lines_go_out_at_the_recorded_pace_times_speed(tmp_path, speed):
    offsets_ms = [0, 0, 7, 8, 300, 300, 1_000]
    recording = Recording(record(tmp_path / "r", [(START_NS + offset * MS, b"{}") for offset in offsets_ms]))
    clock = Clock()
    sent = play(recording, speed, clock)

    for (at_ns, _), offset_ms in zip(sent, offsets_ms, strict=True):
        assert 0 <= at_ns - offset_ms * MS / speed < NAP_NS_MIN
    assert max(clock.naps_ns) <= NAP_NS_MAX


def test_late_timers_are_caught_up_and_never_add_up(tmp_path):
    lines = [(START_NS + number * MS, b"{}") for number in range(2_000)]
    sent = play(Recording(record(tmp_path / "r", lines)), 10, Clock(late_ns=3 * MS))

    lateness_ns = [at_ns - (receive_ns - START_NS) // 10 for at_ns, receive_ns in sent]
    assert min(lateness_ns) >= 0
    assert max(lateness_ns) <= 4 * MS


def test_burst_is_sent_in_bounded_batches(tmp_path):
    recording = Recording(record(tmp_path / "r", [(START_NS, b"{}")] * (10 * BATCH_LINES_MAX)))

    for speed in (0, 1):
        clock = Clock()
        sent = play(recording, speed, clock)
        assert len(sent) == 10 * BATCH_LINES_MAX
        assert clock.naps_ns == [0] * 9


def test_receive_times_that_step_back_go_out_at_once_and_in_order(tmp_path):
    lines = [(START_NS + offset * MS, b"{}") for offset in (0, 50, 20, 60)]
    sent = play(Recording(record(tmp_path / "r", lines)), 1, Clock())

    assert [receive_ns for _, receive_ns in sent] == [receive_ns for receive_ns, _ in lines]
    assert [at_ns // MS for at_ns, _ in sent] == [0, 50, 50, 60]


def test_speed_zero_never_waits(tmp_path):
    lines = [(START_NS + number * 1_000 * MS, b"{}") for number in range(50)]
    clock = Clock()

    assert len(play(Recording(record(tmp_path / "r", lines)), 0, clock)) == 50
    assert clock.now_ns == 5_000


def test_stop_ends_a_long_wait_and_a_braked_pump(tmp_path):
    recording = Recording(record(tmp_path / "r", [(START_NS, b"{}"), (START_NS + 3_600_000 * MS, b"{}")]))
    stop = asyncio.Event()
    clock = Clock()
    assert len(play(recording, 1, clock, stop=stop, on_emit=lambda count: stop.set())) == 1
    assert clock.now_ns == 5_000

    async def braked():
        end = asyncio.Event()
        asyncio.get_running_loop().call_later(0.005, end.set)
        return await pump(recording, 0, lambda payload, receive_ns: None, asyncio.Event(), end)

    assert asyncio.run(braked()) == 0


def test_pump_waits_while_a_consumer_is_behind(tmp_path):
    recording = Recording(record(tmp_path / "r", [(START_NS, b"{}")] * 10))
    brake = asyncio.Event()
    brake.set()
    sent = []

    async def scenario():
        def emit(payload, receive_ns):
            sent.append(len(sent))
            if len(sent) == 5:
                brake.clear()
                asyncio.get_running_loop().call_later(0.005, release)

        def release():
            sent.append("released")
            brake.set()

        await pump(recording, 0, emit, brake, asyncio.Event())

    asyncio.run(scenario())
    assert sent == [0, 1, 2, 3, 4, "released", 6, 7, 8, 9, 10]


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf")])
def test_impossible_speed_is_refused(tmp_path, speed):
    recording = Recording(record(tmp_path / "r", [(1, b"{}")]))

    with pytest.raises(ValueError, match=r"speed: found .*, allowed 0"):
        play(recording, speed, Clock())


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data: TRADER_DATA={DATA} is absent")
def test_recorded_market_has_the_lines_that_its_manifest_tells():
    recording = Recording(DATA / "binance" / "usdm_btcusdt_20240808.gz")
    first = next(iter(recording))

    assert recording.line_count == 93_954
    assert first[1][:1] == b"{"
    assert len(list(islice(recording, 1_000))) == 1_000
