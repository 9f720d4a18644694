"""Logs of a run: merged in time order, whatever is killed; senders and the supervisor never wait."""

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from procs.errors import OperatorError
from procs.log_files import LogMerger, format_text, read_text
from procs.log_queue import LogLine, LogQueues, _enter_gate, decode_line, encode_line
from procs.logs import MESSAGE_BYTES_MAX, Collector, attach_logging, detach_logging

log = logging.getLogger("trader")


@pytest.fixture
def queues() -> LogQueues:
    return LogQueues.create(["feed", "book"])


@pytest.fixture
def collector(queues: LogQueues, tmp_path: Path) -> Iterator[Collector]:
    running = Collector(queues, tmp_path / "log.jsonl")
    running.start()
    yield running
    running.stop(2.0)


def forked(queues: LogQueues, name: str, body: Callable[[], None]) -> int:
    """A child process that logs under a name."""
    pid = os.fork()
    if pid == 0:
        try:
            attach_logging(queues.of(name), name)
            body()
        finally:
            os._exit(0)
    return pid


def lines_of(path: Path) -> list[LogLine]:
    return [decode_line(line) for line in path.read_bytes().splitlines()]


def test_one_file_holds_every_process_in_time_order(queues: LogQueues, collector: Collector) -> None:
    def body() -> None:
        for number in range(200):
            log.info("number %d", number)
            time.sleep(0.0005)

    pids = [forked(queues, name, body) for name in ("feed", "book")]
    for number in range(50):
        log.warning("here %d", number)
        time.sleep(0.002)
    for pid in pids:
        os.waitpid(pid, 0)

    assert collector.stop(5.0)

    lines = lines_of(collector.path)
    times = [line.time_ns for line in lines]
    assert times == sorted(times)
    for name, count in (("feed", 200), ("book", 200), ("supervisor", 50)):
        messages = [line.message for line in lines if line.process == name]
        assert [int(message.split()[-1]) for message in messages] == list(range(count))


def test_a_line_is_json_with_time_process_level_and_message(collector: Collector) -> None:
    log.error("the exchange said %s", "no")

    collector.stop(5.0)

    row = json.loads(collector.path.read_text())
    assert abs(row.pop("time_ns") - time.monotonic_ns()) < 10**10
    assert abs(row.pop("wall_ns") - time.time_ns()) < 10**10
    assert row == {"process": "supervisor", "level": "ERROR", "message": "the exchange said no", "logger": "trader"}
    (text,) = read_text(collector.path)
    assert text.endswith("ERROR   supervisor  the exchange said no")


def test_an_exception_is_logged_with_its_traceback(collector: Collector) -> None:
    try:
        raise ValueError("seven")
    except ValueError:
        log.exception("the step failed")

    collector.stop(5.0)

    (line,) = lines_of(collector.path)
    assert line.message.startswith("the step failed\nTraceback") and line.message.endswith("ValueError: seven")


def test_a_sender_killed_in_mid_run_costs_nothing_that_others_said(queues: LogQueues, collector: Collector) -> None:
    def shout() -> None:
        while True:
            log.info("x" * 2_000)

    for _ in range(5):
        pid = forked(queues, "feed", shout)
        time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    log.info("still here")

    assert collector.stop(5.0)

    assert "still here" in [line.message for line in lines_of(collector.path)]


def test_a_killed_collector_neither_blocks_senders_nor_the_supervisor(queues: LogQueues, tmp_path: Path) -> None:
    collector = Collector(queues, tmp_path / "log.jsonl")
    collector.start()
    os.kill(collector.pid, signal.SIGKILL)
    handler = attach_logging(queues.of("feed"), "feed")
    began_s = time.monotonic()
    for _ in range(5_000):
        log.info("nobody takes this: %s", "x" * 100)

    assert handler.lost > 0
    assert time.monotonic() - began_s < 5.0
    detach_logging(handler)
    assert collector.stop(1.0)


