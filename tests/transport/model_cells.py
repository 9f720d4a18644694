"""Slots, cancel sets and doorbells of the shipped source on a weak memory, each with its two sides."""

from types import SimpleNamespace

import numpy as np

from shm.cancels import ALL_SLOTS
from shm.layout import (
    DOORBELL_DESCRIPTOR,
    DOORBELL_STATE,
    FRAME_HEADER_BYTES,
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    SLOT_FRAME,
    WORD_SPACING_BYTES,
)
from tests.transport.interpreted import Interpreted, Patch, Record
from tests.transport.weak_memory import Actor, Machine

BASE = 1 << 20


class SlotModel:
    """A writer that publishes numbered values to two slots in turn, and a reader that checks every word."""

    SLOTS, FRAME, VALUES, BURST = 2, FRAME_HEADER_BYTES + 8 * 6, 16, 4

    def __init__(self, seed: int, *, stale: float = 0.3, patch: Patch | None = None) -> None:
        self.machine = Machine(seed, stale=stale)
        self.code = Interpreted(self.machine, patch)
        self.slot = self.code.module("slot")
        self.slot.RETRIES_MAX = 2  # reached, and so tested
        self.stride = self.slot.slot_stride(self.FRAME)
        self.value = 0
        self.last = dict.fromkeys(range(self.SLOTS), 0)
        self.through = False
        self.writer, self.reader = Actor(self.publish_all), Actor(lambda: self.reader.relive(self.read))

    def run(self) -> None:
        """Both side by side; the reader ends with what stands in each slot."""
        self.machine.run(self.writer, self.reader)
        assert self.all_arrived()

    def arrived(self, index: int) -> bool:
        """Whether the reader has had the newest of a slot; one that a killed writer left empty has none."""
        frame = BASE + WORD_SPACING_BYTES + index * self.stride + SLOT_FRAME
        return self.machine.newest(frame) == 0 or self.machine.newest(frame + FRAME_ORIGIN) == self.last[index]

    def all_arrived(self) -> bool:
        """Whether the reader has had the newest of each slot."""
        return all(self.arrived(index) for index in range(self.SLOTS))

    def publish_all(self) -> None:
        """The writer's life and its successor's, which goes on behind the value that may have been lost."""
        self.writer.relive(self.publish)
        self.through = True

    def publish(self) -> None:
        """Values up to the last; waits until what a predecessor left has arrived, and after each burst."""
        writer = Record(self.slot.SLOT_WRITER)
        self.slot.open_slot_writer(writer, BASE, self.stride, self.SLOTS)
        self.machine.settle(self.all_arrived)
        while self.value < self.VALUES:
            self.value += 1
            frame = self.slot.slot_claim(writer, self.value % self.SLOTS)
            for at in range(frame + FRAME_HEADER_BYTES, frame + self.FRAME, 8):
                self.machine.store(at, self.value)
            self.slot.slot_commit(writer, 7, self.FRAME, self.value, -self.value)
            if self.value % self.BURST == 0:
                self.machine.settle(lambda: self.arrived(self.value % self.SLOTS))
        self.machine.settle(self.all_arrived)

    def read(self) -> None:
        """Take what there is until the writer is through."""
        reader, load = Record(self.slot.SLOT_READER), self.machine.load
        self.slot.open_slot_reader(reader, BASE, self.stride, self.SLOTS, self.code.room(self.stride))
        while not self.through:
            frame = self.slot.slot_poll(reader)
            if frame == 0:
                self.machine.let_others_go_first()
                continue
            value = load(frame + FRAME_ORIGIN)
            words = [load(at) for at in range(frame + FRAME_HEADER_BYTES, frame + self.FRAME, 8)]
            assert load(frame + FRAME_PUBLISH) == -value and words == [value] * len(words), "torn"
            assert value >= self.last[value % self.SLOTS], "older than before"
            self.last[value % self.SLOTS] = value


