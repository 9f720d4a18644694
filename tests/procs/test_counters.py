"""Counters over generations: a successor counts on, and what describes the present begins anew."""

from typing import Any

import numpy as np
import pytest

from procs.counters import COUNTED, carry_counters
from procs.wiring import stage_module
from shm.kernel import new_record


def field_of(state: np.ndarray, path: str) -> Any:
    found: Any = state
    for name in path.split("."):
        found = found[name]
    return found


@pytest.mark.parametrize("stage", COUNTED)
def test_a_successor_goes_on_from_what_was_counted(stage: str) -> None:
    dtype = stage_module(stage).STATE
    left, state = new_record(dtype), new_record(dtype)
    left.view(np.uint8)[:] = 1
    for number, path in enumerate(COUNTED[stage]):
        field_of(left, path)[...] = 100 + number
        field_of(state, path)[...] = number
    carry_counters(stage, state, left)
    again = new_record(dtype)
    carry_counters(stage, again, state)

    for number, path in enumerate(COUNTED[stage]):
        assert np.all(field_of(state, path) == 100 + 2 * number), path
        assert np.all(field_of(again, path) == 100 + 2 * number), path
    for path in COUNTED[stage]:
        field_of(again, path)[...] = 0
    if stage == "risk":
        again["risk"]["earlier_pnl_e8"] = 0
    assert not again.view(np.uint8).any(), "and nothing else"


def test_profit_adds_up_over_the_lives_of_the_risk_stage() -> None:
    lives = [new_record(stage_module("risk").STATE) for _ in range(3)]
    for number, made_e8 in enumerate((500, -200, 30)):
        if number:
            carry_counters("risk", lives[number], lives[number - 1])
        lives[number]["risk"]["pnl_e8"] = made_e8
    last = lives[-1]["risk"][0]

    assert last["pnl_e8"] + last["earlier_pnl_e8"] == 330


def test_orders_that_are_open_now_are_no_count() -> None:
    assert "router.open_orders" not in COUNTED["router"]
    assert "router.placed" in COUNTED["router"]
