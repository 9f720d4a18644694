"""Recordings as they are written: whole at any moment, proven afterwards; a run's journal read while it grows."""

import asyncio
import gzip
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.errors import OperatorError
from procs.journal import ROTATE_BELOW_BYTES
from procs.journal_tail import JournalTail
from procs.recorder import HTTP_OK, Recorder, record_run
from procs.recording import Recording
from procs.recording_writer import PIECE_BYTES, RecordingWriter
from procs.settings import load_config
from procs.verify import verify_recording
from tests.procs.one_duty import STAGE, OneDuty, relay_table, trade
from tests.procs.relay_stage import OUT_DENY
from tests.shm.processes import Child
from trader.enums import WireKind
from trader.messages import WireIn

STREAM, REST = 1, 0


def frames(count, size=2_000):
    return [(1_700_000_000_000_000_000 + index, b'{"n":%d,"x":"%s"}' % (index, b"x" * size)) for index in range(count)]


def write_all(writer, lines):
    for receive_ns, payload in lines:
        writer.write(receive_ns, payload)


@pytest.mark.parametrize("name", ["a.gz", "a.txt"])
def test_what_is_written_is_read_back_line_by_line(tmp_path, name):
    writer = RecordingWriter(tmp_path / name)
    written = frames(2_000)
    for receive_ns, payload in written:
        writer.write(receive_ns, payload)
    writer.close()

    assert list(Recording(tmp_path / name)) == written
    assert writer.stored_bytes == (tmp_path / name).stat().st_size
    assert writer.raw_bytes == sum(len(payload) + 21 for _, payload in written)


def test_line_ends_in_a_payload_become_spaces(tmp_path):
    writer = RecordingWriter(tmp_path / "a.gz")
    writer.write(7, memoryview(b'{\r\n "a": 1\n}'))
    writer.close()

    assert list(Recording(tmp_path / "a.gz")) == [(7, b'{   "a": 1 }')]


def test_memory_holds_one_piece_and_a_killed_recorder_leaves_whole_ones(tmp_path):
    path = tmp_path / "a.gz"

    def recorder():
        writer = RecordingWriter(path)
        for receive_ns, payload in frames(2_000):
            writer.write(receive_ns, payload)
            assert len(writer._piece) < PIECE_BYTES + 4_096
        os.kill(os.getpid(), signal.SIGKILL)

    assert Child(recorder).wait() == -signal.SIGKILL
    left = list(Recording(path))
    assert left == frames(2_000)[: len(left)]
    assert 2_000 * 2_020 - PIECE_BYTES < len(left) * 2_020 < 2_000 * 2_020


def test_frames_reach_the_disk_within_a_second_also_when_few_come(tmp_path, monkeypatch):
    writer = RecordingWriter(tmp_path / "a.gz")
    writer.write(1, b"{}")
    writer.flush_when_due()
    assert writer.stored_bytes == 0
    now_s = time.monotonic() + 1.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)

    writer.flush_when_due()

    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"1 {}\n"
    writer.close()


def test_a_full_disk_is_told_and_leaves_whole_pieces(tmp_path):
    path = tmp_path / "a.gz"
    writer = RecordingWriter(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    written = [(index, os.urandom(500).hex().encode()) for index in range(3_000)]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, limits[1]))
        with pytest.raises(OperatorError, match="allowed a disk with room"):
            write_all(writer, written)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    kept = list(Recording(path))
    assert 900 < len(kept) < 3_000
    assert kept == written[: len(kept)]
    writer.close()


def test_an_existing_file_is_never_written_over(tmp_path):
    (tmp_path / "a.gz").write_bytes(b"mine")
    with pytest.raises(OperatorError, match="allowed a name that is not taken"):
        RecordingWriter(tmp_path / "a.gz")
    with pytest.raises(OperatorError, match="allowed a writable folder"):
        RecordingWriter(tmp_path / "none" / "a.gz")

    assert (tmp_path / "a.gz").read_bytes() == b"mine"


