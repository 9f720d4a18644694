"""Restarts: the policy against a model that keeps every death for ever, and the edges of its configuration."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from procs.restarts import RestartPolicy, RestartsConfig, Standing

LIMIT = 3
WINDOW_S = 60.0
SECOND = 1_000_000_000


class Restarting(RuleBasedStateMachine):
    """Deaths at any distance. The model: a list of all restarts, counted anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = RestartPolicy(RestartsConfig(limit=LIMIT, window_s=WINDOW_S))
        self.now_ns = 0
        self.restarts: list[int] = []
        self.halted = self.recovering = False

    @rule(seconds=st.one_of(st.integers(0, 70), st.sampled_from([20, 60])), nanoseconds=st.integers(-1, 1))
    def time_passes(self, seconds: int, nanoseconds: int) -> None:
        self.now_ns += max(seconds * SECOND + nanoseconds, 0)

    @rule()
    def one_dies(self) -> None:
        recent = [at for at in self.restarts if at > self.now_ns - int(WINDOW_S) * SECOND]
        self.halted = self.halted or len(recent) >= LIMIT
        replaced = self.policy.died(self.now_ns)

        assert replaced == (not self.halted)
        if replaced:
            self.restarts.append(self.now_ns)
            self.recovering = True

    @rule()
    def it_recovers(self) -> None:
        self.policy.recovered()
        self.recovering = False

    @invariant()
    def never_more_in_any_window(self) -> None:
        for at in self.restarts:
            assert sum(at <= other < at + int(WINDOW_S) * SECOND for other in self.restarts) <= LIMIT

    @invariant()
    def it_stands_where_the_model_says(self) -> None:
        expected = Standing.RECOVERING if self.recovering else Standing.TRADING

        assert self.policy.standing is (Standing.HALTED if self.halted else expected)


TestRestarting = Restarting.TestCase


def test_the_fourth_death_in_a_minute_halts_for_good() -> None:
    policy = RestartPolicy(RestartsConfig())
    replaced = [policy.died(at * SECOND) for at in (0, 10, 59, 59)]

    assert replaced == [True, True, True, False]
    assert not policy.died(1_000 * SECOND), "halted is for good"
    assert policy.exhausted == "3 restarts within 60 s have been used up"


def test_a_restart_is_free_again_when_its_minute_is_over() -> None:
    policy = RestartPolicy(RestartsConfig())
    for at in (0, 10, 20):
        assert policy.died(at * SECOND)

    assert policy.left(60 * SECOND - 1) == 0
    assert policy.left(60 * SECOND) == 1
    assert policy.died(60 * SECOND)


def test_without_restarts_the_first_death_halts() -> None:
    policy = RestartPolicy(RestartsConfig(limit=0))

    assert not policy.died(0)
    assert policy.exhausted == "restarts are switched off"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (RestartsConfig(limit=-1), "restarts.limit: found -1, allowed 0 to 1000"),
        (RestartsConfig(limit=1_001), "restarts.limit: found 1001, allowed 0 to 1000"),
        (RestartsConfig(window_s=0.5), "restarts.window_s: found 0.5, allowed 1 to 86400"),
        (RestartsConfig(window_s=float("nan")), "restarts.window_s: found nan, allowed 1 to 86400"),
    ],
)
def test_a_value_out_of_range_is_named(wrong: RestartsConfig, named: str) -> None:
    assert wrong.problems() == [named]
