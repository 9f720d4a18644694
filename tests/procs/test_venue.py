"""`trader venue`: the simulated exchange alone, for another program."""

import json
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, subprocess.Popen[str]]]:
    """(base URL, key file, process) of a running venue."""
    key_file = tmp_path_factory.mktemp("venue") / "venue.key"
    process = subprocess.Popen(
        [sys.executable, "-m", "procs.cli", "venue", "--key", str(key_file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            url = found.group()
            break
    yield url, key_file, process
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 0


def test_market_data_are_served_to_anyone(venue: tuple[str, Path, subprocess.Popen[str]]) -> None:
    url, _, _ = venue

    with urllib.request.urlopen(f"{url}/fapi/v1/depth?symbol=BTCUSDT&limit=5", timeout=5) as reply:
        book = json.load(reply)

    assert len(book["bids"]) == len(book["asks"]) == 5
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])


def test_an_unsigned_account_request_is_refused(venue: tuple[str, Path, subprocess.Popen[str]]) -> None:
    url, _, _ = venue
    request = urllib.request.Request(f"{url}/fapi/v1/allOpenOrders?symbol=BTCUSDT", method="DELETE")

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)

    refused.value.close()
    assert refused.value.code == 401


def test_the_key_file_is_for_its_owner_alone(venue: tuple[str, Path, subprocess.Popen[str]]) -> None:
    _, key_file, _ = venue

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_faults_end_when_it_is_told_to_heal(tmp_path: Path) -> None:
    config = tmp_path / "faults.toml"
    config.write_text("[exchange.faults]\nrest_error = 1.0\n")
    line = ["venue", "--key", str(tmp_path / "venue.key"), "--config", str(config)]
    process = subprocess.Popen([sys.executable, "-m", "procs.cli", *line], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = next(found.group() for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        before = status_of(f"{url}/fapi/v1/ping")
        process.send_signal(signal.SIGUSR1)
        while (after := status_of(f"{url}/fapi/v1/ping")) == 503:
            pass
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert (before, after, process.returncode) == (503, 200, 0)


def status_of(url: str) -> int:
    """The HTTP status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "open.key"
    key_file.write_text("api_key = 'x'\n")
    key_file.chmod(0o644)

    done = subprocess.run(
        [sys.executable, "-m", "procs.cli", "venue", "--key", str(key_file)], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 2
    assert "found mode 0644, allowed 0600" in done.stderr
