"""Loading a strategy file: what is refused, with which words, and that what is accepted is called."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from procs.rehearsal import rehearse
from procs.strategy_file import STATE_BYTES_MAX, StrategyError, load_configured, load_strategy
from trader.strategy import StrategyConfig, quoting

GOOD = """
import numpy as np
from trader.strategy import quote_entry

STATE = np.dtype([("calls", "i8"), ("distance_ticks", "i8"), ("sizes", "i8", (2,))], align=True)
CONFIG = {"distance_ticks": 7}


@quote_entry
def quote(state, book, belief, position, out):
    state.calls += 1
    out.bid_ticks[0] = book.bid_ticks[0] - state.distance_ticks
    out.ask_ticks[0] = book.ask_ticks[0] + state.distance_ticks
    out.bid_lots[0] = 1
    out.ask_lots[0] = 2
    out.bid_count = 1
    out.ask_count = 1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    path = written(folder, text)
    with pytest.raises(StrategyError) as caught:
        load_strategy(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_good_file_is_loaded_and_its_quote_is_called(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    loaded = load_strategy(path)
    quotes = rehearse(path, bid_ticks=1_000, ask_ticks=1_002)

    assert loaded.values == {"distance_ticks": 7}
    assert quotes.bids == [(993, 1)]
    assert quotes.asks == [(1_009, 2)]


def test_edited_file_is_a_new_strategy(tmp_path: Path) -> None:
    rehearse(written(tmp_path, GOOD), bid_ticks=1_000, ask_ticks=1_002)
    quotes = rehearse(
        written(tmp_path, GOOD.replace("= 1\n    out.ask_lots", "= 4\n    out.ask_lots")),
        bid_ticks=1_000,
        ask_ticks=1_002,
    )

    assert quotes.bids == [(993, 4)]


def test_a_file_edited_within_the_second_to_the_same_length_is_a_new_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for lots in (1, 4, 7):
        path = written(tmp_path, GOOD.replace("out.bid_lots[0] = 1", f"out.bid_lots[0] = {lots}"))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert rehearse(path, bid_ticks=1_000, ask_ticks=1_002).bids == [(993, lots)]


def test_parameters_win_over_the_files_own_values(tmp_path: Path) -> None:
    quotes = rehearse(written(tmp_path, GOOD), bid_ticks=1_000, ask_ticks=1_002, parameters={"distance_ticks": 3})

    assert quotes.bids == [(997, 1)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("state, book, beliefs, position, out", "quote: argument 3: found 'beliefs', allowed 'belief'"),
        ("state, book, belief, out", "quote: argument 4: found 'out', allowed 'position'"),
        ("state, book, belief, position", "quote: argument 5: 'out' is missing"),
        ("state, book, belief, position, out, clock", "quote: argument 6: found 'clock', allowed none after 'out'"),
        ("state, book, belief, position, *, out", "quote: argument 'out': found 'out'"),
        ("state, book, belief, position, out=None", "quote: argument 'out': found 'out=None'"),
    ],
)
@pytest.mark.parametrize("mark", ["@quote_entry\n", ""])
def test_wrong_signature_names_the_argument(tmp_path: Path, arguments: str, expected: str, mark: str) -> None:
    text = GOOD.replace("state, book, belief, position, out", arguments).replace("@quote_entry\n", mark)
    if arguments.endswith("=None"):
        text = text.replace("out=None.", "out.")

    assert refusal(tmp_path, text).startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("STATE = ", "OTHER = ", "STATE: found none, allowed a structured numpy dtype"),
        ('STATE = np.dtype([("calls", "i8"), ', 'STATE = np.dtyp([("calls", "i8"), ', "line 5: AttributeError"),
        ('("sizes", "i8", (2,))', '("sizes", "O")', "STATE: found Python objects in it"),
        ("(2,)", "(99_999,)", f"STATE: found 800008 bytes, allowed {STATE_BYTES_MAX}"),
        ('{"distance_ticks": 7}', "[7]", "CONFIG: found list, allowed a dict"),
        ('{"distance_ticks": 7}', '{"distance": 7}', "CONFIG: found 'distance', allowed a scalar field of STATE"),
        ('{"distance_ticks": 7}', '{"sizes": 7}', "CONFIG: found 'sizes', allowed a scalar field of STATE"),
        ('{"distance_ticks": 7}', '{"calls": float("nan")}', "CONFIG.calls: found nan, allowed a finite number"),
        ("def quote(", "def price(", "found no quote, allowed a function quote(state, book, belief, position, out)"),
        ("state.calls += 1", "state.calls += = 1", "line 11: SyntaxError"),
        ("import numpy as np", "import numpie as np", "line 2: ModuleNotFoundError"),
        ("book.bid_ticks", "book.bids", "quote: line 12: argument 'book' has no field 'bids', allowed"),
        ("state.calls", "state.cals", "quote: line 11: argument 'state' has no field 'cals', allowed"),
        ("out.ask_count = 1", "return 5", "quote does not compile: line"),
        ("state.calls += 1", "open('x')", "quote does not compile: line 11: "),
    ],
)
def test_wrong_file_is_refused_with_what_was_found(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert refusal(tmp_path, GOOD.replace(old, new)).startswith(expected)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match=r"none\.py: found no such file"):
        load_strategy(tmp_path / "none.py")


def test_unknown_parameter_and_too_many_symbols_are_named(tmp_path: Path) -> None:
    loaded = load_strategy(written(tmp_path, GOOD.replace("(2,)", "(4_000,)")))

    assert loaded.problems(1, {}) == []
    assert "allowed a scalar field of STATE" in loaded.problems(1, {"nothing": 1})[0]
    assert "for each of 9 symbols" in loaded.problems(9, {})[0]
    with pytest.raises(StrategyError, match="nothing"):
        loaded.new_states(1, {"nothing": 1})


def test_built_in_strategy_uses_the_same_door() -> None:
    loaded = load_configured(StrategyConfig(levels=2))
    states = loaded.new_states(2, {})

    assert loaded.state_dtype == quoting.STATE
    assert states.view(quoting.STATE)["levels"].tolist() == [2, 2]
    assert np.isclose(states.view(quoting.STATE)["base_bps"][1], 0.196, atol=0.001)
