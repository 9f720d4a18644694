"""A second run goes on from what the first has learned, replays exactly all the same, and refuses a damaged file."""

import signal
from pathlib import Path

import pytest

from procs.replay import replay_run
from tests.system.starting import Start

CONFIG = "[volatility]\nwarm_windows = 5\nkeep_every_s = 0.5\n"


def test_next_run_goes_on_from_what_was_learned(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("TRADER_STATE_DIR", str(state))
    config = tmp_path / "quick.toml"
    config.write_text(CONFIG)
    runs = []
    for _ in range(3):
        run = start.run("--duration", "3s", "--config", str(config))
        assert run.wait(60) == 0, run.said
        runs.append(run)
        if len(runs) == 2:
            path = state / "volatility-BTCUSDT"
            path.write_bytes(path.read_bytes()[:-1])
    logs = [(run.out / "log.txt").read_text() for run in runs]

    assert "goes on from what was learned" not in logs[0]
    assert "BTCUSDT: the estimate goes on from what was learned" in logs[1]
    assert "checksum does not agree" in logs[2] and "begins with its prior" in logs[2]
    assert (state / "volatility-BTCUSDT").exists()
    assert replay_run(runs[1].out).identical


def test_replaced_stage_goes_on_from_what_was_learned(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("TRADER_STATE_DIR", str(state))
    config = tmp_path / "quick.toml"
    config.write_text(CONFIG)
    run = start.run("--config", str(config))
    run.until_quoting()
    run.until((state / "volatility-BTCUSDT").exists, 60, "something was kept")
    run.seen["volatility"].kill()
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, 15, "quotes are back")
    run.seen |= run.processes()
    run.signal(signal.SIGINT)

    assert run.wait(30) == 0, run.said
    assert "BTCUSDT: the estimate goes on from what was learned" in (run.out / "log.txt").read_text()
