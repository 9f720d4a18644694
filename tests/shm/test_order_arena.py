"""The order arena: against a list and a dict, exhausted, with stale handles, killed anywhere, watched from outside."""

import itertools
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from numba.core.runtime import _nrt_python, rtsys

from shm.atomics import load_acquire, store_release
from shm.kernel import address_of_array, kernel, new_record
from shm.order_arena import (
    ARENA,
    GENERATION_MAX,
    NONE,
    SLOT_BITS,
    SLOTS,
    format_arena,
    generation_of,
    give_back,
    resume,
    skip_to,
    slot_of,
    slot_word,
    take,
    taken,
)
from tests.shm.areas import shared, shared_record
from tests.shm.processes import Child, crash_images, stop_here


@kernel
def parts(handle):
    """`generation_of` and `slot_of`, from Python."""
    return generation_of(handle), slot_of(handle)


@kernel
def word_of(arena, slot):
    """`slot_word`, from Python."""
    return slot_word(arena, slot)


@kernel
def take_and_give_back(arena, count):
    """`count` times; how many handles came."""
    found = 0
    for _ in range(count):
        found += give_back(arena, take(arena))
    return found


@kernel
def take_stepped(arena):
    """A `take` between two stops (see processes.crash_images)."""
    stop_here()
    take(arena)
    stop_here()


@kernel
def give_back_stepped(arena, handle):
    """A `give_back` between two stops."""
    stop_here()
    give_back(arena, handle)
    stop_here()


@kernel
def churn(arena, rounds, stop):
    """Keep half of the slots taken, the oldest going first."""
    held = np.zeros(SLOTS, np.int64)
    for index in range(rounds):
        at = index % (SLOTS // 2)
        if held[at]:
            give_back(arena, held[at])
        held[at] = take(arena)
    store_release(stop, 1)


@kernel
def watch(arena, stop):
    """Look at all slots again and again: (looks, words of another slot, words older than before)."""
    seen = np.zeros(SLOTS, np.int64)
    looks = wrong = older = 0
    while looks < SLOTS or not load_acquire(stop):
        for slot in range(SLOTS):
            word = slot_word(arena, slot)
            wrong += word != 0 and slot_of(abs(word)) != slot
            older += abs(word) < abs(seen[slot])
            seen[slot] = word
            looks += 1
    return looks, wrong, older


class ArenaMachine(RuleBasedStateMachine):
    """Against a list of free slots and a dict of generations."""

    handles = Bundle("handles")

    @initialize(capacity=st.sampled_from([1, 2, 3, 17, SLOTS]), before=st.integers(0, 1 << 40), room=st.integers(0, 60))
    def begin(self, capacity: int, before: int, room: int) -> None:
        self.arena = new_record(ARENA)
        self.arena.view(np.uint8)[:] = 0xA5  # what is there before does not matter
        self.last, self.generation = before + room, before
        format_arena(self.arena[0], capacity, before=before, last=self.last)
        self.free = list(range(capacity))
        self.held: dict[int, int] = {}
        self.ended: dict[int, int] = {}
        self.refused = {"exhausted": 0, "twice": 0, "stale": 0}

    @rule(target=handles)
    def take(self) -> int:
        handle = take(self.arena[0])
        if not self.free or self.generation == self.last:
            self.refused["exhausted"] += 1
            assert handle == NONE
            return NONE
        self.generation += 1
        slot = self.free.pop(0)
        self.held[slot] = self.generation
        assert parts(handle) == (self.generation, slot)
        return handle

    @rule(handle=handles)
    def give_back(self, handle: int) -> None:
        generation, slot = handle >> SLOT_BITS, handle & (SLOTS - 1)
        fine = handle != NONE and self.held.get(slot) == generation
        assert give_back(self.arena[0], handle) == fine
        if fine:
            del self.held[slot]
            self.ended[slot] = generation
            self.free.append(slot)
        else:
            twice = handle != NONE and slot not in self.held and self.ended.get(slot) == generation
            self.refused["twice" if twice else "stale"] += 1

    @rule(handle=st.one_of(st.integers(-(2**63), 0), st.integers(1, 2**63 - 1)))
    def give_back_what_was_never_given(self, handle: int) -> None:
        if handle <= 0 or self.held.get(handle & (SLOTS - 1)) != handle >> SLOT_BITS:
            assert give_back(self.arena[0], handle) == 0
            twice = handle > 0 and self.ended.get(handle & (SLOTS - 1)) == handle >> SLOT_BITS
            self.refused["twice" if twice and handle & (SLOTS - 1) not in self.held else "stale"] += 1

    @rule(ahead=st.integers(-2, 1000), room=st.integers(-1, 60))
    def skip(self, ahead: int, room: int) -> None:
        before, last = max(self.generation + ahead, 0), max(self.generation + ahead, 0) + room
        fine = before > self.generation and room >= 0
        assert skip_to(self.arena[0], before, last) == fine
        if fine:
            self.generation, self.last = before, last

    @rule()
    def resume(self) -> None:
        """A new owner finds the same slots taken; the free ones go out in the order of their generations."""
        self.arena["free"] = -1
        self.arena["free_head"] = self.arena["free_count"] = 0
        resume(self.arena[0])
        self.free.sort(key=lambda slot: (self.ended.get(slot, 0), slot))

    @invariant()
    def same(self) -> None:
        row = self.arena[0]
        assert taken(row) == sorted(generation << SLOT_BITS | slot for slot, generation in self.held.items())
        assert row["free_count"] == len(self.free)
        assert {name: int(row[name]) for name in self.refused} == self.refused


ArenaMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestArenaAgainstAListAndADict = ArenaMachine.TestCase


def new_arena(capacity: int = SLOTS, **generations: int) -> Any:
    """A formatted arena."""
    arena = new_record(ARENA)
    format_arena(arena[0], capacity, **generations)
    return arena[0]


def test_an_exhausted_arena_says_none_and_goes_on_with_the_first_slot_given_back() -> None:
    arena = new_arena()
    handles = [take(arena) for _ in range(SLOTS)]
    none = [take(arena) for _ in range(3)]
    give_back(arena, handles[77])

    assert len({slot for _, slot in map(parts, handles)}) == SLOTS
    assert (none, arena["exhausted"]) == ([NONE] * 3, 3)
    assert parts(take(arena)) == (SLOTS + 1, 77)


def test_the_slot_given_back_longest_ago_goes_out_first() -> None:
    arena = new_arena(4)
    first, second, *_ = [take(arena) for _ in range(4)]
    for handle in (second, first):
        give_back(arena, handle)

    assert [slot_of.py_func(take(arena)) for _ in range(2)] == [1, 0]


def test_a_stale_handle_leaves_the_newer_order_in_its_slot_alone() -> None:
    arena = new_arena(1)
    old = take(arena)
    give_back(arena, old)
    new = take(arena)
    refused = [give_back(arena, handle) for handle in (old, 0, -1, -new, new + (1 << SLOT_BITS), new + 1)]

    assert (refused, arena["stale"], arena["twice"]) == ([0] * 6, 6, 0)
    assert (give_back(arena, new), give_back(arena, new), arena["twice"]) == (1, 0, 1)
    assert arena["free_count"] == 1


def test_the_last_generation_is_given_out_and_none_behind_it() -> None:
    arena = new_arena(8, before=GENERATION_MAX - 2)
    handles = [take(arena) for _ in range(3)]

    assert [handle >> SLOT_BITS for handle in handles] == [GENERATION_MAX - 1, GENERATION_MAX, 0]
    assert give_back(arena, handles[1]) == 1
    assert skip_to(arena, GENERATION_MAX + 1, GENERATION_MAX + 2) == 0


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"capacity": SLOTS + 1}, {"before": -1}, {"before": 2, "last": 1}])
def test_an_arena_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        format_arena(new_record(ARENA)[0], **wrong)


