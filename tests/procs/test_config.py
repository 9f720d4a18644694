"""Configuration: profile < file < flags, and everything that cannot run is refused with key, found, allowed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procs.config import HOPS, SECTIONS, RunConfig
from procs.durations import format_duration, parse_duration
from procs.errors import OperatorError
from procs.settings import load_config, profiles

# fmt: off
REFUSED: list[tuple[str, str, str, str]] = [
    # what the file says                        key                        found              allowed
    ("duration_ms = 30",                        "duration_ms",             "unknown key",     "'duration_s'"),
    ("[risk]\nposition_lot_max = 3",            "risk.position_lot_max",   "unknown key",     "'position_lots_max'"),
    ("[volatility]\nhalf_life_ms = 20000",      "volatility.half_life_ms", "unknown key",     "'half_life_s'"),
    ("[rsk]\norder_lots_max = 3",               "rsk",                     "unknown key",     "'risk'"),
    ("[risk]\nposition_lots_max = -3",          "risk.position_lots_max",  "-3",              "1 to"),
    ("[risk]\nposition_lots_max = 2.5",         "risk.position_lots_max",  "2.5",             "int"),
    ("[risk]\nposition_lots_max = '3'",         "risk.position_lots_max",  "'3'",             "int"),
    ("[risk]\nposition_lots_max = true",        "risk.position_lots_max",  "True",            "int"),
    ("risk = 3",                                "risk",                    "3",               "section [risk]"),
    ("[volatility]\nprior_bps = nan",           "volatility.prior_bps",    "nan",             "finite"),
    ("[exchange]\nfee_maker_e8 = inf",          "exchange.fee_maker_e8",   "inf",             "finite"),
    ("[exchange.price_start_by_symbol]\nBTCUSDT = nan", "exchange.price_start_by_symbol.BTCUSDT", "nan", "finite"),
    ("duration_s = -1",                         "duration_s",              "-1",              "0.1 to"),
    ("duration_s = 30_000_000_000",             "duration_s",              "3e+10",           "0.1 to"),
    ("speed = 20",                              "speed",                   "20",              "1"),
    ("placement = 'threads'",                   "placement",               "'threads'",       "process, fused"),
    ("wait = 'sleep'",                          "wait",                    "'sleep'",         "auto, spin"),
    ("symbols = []",                            "symbols",                 "0 symbols",       "1 to"),
    ("symbols = ['btc/usd']",                   "symbols",                 "'btc/usd'",       "capital letters"),
    ("symbols = ['BTCUSDT', 'BTCUSDT']",        "symbols",                 "twice",           "once"),
    ("symbols = 'BTCUSDT'",                     "symbols",                 "'BTCUSDT'",       "array"),
    ("[cores]\nbook = 999",                     "cores.book",              "999",             "this process may use"),
    ("[cores]\nbok = 0",                        "cores.bok",               "no such stage",   "feed, book"),
    ("[cores]\nbook = 'last'",                  "cores",                   "'last'",          "int"),
    ("[budgets]\ntick_to_order_us = 0",         "budgets.tick_to_order_us", "0",              "1 to"),
    ("[budgets]\ntick_to_order_ns = 250_000",   "budgets.tick_to_order_ns", "unknown key",    "'tick_to_order_us'"),
    ("[journal]\nsegment_bytes = 1000",         "journal.segment_bytes",   "1000",            "multiple of 4096"),
    ("[risk]\nsymbols_allowed = ['ETHUSDT']",   "risk.symbols_allowed",    "'ETHUSDT'",       "BTCUSDT"),
    ("replay = 'nowhere.gz'",                   "replay",                  "'nowhere.gz'",    "existing file"),
    ("epoch = 3",                               "epoch",                   "unknown key",     "symbols"),
    ("profile = 'live'",                        "profile",                 "'live'",          "paper"),
    ("profile = ''\n[risk]\norder_lots_max = 1", "risk.position_lots_max", "missing",         "a limit in [risk]"),
]
# fmt: on


def written(folder: Path, text: str) -> Path:
    """A configuration file."""
    path = folder / "run.toml"
    path.write_text(text + "\n")
    return path


@pytest.mark.parametrize(("text", "key", "found", "allowed"), REFUSED)
def test_what_cannot_run_is_refused_with_key_found_and_allowed(
    tmp_path: Path, text: str, key: str, found: str, allowed: str
) -> None:
    with pytest.raises(OperatorError) as caught:
        load_config(written(tmp_path, text))

    lines = [line for line in caught.value.problems if line.startswith(f"{key}: ")]
    assert len(lines) == 1, caught.value.problems
    assert found in lines[0].removeprefix(key)
    assert allowed in lines[0].removeprefix(key)


def test_every_problem_is_told_at_once_with_the_file_that_holds_it(tmp_path: Path) -> None:
    path = written(tmp_path, "[risk]\norder_lots_max = -1\nopen_orders_max = 0")

    with pytest.raises(OperatorError) as caught:
        load_config(path, {"duration_s": -5.0})

    assert [line.partition(":")[0] for line in caught.value.problems] == [
        "duration_s",
        "risk.order_lots_max",
        "risk.open_orders_max",
    ]
    assert caught.value.problems[0].endswith("(on the command line)")
    assert caught.value.problems[1].endswith(f"(in {path})")


def test_flags_win_over_the_file_and_the_file_over_the_profile(tmp_path: Path) -> None:
    path = written(tmp_path, "duration_s = 7\n[risk]\norder_lots_max = 5\n[cores]\nbook = 0")

    config = load_config(path, {"duration_s": 9.0, "cores": {"feed": 0}})

    assert config.duration_s == 9.0
    assert config.risk.order_lots_max == 5
    assert config.risk.position_lots_max == load_config().risk.position_lots_max
    assert config.cores == {"book": 0, "feed": 0}


@pytest.mark.parametrize("profile", profiles())
def test_every_shipped_profile_loads(profile: str) -> None:
    assert load_config(profile=profile).problems() == []


def test_a_profile_that_begins_from_another_overrides_it() -> None:
    assert load_config(profile="replay").duration_s == 0
    assert load_config(profile="replay").risk == load_config(profile="paper").risk


def test_a_file_that_is_absent_or_no_toml_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", written(tmp_path, "symbols = ["), tmp_path):
        with pytest.raises(OperatorError, match=str(path)):
            load_config(path)


def test_every_section_checks_itself() -> None:
    config = load_config()

    assert {"risk", "strategy", "volatility", "exchange", "journal", "budgets"} <= set(SECTIONS)
    assert all(getattr(config, name).problems() == [] for name in SECTIONS)


def test_budgets_are_given_in_nanoseconds_by_hop() -> None:
    config = load_config(flags={"budgets": {"tick_to_order_us": 250}})

    assert config.budgets.budget_ns("tick_to_order") == 250_000
    assert HOPS == ("feed", "feed_book", "book_strategy", "strategy_risk", "risk_router", "tick_to_order")


def refusal(field: str, value: Any) -> tuple[Sequence[str], RunConfig | None]:
    """What is said against one value, or the configuration with it."""
    try:
        return (), load_config(flags={field: value})
    except OperatorError as error:
        return error.problems, None


@given(
    value=st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.none(), st.just([]), st.just({}))
)
@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(RunConfig)])
def test_any_value_loads_or_is_refused_by_name(field: str, value: Any) -> None:
    problems, config = refusal(field, value)

    assert all(line.startswith(field) for line in problems)
    assert (config is None) == bool(problems)
    assert config is None or config.problems() == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("1.5s", 1.5), (" 30s ", 30)]
)
def test_durations_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert parse_duration(text, key="--duration") == seconds
    assert parse_duration(format_duration(seconds), key="--duration") == seconds


@pytest.mark.parametrize("text", ["30", "", "s", "-3s", "3 s", "1e3s", "nan", "3d", "3us"])
def test_durations_without_a_known_unit_are_refused(text: str) -> None:
    with pytest.raises(OperatorError, match=r"--duration: found .*allowed a number with ms, s, m or h"):
        parse_duration(text, key="--duration")
