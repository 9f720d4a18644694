"""Thirty schedules of faults of real processes, five hundred when there is time: all conditions hold afterwards."""

import pytest

from tests.system.schedules import Schedule, Session
from tests.system.starting import Start

QUICK = [("process", range(10)), ("process", range(10, 20)), ("fused", range(20, 30))]
SLOW = [
    ("fused" if number % 5 == 4 else "process", range(first, first + 20))
    for number, first in enumerate(range(30, 530, 20))
]


def test_schedules_differ_and_come_back() -> None:
    schedules = [Schedule.of(seed) for seed in range(530)]

    assert schedules == [Schedule.of(seed) for seed in range(530)]
    for field in ("victim", "moment", "fault"):
        assert len({getattr(schedule, field) for schedule in schedules[:30]}) > 3, field


@pytest.mark.parametrize(("placement", "seeds"), QUICK, ids=str)
def test_all_conditions_hold_after_thirty_schedules(start: Start, placement: str, seeds: range) -> None:
    found = Session(start, placement, seeds).play()

    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize(("placement", "seeds"), SLOW, ids=str)
def test_all_conditions_hold_after_five_hundred_schedules(start: Start, placement: str, seeds: range) -> None:
    found = Session(start, placement, seeds).play()

    assert not found, "\n".join(found)
