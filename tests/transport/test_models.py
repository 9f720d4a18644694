"""Every structure's shipped source on a memory as weak as C11 allows, side by side and killed at any store."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.transport.crew import Report
from tests.transport.model_cells import CancelModel, DoorbellModel, SlotModel
from tests.transport.model_logs import JournalModel, LogModel
from tests.transport.model_ring import RingModel
from tests.transport.weak_memory import Actor

MODELS: dict[str, Callable[..., Any]] = {
    "ring": RingModel,
    "ring of two consumers": partial(RingModel, consumers=2),
    "ring of a lossy consumer": partial(RingModel, lossy=(0,)),
    "ring of two reliable and a lossy consumer": partial(RingModel, consumers=3, lossy=(1,)),
    "slot": SlotModel,
    "cancels": CancelModel,
    "futex doorbells": DoorbellModel,
    "epoll doorbells": partial(DoorbellModel, in_epoll=(0, 1)),
    "a futex and an epoll doorbell": partial(DoorbellModel, in_epoll=(1,)),
    "log ring": LogModel,
}

KILLS: dict[str, tuple[Callable[..., Any], Callable[[Any], Actor]]] = {
    "ring, producer": (RingModel, lambda model: model.producer),
    "ring, consumer": (RingModel, lambda model: model.consumers[0]),
    "broadcast, producer": (partial(RingModel, consumers=2, lossy=(1,)), lambda model: model.producer),
    "broadcast, reliable consumer": (partial(RingModel, consumers=2, lossy=(1,)), lambda model: model.consumers[0]),
    "broadcast, lossy consumer": (partial(RingModel, consumers=2, lossy=(1,)), lambda model: model.consumers[1]),
    "slot, writer": (SlotModel, lambda model: model.writer),
    "slot, reader": (SlotModel, lambda model: model.reader),
    "cancels, asker": (CancelModel, lambda model: model.asker),
    "cancels, taker": (CancelModel, lambda model: model.taker),
    "log ring, writer": (LogModel, lambda model: model.writer),
    "log ring, reader": (LogModel, lambda model: model.reader),
    "journal, writer": (JournalModel, lambda model: model.writer),
}


@pytest.mark.parametrize("seeds", [30, pytest.param(3000, marks=pytest.mark.slow)], ids=["quick", "slow"])
@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_lost_doubled_or_torn_however_stale_a_load_may_be(name: str, seeds: int, report: Report) -> None:
    accesses = 0
    for seed in range(seeds):
        model = MODELS[name](seed, stale=(0.05, 0.3, 0.7)[seed % 3])
        model.run()
        accesses += model.machine.turns
    report(f"{name}: {seeds} interleavings, {accesses} accesses")


@pytest.mark.parametrize("points", [25, pytest.param(0, marks=pytest.mark.slow)], ids=["quick", "slow"])
@pytest.mark.parametrize("name", KILLS)
def test_who_is_killed_at_any_store_leaves_what_its_successor_and_the_others_go_on_with(
    name: str, points: int, report: Report
) -> None:
    """Quick: so many points, spread over the victim's life; slow: before each of its stores, five times."""
    make, victim_of = KILLS[name]
    whole = make(0)
    whole.run()
    stores = victim_of(whole).stores
    step = max(stores // points, 1) if points else 1
    killed = 0
    for seed in range(1 if points else 5):
        for kill_at in range(1 + stores // 2 % step, stores + 1, step):
            model = make(seed * stores + kill_at)
            victim_of(model).kill_at = kill_at
            model.run()
            killed += victim_of(model).killed
    report(f"{name}: killed before {killed} stores")
    # How many there are depends a little on the seed.
    assert killed > stores // step // 2