class CancelModel:
    """One that asks for cancels with growing ids, and one that takes them."""

    PLACES, REQUESTS, BURST = (0, 63, 64, 70), 24, 4

    def __init__(self, seed: int, *, stale: float = 0.3, patch: Patch | None = None) -> None:
        self.machine = Machine(seed, stale=stale, switch=0.4)
        self.code = Interpreted(self.machine, patch)
        self.cancels = self.code.module("cancels")
        self.cancels.SLOTS = 128  # a taker looks at all of them when it opens
        self.number = 0
        self.asked: dict[int, int] = {}
        self.done: dict[int, int] = {ALL_SLOTS: 0}
        self.had: dict[int, int] = {}
        self.through = False
        self.asker, self.taker = Actor(self.ask_all), Actor(lambda: self.taker.relive(self.take))

    def run(self) -> None:
        """Both side by side; the newest request of every slot is handed over, and none that was never made."""
        self.machine.run(self.asker, self.taker)
        assert self.had == self.asked

    def ask_all(self) -> None:
        """The asker's life and its successor's, which asks again for what may have been lost."""
        self.asker.relive(self.ask)
        self.through = True

    def ask(self) -> None:
        """Requests up to the last, each seventh for all; after each burst until they have been handed over."""
        for number in range(max(self.number, 1), self.REQUESTS + 1):
            self.number = number
            place = ALL_SLOTS if number % 7 == 0 else self.PLACES[number % len(self.PLACES)]
            self.asked[place] = 0 if place == ALL_SLOTS else number
            assert self.cancels.request_cancel(BASE, place, number) == 1
            self.done[place] = number
            if number % self.BURST == 0 and number < self.REQUESTS:
                self.machine.settle(lambda: self.had == self.asked)

    def take(self) -> None:
        """Take until the asker is through and none is left: the answer "none" hides no request made before the call.

        What was handed over to one that is killed, its successor may get again.
        """
        reader = Record(self.cancels.CANCEL_READER)
        self.cancels.open_cancel_reader(reader, BASE, 0)
        while True:
            ending = self.through
            if ending:
                self.taker.learn(self.asker.view)
            elif not self.cancels.cancels_waiting(reader):
                self.machine.let_others_go_first()
                continue
            before = [item for item in self.done.items() if item[0] != ALL_SLOTS]
            found, place, number = self.cancels.take_cancel(reader)
            if not found:
                assert all(self.had.get(slot, 0) >= asked for slot, asked in before), "none, though one was asked for"
                if ending:
                    return
            if found and place != ALL_SLOTS:
                assert number <= self.number and self.PLACES[number % len(self.PLACES)] == place, "another slot's id"
                assert number >= self.had.get(place, 0), "older than before"
            if found:
                self.had[place] = number


class DoorbellModel:
    """Two processes that answer each other in turn and sleep in between, by the loops' own waiting code.

    Each waits in a futex (a compiled stage) or in epoll (one that owns sockets). There are no time-outs: a wake-up
    that is lost leaves both asleep.
    """

    ROUNDS, SCRATCH = 8, BASE + 4096

    def __init__(
        self, seed: int, *, in_epoll: tuple[int, ...] = (), stale: float = 0.3, patch: Patch | None = None
    ) -> None:
        self.machine = Machine(seed, stale=stale)
        self.code = Interpreted(self.machine, patch)
        self.in_epoll = in_epoll
        self.seen = [0, 0]
        for side in range(2):
            self.machine.put(self.bell(side) + DOORBELL_DESCRIPTOR, np.int64(100 + side).tobytes())

    def run(self) -> None:
        """Both side by side."""
        self.machine.run(Actor(lambda: self.play(0)), Actor(lambda: self.play(1)))
        assert self.seen == [self.ROUNDS, self.ROUNDS]

    @staticmethod
    def inbox(side: int) -> int:
        """The word that the other side publishes to."""
        return BASE + 256 * side

    @staticmethod
    def bell(side: int) -> int:
        """A side's doorbell."""
        return BASE + 1024 + 256 * side

    def play(self, side: int) -> None:
        """One side; side 0 begins."""
        bell, atomics = self.code.module("doorbell"), self.code.atomics
        box = SimpleNamespace(doorbell_count=1, doorbells=[self.bell(1 - side)])
        hot_log = SimpleNamespace(touched=0)
        ports = SimpleNamespace(touched=0, outbox_count=1, outboxes=[box], hot_log=hot_log)
        ring_doorbells = self.code.function(
            "procs/bells.py", "_ring_doorbells", fence=atomics.fence, ring_doorbell=bell.ring_doorbell,
            address_of=lambda ports: self.SCRATCH, _SCRATCH_OFFSET=0,
        )  # fmt: skip

        def answer() -> None:
            atomics.store_release(self.inbox(1 - side), self.seen[side] + (side == 0))
            ports.touched = 1
            ring_doorbells(ports)

        def run_group(group: int, count: int, rounds: int) -> int:
            if atomics.load_acquire(self.inbox(side)) <= self.seen[side]:
                return 0
            self.seen[side] += 1
            if side == 1 or self.seen[side] < self.ROUNDS:
                answer()
            return 1

        names = {name: getattr(atomics, name) for name in ("fence", "store_relaxed", "store_release")}
        states = {"AWAKE": bell.AWAKE, "IN_FUTEX": bell.IN_FUTEX, "IN_EPOLL": bell.IN_EPOLL, "ROUNDS_MAX": 1}
        space = {**names, **states, "run_group": run_group, "sleep_in_futex": bell.sleep_in_futex}
        in_futex = self.code.function("procs/duty_cycle.py", "_sleep", **space)
        in_epoll = self.code.function("procs/socket_turn.py", "turn_group", **space)
        if side == 0:
            answer()
        while self.seen[side] < self.ROUNDS:
            if side not in self.in_epoll:
                run_group(0, 1, 16) or in_futex(0, 1, self.bell(side) + DOORBELL_STATE, self.SCRATCH, 0)
            elif in_epoll(0, 1, self.bell(side) + DOORBELL_STATE) == 0:
                self.machine.await_event(100 + side)
