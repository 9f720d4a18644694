"""`trader volatility`: series out of files of any kind, scores that are right, a picture, what was learned kept."""

import gzip
import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zstandard
from click.testing import CliRunner

from procs import volatility_state
from procs.cli import main
from procs.config import RunConfig
from procs.kept_beliefs import KeptBeliefs
from procs.recording import RecordingError
from procs.state_dir import StateDir
from procs.volatility_series import Series, read_series
from procs.volatility_study import render, settings_for, study
from shm.kernel import new_record
from tests.procs.one_stage import instruments_of
from tests.trader.market_frames import depth, snapshot
from tests.trader.test_volatility_baselines import recorded_returns
from tests.trader.volatility_oracle import exact_filter, simulate
from trader.volatility import VolatilityConfig

CONFIG = RunConfig()


def table(path: Path, text: str) -> Series:
    path.write_text(text)
    return read_series(path, CONFIG).series


def walk_recording(path: Path, steps: list[int]) -> Path:
    """A recording of a book whose touch moves by so many ticks of 0.1, one update every 150 ms of venue time."""
    frames = [depth([("100.0", "1.0")], [], first=1, last=10, event_ms=1)]
    frames.append(snapshot([("100.0", "1.0")], [("100.2", "1.0")], last=5, event_ms=1))
    bid = 1_000
    for turn, step in enumerate(steps, 1):
        old, bid = bid, bid + step
        bids, asks = [[level(old + above, "0.0")] * (step != 0) + [level(bid + above, "1.0")] for above in (0, 2)]
        ids = {"first": 10 * turn + 1, "last": 10 * turn + 10, "previous": 10 * turn}
        frames.append(depth(bids, asks, **ids, event_ms=150 * turn + 1))
    lines = [b"%d %s\n" % (1_700_000_000_000_000_000 + turn, frame) for turn, frame in enumerate(frames)]
    path.write_bytes(b"".join(lines))
    return path


def level(ticks: int, size: str) -> tuple[str, str]:
    return f"{ticks / 10:.1f}", size


@pytest.mark.parametrize(
    ("text", "expected", "unit"),
    [
        ("0.5\n-1\n0\n", [0.5, -1, 0], ""),
        ("y,h_true\n0.5,9\n-1,9\nnan,9\n2,9\n", [0.5, -1, np.nan, 2], ""),
        ("100\n101\n99\n", [0.995033, -2.000067], "%"),
        (
            "Date,Close,Volume\n1/4/1999,100,7\n1/5/1999,101,9\n1/6/1999,,8\n1/7/1999,99,8\n",
            [0.995033, np.nan, np.nan],
            "%",
        ),
        ("A title\nDay Wdy GBP\n1 Thu 0.5\n2 Fri 0.51\n3 Mon 0.52\n", [1.980263, 1.941809], "%"),
        ("a;returns\n1;0.1\n2;-0.2\n", [0.1, -0.2], ""),
    ],
)
def test_tables_of_many_forms_are_read(tmp_path: Path, text: str, expected: list[float], unit: str) -> None:
    if np.isfinite(expected).sum() < 2:
        with pytest.raises(RecordingError, match="found 1 returns, allowed 2 or more"):
            table(tmp_path / "x", text)
        return
    series = table(tmp_path / "x", text)

    assert series.returns == pytest.approx(expected, abs=1e-5, nan_ok=True)
    assert series.unit == unit


def test_packed_tables_and_chosen_columns_are_read(tmp_path: Path) -> None:
    text = b"a,b\n1,-5\n2,6\n4,7\n"
    for name, packed in (("x.gz", gzip.compress(text)), ("x.zst", zstandard.compress(text))):
        (tmp_path / name).write_bytes(packed)
        for column in ("b", "2"):
            series = read_series(tmp_path / name, CONFIG, column=column).series
            assert series.returns.tolist() == [-5, 6, 7]
    doubled = read_series(tmp_path / "x.gz", CONFIG, column="a", kind="prices").series

    assert doubled.returns == pytest.approx([100 * np.log(2)] * 2)
    assert read_series(tmp_path / "x.gz", CONFIG, column="a", kind="returns").series.returns.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("content", "asked", "message"),
    [
        (b"hello\nworld\n", {}, "found no line with a number, allowed a recording or a table of numbers"),
        (b"", {}, "found no line with a number"),
        (b"a,b\n1,2\n3,4\n5,6\n", {"column": "c"}, "found no column 'c', allowed a, b, or a number from 1"),
        (b"1\n2\n3\n", {"symbol": "BTCUSDT"}, "found a table, allowed --symbol with a recording"),
        (b"1\n-2\n3\n", {"kind": "prices"}, "found a price of -2, allowed prices above 0"),
        (
            b'1700000000000000000 {"e":"depthUpdate"}\n',
            {"column": "1"},
            "allowed --column, --returns and --prices with a",
        ),
        (b"\x1f\x8b\x08\x00broken", {}, "damaged"),
    ],
)
def test_what_is_no_series_is_refused_by_name(tmp_path: Path, content: bytes, asked: dict, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message):
        read_series(path, CONFIG, **asked)


