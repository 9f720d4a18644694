"""`trader signals`: a signal that is there is found out of sample, one that is not is not, and the picture is drawn."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.signals_study import SAMPLES_MIN, sample_recording, study
from tests.trader.market_frames import depth, snapshot
from trader.signals import SignalsConfig

STEP_MS = 100
TOUCH_START = 10_000


def level(ticks: int, lots: int) -> tuple[str, str]:
    """A price of 0.1 a tick and a size, as the venue writes them."""
    return f"{ticks / 10:.1f}", f"{lots}.0"


def told_recording(path: Path, turns: int, *, told: float, seed: int = 1) -> Path:
    """A book whose sizes say beforehand where the touch goes next, right so often: `told`, 0.5 is luck."""
    rng = np.random.default_rng(seed)
    bid = TOUCH_START
    frames = [depth([level(bid, 5)], [], first=1, last=10, event_ms=STEP_MS)]
    frames.append(snapshot([level(bid, 5)], [level(bid + 2, 5)], last=5, event_ms=STEP_MS))
    sign = 1
    for turn in range(1, turns):
        old, moved = bid, int(rng.random() < 0.4) * (sign if rng.random() < told else -sign)
        bid, sign = bid + moved, int(rng.choice([-1, 1]))
        bids = [level(old, 0)] * (moved != 0) + [level(bid, 5 + 4 * sign)]
        asks = [level(old + 2, 0)] * (moved != 0) + [level(bid + 2, 5 - 4 * sign)]
        ids = {"first": 10 * turn + 1, "last": 10 * turn + 10, "previous": 10 * turn}
        frames.append(depth(bids, asks, **ids, event_ms=STEP_MS * (turn + 1)))
    start_ns = 1_700_000_000_000_000_000
    path.write_bytes(b"".join(b"%d %s\n" % (start_ns + turn, frame) for turn, frame in enumerate(frames)))
    return path


SETTINGS = SignalsConfig(horizon_ms=STEP_MS, warm_ms=5_000)


def test_a_signal_that_tells_is_found_out_of_sample(tmp_path: Path) -> None:
    sampled = sample_recording(told_recording(tmp_path / "told", 4_000, told=0.9), config=SETTINGS)
    found = study(sampled, SETTINGS)
    own = {one.signal: one for one in found.scores if one.horizon_s == STEP_MS / 1e3}

    assert own["pressure"].coefficient > 0.3 and own["pressure"].hit_rate == pytest.approx(0.9, abs=0.03)
    assert own["combined"].coefficient > 0.3 and found.weights["pressure"] > 0.3
    assert abs(own["momentum"].coefficient) < 4 * own["momentum"].standard_error
    assert 2_000 < found.samples < 4_000, "a book that stays as it is is no sample"
    assert found.hours == pytest.approx(4_000 * STEP_MS / 3.6e6, rel=1e-2)


def test_a_signal_that_does_not_tell_is_not_found(tmp_path: Path) -> None:
    sampled = sample_recording(told_recording(tmp_path / "luck", 4_000, told=0.5), config=SETTINGS)
    for one in study(sampled, SETTINGS).scores:
        if one.signal == "pressure" and one.horizon_s == STEP_MS / 1e3:
            assert abs(one.coefficient) < 4 * one.standard_error and one.hit_rate == pytest.approx(0.5, abs=0.06)


def test_the_futures_recording_agrees_with_what_is_known_of_markets(trader_data: Path) -> None:
    sampled = sample_recording(trader_data / "binance/usdm_btcusdt_20240808.gz", config=SignalsConfig())
    found = study(sampled, SignalsConfig())
    own = {one.signal: one for one in found.scores if one.horizon_s == 1.0}

    assert (sampled.trades, found.samples) == (21_313, 6_321)
    assert own["pressure"].coefficient > 3 * own["pressure"].standard_error
    assert own["pressure"].hit_rate > 0.6 and own["combined"].hit_rate > 0.6
    assert 0 <= sampled.samples["confidence"].min() and sampled.samples["confidence"].max() <= 1


def invoke(*arguments: object):
    return CliRunner().invoke(main, ["signals", *map(str, arguments)])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return told_recording(tmp_path / "recording", 600, told=0.9)


def test_command_prints_and_writes_scores_and_weights(recording: Path, tmp_path: Path) -> None:
    result = invoke(recording, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())

    assert result.exit_code == 0, result.output
    assert "[signals]" in result.output and "combined" in result.output
    assert set(found["weights"]) == {"momentum", "reversion", "flow", "pressure"}
    assert len(found["scores"]) == 5 * 3


def test_picture_is_drawn(recording: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no picture")
    result = invoke(recording, "--plot", tmp_path / "out.png")

    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_done_is_refused_before_anything_is(recording: Path, tmp_path: Path, monkeypatch) -> None:
    short = told_recording(tmp_path / "short", SAMPLES_MIN // 2, told=0.9)
    for arguments, message in (
        ((short,), f"allowed {SAMPLES_MIN} or more"),
        ((tmp_path / "nothing",), "found nothing to read"),
        ((recording, "--symbol", "DOGEUSDT"), "--symbol: found 'DOGEUSDT', allowed BTCUSDT"),
    ):
        result = invoke(*arguments)
        assert result.exit_code == 2 and message in result.output
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "--plot: found no matplotlib" in invoke(recording, "--plot", "out.png").output
