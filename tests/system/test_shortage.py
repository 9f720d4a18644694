"""Resources that run out: a journal that cannot grow, a full /dev/shm, a full disk. Told, in time, without a crash."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from procs.topology import TRADING
from tests.system.command import ROOT, SHARED_MEMORY
from tests.system.starting import Start

WAIT_S = 30.0
M = 1 << 20

BUSY = """
[journal]
segment_bytes = 8_388_608
[exchange]
events_per_second = 6000
"""
"""A market that fills a journal's smallest file within seconds."""

SMALL_FOLDER = """
mount -t tmpfs -o size={size_bytes} tmpfs {folder} || exit 99
exec {python} -m procs.cli run --duration 1s --out {out}
"""


def test_a_journal_that_cannot_grow_ends_the_trading_and_says_so(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "busy.toml"
    file.write_text(BUSY)
    run = start.run("--config", str(file))
    run.until_quoting()
    limit = 64 << 10
    resource.prlimit(run.seen["feed"].pid, resource.RLIMIT_FSIZE, (limit, limit))
    code = run.wait(WAIT_S)

    assert code == 1, run.said
    assert run.result["problems"][0].startswith("stage feed: an outbox or a journal that must not lose was full")
    assert run.result["open_orders"]["venue"] == 0
    assert run.segments() == []
    log = [msgspec.json.decode(line) for line in (run.out / "log.jsonl").read_bytes().splitlines()]
    told = [line["message"] for line in log if line["level"] == "ERROR"]
    assert any("feed.0001.journal: File too large; no new orders" in message for message in told), told
    replay = start.command("replay", str(run.out))
    assert replay.wait(WAIT_S) == 0, replay.said


def test_journals_that_grow_are_followed_by_the_next_and_replay_as_one(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "busy.toml"
    file.write_text(BUSY)
    run = start.run("--config", str(file))
    run.until_quoting()
    run.until(lambda: (run.out / "journal" / "feed.0001.journal").exists(), WAIT_S, "a second file")
    run.signal(signal.SIGINT)

    assert run.wait(WAIT_S) == 0, run.said
    replay = start.command("replay", str(run.out))
    assert replay.wait(WAIT_S) == 0, replay.said


def test_no_journal_at_the_start_is_told_with_its_stage(start: Start) -> None:
    run = start.run(limits={resource.RLIMIT_FSIZE: 40 * M})

    assert run.wait(WAIT_S) == 1, run.said
    assert run.result["problems"][0].startswith("stage ")
    assert any(f"{stage}.0000.journal: File too large" in run.said for stage in TRADING), run.said
    assert run.segments() == []


def test_a_segment_that_cannot_be_had_is_an_operators_error(start: Start) -> None:
    run = start.run(limits={resource.RLIMIT_FSIZE: 1 * M})

    assert run.wait(WAIT_S) == 2, run.said
    assert f"bytes cannot be had in {SHARED_MEMORY}: File too large" in run.said
    assert "Traceback" not in run.said
    assert run.segments() == []


def in_small_folder(folder: Path, size_bytes: int, out: Path) -> subprocess.CompletedProcess[str]:
    """A run in a mount namespace of its own where `folder` is a small tmpfs; skips where that is not allowed."""
    script = SMALL_FOLDER.format(size_bytes=size_bytes, folder=folder, python=sys.executable, out=out)
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S * 4)
    except FileNotFoundError:
        pytest.skip("this host has no unshare")
    if done.returncode == 99 or "unshare:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    return done


def test_a_full_shared_memory_is_an_operators_error_and_no_bus_error(kernels: None, tmp_path: Path) -> None:
    done = in_small_folder(SHARED_MEMORY, 2 * M, tmp_path / "out")

    assert done.returncode == 2, done.stdout + done.stderr
    assert f"bytes cannot be had in {SHARED_MEMORY}: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_at_the_start_is_told(kernels: None, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    done = in_small_folder(folder, 100 * M, folder / "out")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "journal: No space left on device" in done.stdout + done.stderr