def test_recordings_mid_becomes_returns_window_by_window(tmp_path: Path) -> None:
    steps = [3, 0, -5, 1, 0, 0, 4]
    series = read_series(walk_recording(tmp_path / "walk", steps), CONFIG).series
    expected = np.diff(np.log(2_002 + 2 * np.cumsum([0, *steps]))) * 1e4

    # The last window is still open when the recording ends.
    assert series.returns == pytest.approx(expected[: len(series.returns)], abs=1e-6)
    assert len(series.returns) == len(steps) - 1
    assert (series.unit, series.window, series.source) == ("bps", "150 ms", "binance BTCUSDT")


def test_recorded_futures_give_the_returns_of_their_best_quotes(trader_data: Path) -> None:
    path = trader_data / "binance/usdm_btcusdt_20240808.gz"
    series, quoted = read_series(path, CONFIG).series, recorded_returns(path, 150_000_000)

    assert len(series.returns) == pytest.approx(len(quoted), abs=10)
    assert series.zero_share == pytest.approx((quoted == 0).mean(), abs=0.02)
    assert np.nanstd(series.returns) == pytest.approx(quoted.std(), rel=0.05)


def test_scores_are_those_of_the_exact_filter_where_the_parameters_are_known_well(tmp_path: Path) -> None:
    """A posterior of 6,000 windows is narrow: what is learned scores within a hundredth of the truth."""
    truth = (0.0, 0.97, 0.2)
    returns, _ = simulate(truth, 6_000, 8)
    series = Series(name="x", returns=returns, unit="", window="row", source="")
    found = study(series, settings_for(series, noise="auto", degrees_of_freedom=5.0, particles=2_000)).study
    exact = exact_filter(returns, truth).log_likelihoods[2_000:].mean()
    scores = {model.name: model.log_score for model in found.models}

    assert found.noise == "gaussian"
    assert scores["particle"] == pytest.approx(exact, abs=0.01)
    assert scores["particle"] > max(scores["EWMA"], scores["GARCH(1,1)"])
    assert all(sum(model.pit) == pytest.approx(1) and model.pit_count == 4_000 for model in found.models)
    assert max(abs(share - 0.1) for share in found.models[0].pit) < 0.025
    assert found.volatility_p05 < found.volatility < found.volatility_p95


def test_filter_that_is_told_realised_variances_predicts_returns_better_where_they_say_more() -> None:
    """Ten independent movements a window: their squares know its volatility far better than its return does."""
    rng = np.random.default_rng(12)
    truth = (0.0, 0.97, 0.25)
    _, h = simulate(truth, 2_400, 9)
    moves = np.exp(0.5 * h)[:, None] * rng.standard_normal((2_400, 10)) / np.sqrt(10)
    told = {"squared": 10 * np.square(moves).sum(1), "counts": np.full(2_400, 10)}
    series = Series(name="x", returns=moves.sum(1), unit="", window="row", source="", **told)
    found = study(series, settings_for(series, noise="gaussian", degrees_of_freedom=5.0, particles=512))
    scores = {model.name: model.log_score for model in found.study.models}
    known = np.log(np.exp(-0.5 * series.returns**2 / np.exp(h)) / np.sqrt(2 * np.pi * np.exp(h)))[800:].mean()

    assert list(scores) == ["particle", "particle rv", "EWMA", "GARCH(1,1)"]
    assert scores["particle"] + 0.01 < scores["particle rv"] < known
    assert max(abs(share - 0.1) for share in found.study.models[1].pit) < 0.04
    assert "told realised variances instead of returns: +0.0" in render(found.study)