def test_a_million_orders_allocate_nothing_by_numbas_own_counters() -> None:
    arena = new_arena()
    take_and_give_back(arena, 1)
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        found = take_and_give_back(arena, 1_000_000)
        after = rtsys.get_allocation_stats()
    finally:
        _nrt_python.memsys_disable_stats()

    assert (found, after) == (1_000_000, before)


@pytest.mark.parametrize("capacity", [1, 3, SLOTS])
def test_an_owner_killed_at_any_instruction_leaves_each_slot_free_or_taken_and_its_successor_goes_on(
    capacity: int,
) -> None:
    memory = shared_record(ARENA)
    arena = memory[0]
    format_arena(arena, capacity)
    for _ in range(min(capacity, 2)):
        give_back(arena, take(arena))
    held = [take(arena) for _ in range(capacity // 3)]
    taking = crash_images(lambda: take_stepped(arena), memory.view(np.uint8))
    new = max(taken(arena))
    giving = crash_images(lambda: give_back_stepped(arena, new), memory.view(np.uint8))

    for images, ends in ((taking, ([], [new])), (giving, ([new], []))):
        found = [successor(image, held) for image in images]
        assert (found[0], found[-1]) == ends
        changes = [one for one, other in itertools.pairwise(found) if one != other]
        assert len(changes) == 1, "one store is the moment"


def successor(image: bytes, held: list[int]) -> list[int]:
    """What a successor finds taken besides what it knows; all of it can be given back, and every slot is there once."""
    arena = np.frombuffer(bytearray(image), ARENA)[0]
    arena["generation"] = 0  # what the words say is enough
    resume(arena)
    unknown = [handle for handle in taken(arena) if handle not in held]
    for handle in taken(arena):
        assert give_back(arena, handle) == 1
    capacity = int(arena["capacity"])
    fresh = [take(arena) for _ in range(capacity)]
    assert {slot for _, slot in map(parts, fresh)} == set(range(capacity))
    assert min(fresh) > max([*held, *unknown, 0])
    assert take(arena) == NONE
    return unknown


def test_another_process_sees_in_every_word_one_order_of_that_slot_and_never_an_older_one() -> None:
    memory, stop = shared_record(ARENA), shared(8)
    format_arena(memory[0])
    watch(address_of_array(memory), address_of_array(np.ones(1, np.int64)))
    owner = Child(lambda: churn(memory[0], 20_000_000, address_of_array(stop)))
    looks, wrong, older = watch(address_of_array(memory), address_of_array(stop))

    assert owner.wait() == 0
    assert looks >= SLOTS
    assert (wrong, older) == (0, 0)
    assert [word_of(address_of_array(memory), slot) for slot in range(SLOTS)] == memory[0]["words"].tolist()