@pytest.fixture(scope="module")
def venue_url(tmp_path_factory):
    """Base URL of a running venue."""
    key = str(tmp_path_factory.mktemp("venue") / "venue.key")
    process = subprocess.Popen(
        [sys.executable, "-m", "procs.cli", "venue", "--key", key], stdout=subprocess.PIPE, text=True
    )
    yield next(found.group() for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    process.send_signal(signal.SIGINT)
    process.communicate()


def test_a_recording_of_a_venue_is_proven(tmp_path, venue_url):
    writer = RecordingWriter(tmp_path / "a.gz")
    recorder = Recorder(load_config(None), venue_url, writer)
    check = recorder.stations[1].state[0]["books"][0]["check"]
    give_up_s = time.monotonic() + 30

    asyncio.run(recorder.record(lambda: check["checked"] < 60 and time.monotonic() < give_up_s))
    writer.close()

    result = verify_recording(tmp_path / "a.gz")
    assert result.proven
    assert (result.messages, result.bad_frames) == (writer.frames, 0)
    assert result.checked == check["checked"] >= 60
    assert "LIVE" in recorder.line()
    times = [receive_ns for receive_ns, _ in Recording(tmp_path / "a.gz")]
    assert times == sorted(times)
    assert abs(times[-1] - time.time_ns()) < 60e9


@pytest.mark.slow
def test_a_recording_trades_in_a_replay_and_what_the_replay_received_is_proven_too(tmp_path, venue_url):
    trader = [sys.executable, "-m", "procs.cli"]
    recorded, again, run = tmp_path / "a.gz", tmp_path / "b.gz", tmp_path / "run"
    subprocess.run([*trader, "record", recorded, "--url", venue_url, "--duration", "5s"], check=True)
    environment = {**os.environ, "TRADER_STATE_DIR": str(tmp_path / "state")}
    subprocess.run([*trader, "run", "--replay", recorded, "--out", run], check=True, timeout=120, env=environment)

    subprocess.run([*trader, "record", again, "--run", run], check=True, timeout=60)

    first, second = verify_recording(recorded), verify_recording(again)
    assert first.proven and second.proven
    assert second.checked > first.checked // 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "allowed one of them"),
        (["--url", "http://127.0.0.1:1", "--run", "."], "allowed one of them"),
        (["--run", ".", "--symbol", "BTCUSDT"], "allowed with --url"),
        (["--run", "."], "allowed the folder of a run"),
        (["--url", "http://127.0.0.1:1"], "exchangeInfo failed"),
        (["--url", "http://127.0.0.1:1", "--duration", "5"], "allowed a number with ms, s, m or h"),
    ],
)
def test_mistakes_end_with_2_and_leave_no_file(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["record", "a.gz", *arguments])

    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "a.gz").exists()


def take(duty, number, kind=WireKind.FRAME, connection=STREAM, status=0, payload=b"{}"):
    duty.give("in_wire", WireIn(connection, int(kind), status, payload))
    duty.run(now_ns=1000 + number)


@pytest.mark.usefixtures(relay_table.__name__)
def test_a_journal_is_followed_while_it_grows_and_into_its_next_files(tmp_path):
    duty = OneDuty()
    writer = duty.journal_into(tmp_path, bytes_max=ROTATE_BELOW_BYTES + 4_096)
    tail = JournalTail(tmp_path, STAGE, "in_wire")
    expected, found = [], []
    for number in range(400):
        duty.give("in_wait", trade(number, OUT_DENY, 1))
        take(duty, number, payload=b"%d" % number * (1 + number % 50))
        expected.append(b"%d" % number * (1 + number % 50))
        assert writer.keep_room(5_000 + number)
        if number % 7 == 0:
            found += [message.payload for _, message in tail.read()]
            assert found == expected
    assert len(writer.files) > 2
    assert not tail.closed
    writer.close(9_000)
    found += [message.payload for _, message in tail.read()]

    assert found == expected
    assert tail.closed


@pytest.mark.usefixtures(relay_table.__name__)
def test_a_record_that_stays_damaged_is_named_with_its_offset(tmp_path):
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    for number in range(10):
        take(duty, number)
    tail = JournalTail(tmp_path, STAGE, "in_wire")
    place = tail.place[1]
    writer.close(5)
    with writer.files[0].open("r+b") as file:
        file.seek(place + 40)
        file.write(b"\xff")

    assert [list(tail.read()), list(tail.read())] == [[], []]
    with pytest.raises(OperatorError, match=f"damaged record at offset {place}"):
        list(tail.read())


@pytest.mark.usefixtures(relay_table.__name__)
def test_what_a_runs_feed_has_received_becomes_a_recording(tmp_path, monkeypatch):
    monkeypatch.setattr("procs.recorder.FEED", (STAGE, "in_wire"))
    (tmp_path / "journal").mkdir()
    (tmp_path / "config.json").write_text(json.dumps({"wall_offset_ns": 10**18}))
    duty = OneDuty()
    journal = duty.journal_into(tmp_path / "journal")
    take(duty, 0, WireKind.CONNECTED)
    take(duty, 1, payload=b'{"a":1}')
    take(duty, 2, WireKind.RESPONSE, REST, HTTP_OK, b'{"lastUpdateId":5}')
    take(duty, 3, WireKind.RESPONSE, REST, 429, b'{"code":-1003}')
    take(duty, 4, payload=b'{"a":2}')
    take(duty, 5, WireKind.LOST, status=1006)
    journal.close(9)
    writer = RecordingWriter(tmp_path / "a.gz")

    record_run(tmp_path, writer, duration_s=0, show=lambda line: None)
    writer.close()

    lines = list(Recording(tmp_path / "a.gz"))
    assert [payload for _, payload in lines] == [b'{"a":1}', b'{"lastUpdateId":5}', b'{"a":2}']
    assert all(receive_ns >= 10**18 for receive_ns, _ in lines)
