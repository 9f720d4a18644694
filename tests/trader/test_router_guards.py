"""Breaker, buckets and the waiting orders against models so plain that they are right by inspection."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shm.kernel import new_record
from trader import pacing
from trader.pacing import PACER, Endpoint, PacingConfig, fill_pacer, hold, may_ask, may_place
from trader.router import batching, breaker
from trader.router.breaker import (
    BREAKER,
    PLAIN,
    REFUSED,
    BreakerState,
    admit,
    fail,
    fill_breaker,
    succeed,
    watch_probes,
)

FAILURES, OPEN_NS, PROBES, PROBE_NS = 5, 60_000, 3, 100
SLOW = settings(max_examples=60, stateful_step_count=60, deadline=None, derandomize=True, report_multiple_bugs=False)


class BreakerMachine(RuleBasedStateMachine):
    """The breaker beside a list of what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = new_record(BREAKER)
        fill_breaker(self.breaker[0], failures=FAILURES, open_ns=OPEN_NS, probes=PROBES, probe_ns=PROBE_NS)
        self.now = 1
        self.state, self.failures, self.opened, self.round = BreakerState.CLOSED, 0, 0, 0
        self.pending: list[tuple[int, int, int]] = []  # ticket, round, deadline
        self.successes = self.admitted = 0

    def _open(self) -> None:
        self.state, self.opened = BreakerState.OPEN, self.now

    def _watch(self) -> None:
        late = any(number == self.round and self.now >= deadline for ticket, number, deadline in self.pending if ticket)
        if self.state is BreakerState.HALF_OPEN and late:
            self._open()

    @rule(ns=st.sampled_from([1, 40, PROBE_NS, OPEN_NS - 1, OPEN_NS]))
    def time_passes(self, ns: int) -> None:
        self.now += ns
        watch_probes(self.breaker[0], self.now)
        self._watch()

    @rule()
    def the_venue_falls_silent_until_it_may_be_tried_again(self) -> None:
        while self.state is BreakerState.CLOSED:
            self.an_order_wants_to_leave()
            self.one_answers(len(self.pending) - 1, False)
        self.now += OPEN_NS
        watch_probes(self.breaker[0], self.now)
        self._watch()

    @rule(times=st.integers(2, PROBES + 2))
    def orders_want_to_leave(self, times: int) -> None:
        for _ in range(times):
            self.an_order_wants_to_leave()

    @rule()
    def an_order_wants_to_leave(self) -> None:
        ticket = admit(self.breaker[0], self.now)
        self._watch()
        if self.state is BreakerState.CLOSED:
            assert ticket == PLAIN
            self.pending.append((PLAIN, self.round, 0))
            return
        if self.state is BreakerState.OPEN and self.now - self.opened >= OPEN_NS:
            self.state, self.admitted, self.successes = BreakerState.HALF_OPEN, 0, 0
            self.round += 1
        if self.state is BreakerState.HALF_OPEN and self.admitted < PROBES:
            self.admitted += 1
            assert ticket > PLAIN and ticket not in [pending for pending, _, _ in self.pending]
            self.pending.append((ticket, self.round, self.now + PROBE_NS))
        else:
            assert ticket == REFUSED

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), well=st.booleans())
    def an_answer_comes(self, data: st.DataObject, well: bool) -> None:
        self.one_answers(data.draw(st.integers(0, len(self.pending) - 1)), well)

    def one_answers(self, index: int, well: bool) -> None:
        ticket, number, _ = self.pending.pop(index)
        succeed(self.breaker[0], ticket) if well else fail(self.breaker[0], ticket, self.now)
        if self.state is BreakerState.CLOSED:
            self.failures = 0 if well else self.failures + 1
            if self.failures == FAILURES:
                self.failures = 0
                self._open()
        elif self.state is BreakerState.HALF_OPEN and ticket and number == self.round:
            if not well:
                self._open()
            else:
                self.successes += 1
                if self.successes == PROBES:
                    self.state, self.failures = BreakerState.CLOSED, 0

    @invariant()
    def the_state_is_the_models(self) -> None:
        assert self.state == self.breaker[0]["state"]


