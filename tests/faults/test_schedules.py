"""A thousand fault schedules, twenty thousand when there is time; and that they replay, and are full of faults."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.schedules import Verdict, World
from trader.exchange.fault_config import SHARES

SEEDS = 1_000
SEEDS_SLOW = 20_000
SHOWN = 5
"""Failures after which there is no need for more."""


@pytest.fixture(scope="module")
def world() -> World:
    """The stages, bound once."""
    return World()


def failures(world: World, seeds: Iterator[int], verdicts: list[Verdict]) -> list[str]:
    """Play schedules; what went wrong in the first few that failed."""
    found: list[str] = []
    for seed in seeds:
        verdict = world.run(seed)
        verdicts.append(verdict)
        if verdict.problems:
            found.append("\n  ".join([str(verdict), *verdict.problems]))
            if len(found) == SHOWN:
                break
    return found


@pytest.mark.timeout(300)
def test_all_conditions_hold_after_a_thousand_schedules(world: World) -> None:
    verdicts: list[Verdict] = []
    found = failures(world, iter(range(SEEDS)), verdicts)
    happened: Counter[str] = Counter()
    for verdict in verdicts:
        happened.update(verdict.notes)

    assert not found, "\n" + "\n".join(found)
    rare = {name for name in (*SHARES, "silence", "hang", "cut", "restart", "halt") if happened[name] < 20}
    assert not rare, f"hardly ever: {rare} of {happened}"
    assert sum(verdict.orders for verdict in verdicts) > 50 * SEEDS
    assert sum(verdict.fills for verdict in verdicts) > 20 * SEEDS


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_all_conditions_hold_after_twenty_thousand_schedules(world: World) -> None:
    found = failures(world, iter(range(SEEDS, SEEDS + SEEDS_SLOW)), [])

    assert not found, "\n" + "\n".join(found)


def test_a_schedule_replays_whatever_was_played_before(world: World) -> None:
    first = [world.run(seed) for seed in (11, 12, 13)]
    again = [world.run(seed) for seed in (13, 11, 12)]

    assert {verdict.seed: verdict.digest for verdict in first} == {verdict.seed: verdict.digest for verdict in again}
    assert len({verdict.digest for verdict in first}) == 3
    assert [verdict.digest for verdict in (World().run(12),)] == [first[1].digest]