def test_a_collector_killed_inside_a_queue_costs_records_and_no_time(queues: LogQueues) -> None:
    _enter_gate(queues.of("feed")._gate)  # what a reader leaves behind that is killed between enter and leave
    handler = attach_logging(queues.of("feed"), "feed")
    began_s = time.monotonic()
    for _ in range(200):
        log.info("no way through")

    assert handler.lost == 200
    assert time.monotonic() - began_s < 1.0
    assert queues.take() == []
    detach_logging(handler)


def test_a_stopped_collector_is_killed_after_the_timeout(queues: LogQueues, tmp_path: Path) -> None:
    collector = Collector(queues, tmp_path / "log.jsonl")
    collector.start()
    pid = collector.pid
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()

    assert not collector.stop(0.3)

    assert time.monotonic() - began_s < 2.0
    assert not psutil.pid_exists(pid)


def test_the_collector_ends_when_its_parent_is_killed(queues: LogQueues, tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    parent = os.fork()
    if parent == 0:
        collector = Collector(queues, tmp_path / "log.jsonl")
        collector.start()
        log.info("last words")
        os.write(theirs, str(collector.pid).encode())
        time.sleep(60)
    os.close(theirs)
    pid = int(os.read(ours, 20))
    os.close(ours)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    end_s = time.monotonic() + 5.0
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end_s:
        time.sleep(0.01)

    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert [line.message for line in lines_of(tmp_path / "log.jsonl")] == ["last words"]


def test_the_collector_keeps_no_descriptor_of_its_parent(queues: LogQueues, tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    collector = Collector(queues, tmp_path / "log.jsonl")
    collector.start()
    os.close(theirs)
    time.sleep(0.2)

    os.set_blocking(ours, False)
    assert os.read(ours, 1) == b""  # the other end is closed everywhere
    os.close(ours)
    collector.stop(2.0)


def test_what_found_no_room_is_counted_on_the_next_record(queues: LogQueues) -> None:
    handler = attach_logging(queues.of("feed"), "feed")
    while handler.lost < 10:
        log.info("x" * 1_000)
    queues.take()
    log.info("there is room again")
    detach_logging(handler)

    (line,) = queues.take()
    assert line.lost == 10
    assert format_text(encode_line(line)).endswith("(10 lost before)")


def test_a_huge_message_is_cut_and_says_so(queues: LogQueues) -> None:
    handler = attach_logging(queues.of("feed"), "feed")
    log.info("\u00e9" * 20_000)
    detach_logging(handler)

    (line,) = queues.take()
    assert len(line.message.encode()) <= MESSAGE_BYTES_MAX and line.message.endswith(" [cut]")


def test_a_child_logs_under_its_own_name_only(queues: LogQueues) -> None:
    attach_logging(queues.of("feed"), "feed")
    handler = attach_logging(queues.of("book"), "book")
    log.info("once")
    detach_logging(handler)

    assert [line.process for line in queues.take()] == ["book"]


def test_a_full_file_says_so_in_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with path.open("wb", buffering=0) as file:
        merger = LogMerger(file.fileno(), bytes_max=500)
        merger.add([LogLine(number, "feed", "INFO", "x" * 40) for number in range(100)])
        merger.write(-1)

    assert lines_of(path)[-1].message == "the log is full; what follows is lost"
    assert len(path.read_bytes()) < 700


def test_records_wait_for_older_ones_of_others(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with path.open("wb", buffering=0) as file:
        merger = LogMerger(file.fileno())
        merger.add([LogLine(300, "feed", "INFO", "third"), LogLine(100, "feed", "INFO", "first")])
        merger.write(150)
        merger.add([LogLine(200, "book", "INFO", "second")])
        merger.write(-1)

    assert [line.message for line in lines_of(path)] == ["first", "second", "third"]


def test_a_torn_line_is_shown_as_it_is() -> None:
    assert format_text(b'{"time_ns":12,"proc\n') == '{"time_ns":12,"proc'


def test_a_log_that_cannot_be_written_is_an_operator_error(queues: LogQueues, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"log: found .*allowed a writable file"):
        Collector(queues, tmp_path / "absent" / "log.jsonl").start()
