"""What an operator can mend: refused with exit code 2, the key, what was found and what is allowed, nothing started."""

from pathlib import Path

import pytest

from procs.state_dir import StateDir
from tests.system.command import Trader
from tests.system.starting import Start

WAIT_S = 20.0

LIMITS = """
[risk]
order_lots_max = 100
order_notional_max = 20_000
position_lots_max = 500
open_orders_max = 32
price_collar_bps = 200
book_age_ms_max = 2_000
"""

FILES = {
    "an unknown key": ("[strategy]\nlevelz = 3\n", "strategy.levelz: found an unknown key, allowed: 'levels'?"),
    "a slip of the unit": ("duration_ms = 30\n", "duration_ms: found an unknown key, allowed: 'duration_s'?"),
    "not a number": (
        "[exchange]\nvolatility_bps = nan\n",
        "exchange.volatility_bps: found nan, allowed a finite number",
    ),
    "no number at all": ("[risk]\nposition_lots_max = 'many'\n", "risk.position_lots_max: found 'many', allowed int"),
    "a limit below zero": ("[risk]\nposition_lots_max = -3\n", "risk.position_lots_max: found -3, allowed"),
    "a missing limit": (
        "profile = ''\n" + LIMITS.replace("position_lots_max = 500\n", ""),
        "risk.position_lots_max: missing, allowed a limit in [risk]",
    ),
    "no TOML": ("duration_s: 30\n", "found no valid TOML"),
}

FLAGS = {
    "a core that is not there": (["--core", "book=99"], "cores.book: found 99, allowed"),
    "a core for nobody": (["--core", "bok=0"], "cores.bok: found no such stage, allowed feed, book"),
    "a core that is none": (["--core", "book"], "--core book: found 'book', allowed STAGE=N"),
    "a recording that is not there": (["--replay", "gone.gz"], "replay: found no file 'gone.gz', allowed an existing"),
    "a speed without a recording": (["--speed", "20"], "speed: found 20, allowed 1 without a recording"),
    "an unknown placement": (["--placement", "threads"], "placement: found 'threads', allowed process, fused"),
    "a span that is none": (["--duration", "soon"], "--duration: found 'soon'"),
    "a profile that is not there": (["--profile", "live"], "profile: found 'live', allowed"),
    "a configuration that is not there": (["--config", "gone.toml"], "gone.toml: found nothing to read"),
    "a strategy that is not there": (["--strategy", "gone.py"], "strategy.file: found no file 'gone.py'"),
}


def assert_refused(run: Trader, told: str) -> None:
    """Exit code 2, one line a problem, and nothing has been started or written."""
    assert run.wait(WAIT_S) == 2, run.said
    lines = (run.folder / "stderr").read_text().splitlines()
    assert any(line.startswith("trader: ") and told in line for line in lines), lines
    assert all(line.startswith("trader: ") for line in lines), lines
    assert (run.folder / "stdout").read_text() == ""
    assert not (run.out / "log.jsonl").exists()
    assert run.segments() == []


@pytest.mark.parametrize(("text", "told"), FILES.values(), ids=FILES)
def test_a_wrong_configuration_is_refused(start: Start, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)

    assert_refused(start.run("--config", str(file)), told)


@pytest.mark.parametrize(("flags", "told"), FLAGS.values(), ids=FLAGS)
def test_wrong_flags_are_refused(start: Start, flags: list[str], told: str) -> None:
    run = start.command("run", *flags)

    assert run.wait(WAIT_S) == 2, run.said
    assert f"trader: {told}" in run.said or f": {told}" in run.said, run.said
    assert "Traceback" not in run.said
    assert run.segments() == []


def test_all_problems_are_told_at_once(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[risk]\nposition_lots_max = -3\n[strategy]\nlevels = 0\n")
    run = start.run("--config", str(file), "--core", "book=99")

    assert run.wait(WAIT_S) == 2
    for key in ("risk.position_lots_max: found -3", "strategy.levels: found 0", "cores.book: found 99"):
        assert key in run.said


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("def quote(state, book, belief, out):", "quote: argument 4: found 'out', allowed 'position'"),
        ("def quote(state, book, beliefs, position, out):", "quote: argument 3: found 'beliefs', allowed 'belief'"),
    ],
)
def test_a_wrong_strategy_is_refused_with_the_argument_named(
    start: Start, tmp_path: Path, head: str, told: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nfrom trader.strategy import quote_entry\n"
        f"STATE = np.dtype([('count', 'i8')])\n\n\n@quote_entry\n{head}\n    state.count += 1\n"
    )

    assert_refused(start.run("--strategy", str(file)), told)


def test_a_folder_with_a_run_in_it_is_not_written_over(start: Start, tmp_path: Path) -> None:
    (tmp_path / "out" / "journal").mkdir(parents=True)
    run = start.command("run", "--out", str(tmp_path / "out"))

    assert run.wait(WAIT_S) == 2, run.said
    assert f"out_dir: found '{tmp_path / 'out'}' with a run in it, allowed a folder without journal/" in run.said


def test_a_folder_that_cannot_be_had_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = start.command("run", "--out", str(tmp_path / "file" / "out"))

    assert run.wait(WAIT_S) == 2, run.said
    assert "out_dir: found" in run.said and "allowed a writable folder" in run.said


def test_an_unreadable_epoch_is_never_a_fresh_start(start: Start, state: StateDir) -> None:
    (state.path / "epoch").write_text("seven\n")
    run = start.run()

    assert run.wait(WAIT_S) == 2, run.said
    assert "epoch: found 'seven', allowed a number" in run.said
    assert run.segments() == []