def test_recordings_realised_variances_are_those_of_its_movements(tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, volatility=VolatilityConfig(observed="realised"))
    steps = [3, 0, -5, 1, 0, 0, 4]
    series = read_series(walk_recording(tmp_path / "walk", steps), config).series

    # One movement a window here: n is 1, and rv the return's square.
    assert series.counts.tolist() == [int(step != 0) for step in steps[:-1]]
    assert series.squared == pytest.approx(np.square(series.returns), rel=1e-9)


def test_missing_windows_and_zeros_are_counted_and_all_models_score_the_same(tmp_path: Path) -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 900, 3)
    returns[::10] = np.nan
    returns[1::2] = 0.0
    series = Series(name="x", returns=returns, unit="", window="row", source="")
    settings = settings_for(series, noise="student", degrees_of_freedom=5.0, particles=256)
    found = study(series, settings).study

    assert settings.zeros == "inactive"
    assert (found.windows, found.missing, found.zeros) == (900, 90, 450)
    assert len({model.pit_count for model in found.models}) == 1
    assert all(np.isfinite(model.log_score) and -3 < model.log_score < 0 for model in found.models)


def invoke(*arguments: object):
    return CliRunner().invoke(main, ["volatility", *map(str, arguments)])


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.csv"
    np.savetxt(path, simulate((0.0, 0.97, 0.2), 600, 4)[0])
    return path


def test_command_prints_scores_and_writes_them(numbers: Path, tmp_path: Path) -> None:
    result = invoke(numbers, "--particles", 256, "--noise", "gaussian", "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())

    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in ("particle", "EWMA", "GARCH(1,1)", "log score", "PIT", "phi"))
    assert [model["name"] for model in found["models"]] == ["particle", "EWMA", "GARCH(1,1)"]
    assert found["windows"] == 600 and len(found["models"][0]["pit"]) == 10
    assert {"mu", "phi", "sigma_eta", "phi_sd"} <= set(found["models"][0]["parameters"])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_picture_is_drawn(numbers: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no picture")
    path = tmp_path / f"out.{ending}"
    result = invoke(numbers, "--particles", 256, "--noise", "gaussian", "--plot", path)

    assert result.exit_code == 0, result.output
    head = path.read_bytes()[:500]
    assert head.startswith(b"\x89PNG") if ending == "png" else b"<svg" in head or b"<?xml" in head


def test_picture_of_an_unknown_format_or_folder_is_refused(numbers: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no picture")
    for name in ("out.nothing", "nowhere/out.png"):
        result = invoke(numbers, "--particles", 256, "--noise", "gaussian", "--plot", tmp_path / name)
        assert result.exit_code == 2 and "--plot: found" in result.output


def test_missing_matplotlib_is_said_with_the_command_that_installs_it(numbers: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = invoke(numbers, "--plot", "out.png")

    assert result.exit_code == 2
    assert "--plot: found no matplotlib" in result.output
    assert "python -m pip install 'trader[plot]', or make install" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--degrees-of-freedom", 2], "--degrees-of-freedom: found 2, allowed above 2"),
        (["--particles", 0], "particle_count: found 0, allowed 1 to"),
        (["--window", 0], "volatility.window_ms: found 0, allowed 1 to 60000"),
        (["--keep", "BTCUSDT"], "--keep: found a table, allowed a recording"),
        (["--column", "nine"], "found no column 'nine'"),
    ],
)
def test_operators_mistakes_exit_with_two(numbers: Path, arguments: list, message: str) -> None:
    result = invoke(numbers, *arguments)

    assert result.exit_code == 2, result.output
    assert message in result.output


def test_missing_file_exits_with_two(tmp_path: Path) -> None:
    result = invoke(tmp_path / "none.csv")

    assert result.exit_code == 2 and "found nothing to read (No such file or directory)" in result.output


def test_history_is_kept_for_the_next_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TRADER_STATE_DIR", str(tmp_path / "state"))
    steps = np.random.default_rng(3).integers(-3, 4, 300).tolist()
    recording = walk_recording(tmp_path / "walk", steps)
    result = invoke(recording, "--particles", 256, "--keep", "BTCUSDT")
    state = new_record(volatility_state.STATE)
    config = VolatilityConfig()
    volatility_state.start(state, RunConfig(), instruments_of(1))
    restored = KeptBeliefs(StateDir(tmp_path / "state"), config, ("BTCUSDT",), state).restore()

    assert result.exit_code == 0, result.output
    assert "volatility-BTCUSDT: the next run of BTCUSDT goes on from this" in result.output
    assert restored == ["BTCUSDT"] and state[0]["estimators"][0]["window_count"] > 290