class BucketMachine(RuleBasedStateMachine):
    """The orders' bucket beside a list of when tokens were taken."""

    @initialize(rate=st.sampled_from([1, 3, 40, 1_000]), burst=st.integers(5, 60))
    def begin(self, rate: int, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.pacer = new_record(PACER)
        fill_pacer(self.pacer[0], PacingConfig(orders_per_s=rate, orders_burst=burst))
        self.interval = -(-pacing.SECOND_NS // rate)
        self.reserve = -(-burst // 5)
        self.now, self.held_until = 1, 0
        self.taken: list[int] = []

    def level_after_one(self) -> int:
        """What the bucket would hold after one more, in nanoseconds of refill, by counting every token."""
        level, since = self.burst * self.interval, 0
        for at in self.taken:
            level = min(level + at - since, self.burst * self.interval) - self.interval
            since = at
        return min(level + self.now - since, self.burst * self.interval) - self.interval

    @rule(ns=st.integers(0, 3_000_000_000))
    def time_passes(self, ns: int) -> None:
        self.now += ns

    @rule(order=st.booleans(), times=st.integers(1, 40))
    def something_wants_to_leave(self, order: bool, times: int) -> None:
        for _ in range(times):
            floor = self.reserve * self.interval if order else 0
            allowed = self.now >= self.held_until and self.level_after_one() >= floor
            passed = may_place(self.pacer[0], self.now) if order else may_ask(self.pacer[0], 2, self.now)
            assert passed == allowed
            if passed:
                self.taken.append(self.now)

    @rule()
    def a_cancel_waits_for_one_token_at_most_whatever_the_orders_do(self) -> None:
        self.now = max(self.now + self.interval, self.held_until)
        while may_place(self.pacer[0], self.now):
            self.taken.append(self.now)
        assert may_ask(self.pacer[0], 2, self.now)
        self.taken.append(self.now)

    @rule(ns=st.integers(1, 2_000_000_000))
    def the_venue_asks_for_silence(self, ns: int) -> None:
        hold(self.pacer[0], self.now + ns)
        self.held_until = max(self.held_until, self.now + ns)

    @invariant()
    def no_window_holds_more_than_burst_and_rate_allow(self) -> None:
        taken = getattr(self, "taken", [])[-80:]
        for first, since in enumerate(taken):
            window = taken[-1] - since
            assert len(taken) - first <= self.burst + window / self.interval


class BatchMachine(RuleBasedStateMachine):
    """Orders that wait beside a list of them."""

    @initialize(window=st.sampled_from([0, 10]), size=st.integers(1, 50))
    def begin(self, window: int, size: int) -> None:
        self.batch = new_record(batching.BATCH)
        self.batch["window_ns"], self.batch["size_max"] = window, size
        self.window, self.size = window, size
        self.now, self.keys = 1, 0
        self.waiting: list[tuple[int, int]] = []
        self.ended: list[int] = []

    @rule(ns=st.integers(0, 12))
    def time_passes(self, ns: int) -> None:
        self.now += ns

    @rule(times=st.integers(1, 90))
    def orders_come(self, times: int) -> None:
        for _ in range(times):
            room = int(self.batch["last"][0] - self.batch["first"][0]) < batching.HELD_MAX
            assert batching.hold_order(self.batch[0], self.keys, self.now) == room
            assert room or self.waiting, "an empty queue has room"
            if room:
                self.waiting.append((self.keys, self.now))
                self.keys += 1

    @rule()
    def what_is_due_leaves(self) -> None:
        full = len(self.waiting) >= self.size
        ripe = bool(self.waiting) and self.now - self.waiting[0][1] >= self.window
        count = min(len(self.waiting), self.size) if full or ripe else 0
        assert batching.due_orders(self.batch[0], self.now) == count <= 50
        for _ in range(count):
            assert batching.oldest_held(self.batch[0]) == self.waiting[0]
            assert batching.take_held(self.batch[0]) == self.waiting[0][0]
            self.ended.append(self.waiting.pop(0)[0])

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def one_is_withdrawn(self, data: st.DataObject) -> None:
        key = data.draw(st.integers(0, self.keys - 1))
        waits = key in [waiting for waiting, _ in self.waiting]
        assert batching.withdraw(self.batch[0], key) == waits
        if waits:
            self.waiting = [(waiting, since) for waiting, since in self.waiting if waiting != key]
            self.ended.append(key)

    @invariant()
    def everyone_ends_once(self) -> None:
        if hasattr(self, "waiting"):
            assert sorted([*self.ended, *(key for key, _ in self.waiting)]) == list(range(self.keys))
            assert self.batch["count"][0] == len(self.waiting)


BreakerMachine.TestCase.settings = BucketMachine.TestCase.settings = BatchMachine.TestCase.settings = SLOW
TestBreaker, TestBucket, TestBatch = BreakerMachine.TestCase, BucketMachine.TestCase, BatchMachine.TestCase


def breaker_agrees() -> None:
    """For copies with a guard taken out."""
    run_state_machine_as_test(BreakerMachine, settings=SLOW)


def bucket_agrees() -> None:
    """The same for the bucket."""
    run_state_machine_as_test(BucketMachine, settings=SLOW)


def batch_agrees() -> None:
    """The same for the orders that wait."""
    run_state_machine_as_test(BatchMachine, settings=SLOW)


def test_the_sources_rates_are_the_default_and_a_fifth_of_the_orders_is_kept_for_cancels():
    assert PacingConfig().problems() == []
    pacer = new_record(PACER)
    fill_pacer(pacer[0], PacingConfig())
    for endpoint, burst, interval_ns in ((0, 100, 20), (1, 60, 10_000), (3, 5, 1_000), (4, 20, 100), (2, 10, 25)):
        placed = 0
        while endpoint == Endpoint.ORDERS and may_place(pacer[0], 0):
            placed += 1
        assert placed == (40 if endpoint == Endpoint.ORDERS else 0)
        count = 0
        while may_ask(pacer[0], endpoint, 0):
            count += 1
        assert count == burst
        assert may_ask(pacer[0], endpoint, interval_ns * 1_000_000 - 1) == 0
        assert may_ask(pacer[0], endpoint, interval_ns * 1_000_000) == 1


def test_config_names_what_is_out_of_range():
    wrong = PacingConfig(orders_per_s=0, account_burst=0, orders_reserve=0.1, retry_ms=-1)

    assert [line.split(":")[0] for line in wrong.problems()] == [
        "router.pacing.orders_per_s",
        "router.pacing.account_burst",
        "router.pacing.orders_reserve",
        "router.pacing.retry_ms",
    ]


@given(st.floats(0.001, 1e6), st.integers(5, 1_000_000))
def test_no_configured_rate_leaves_int64(rate: float, burst: int) -> None:
    pacer = new_record(PACER)
    fill_pacer(pacer[0], PacingConfig(orders_per_s=rate, orders_burst=burst))
    assert 0 < pacer["buckets"]["depth_ns"][0, 2] < 2**62


def test_a_breaker_that_is_half_open_admits_three_in_all_and_one_without_an_answer_opens_it_again():
    record = new_record(BREAKER)
    fill_breaker(record[0], failures=1, open_ns=OPEN_NS, probes=PROBES, probe_ns=PROBE_NS)
    assert fail(record[0], PLAIN, 10) == 1
    tickets = [admit(record[0], 10 + OPEN_NS) for _ in range(50)]
    assert [ticket > 0 for ticket in tickets] == [True] * 3 + [False] * 47
    succeed(record[0], tickets[0])
    succeed(record[0], tickets[0])
    succeed(record[0], tickets[1])
    assert record["state"][0] == BreakerState.HALF_OPEN
    watch_probes(record[0], 10 + OPEN_NS + PROBE_NS)
    assert record["state"][0] == BreakerState.OPEN
    succeed(record[0], tickets[2])
    assert record["state"][0] == BreakerState.OPEN
    assert breaker.PROBES_MAX >= PROBES
