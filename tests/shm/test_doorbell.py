"""Doorbells: a sleeper in a futex or in epoll is woken, and no wake-up is lost however the two sides interleave."""

import os
import select

import numpy as np

from shm.atomics import fence, load_acquire, store_relaxed, store_release
from shm.clock import CLOCK, read_clock
from shm.control import store_word
from shm.doorbell import AWAKE, IN_EPOLL, IN_FUTEX, ring_doorbell, sleep_in_futex, wake
from shm.kernel import address_of_array, kernel, new_record
from shm.layout import DOORBELL_BYTES, DOORBELL_DESCRIPTOR, DOORBELL_STATE
from tests.shm.areas import shared
from tests.shm.processes import Child

ROUNDS = 12_000
EVENTFD_ROUNDS = 2_000
TIMEOUT_NS = 5_000_000_000


@kernel
def await_word(word, value, doorbell, clock, scratch):
    """Sleep until the word has reached a value; 1 when only the time-out ended a sleep."""
    lost = 0
    while load_acquire(word) < value:
        store_relaxed(doorbell + DOORBELL_STATE, IN_FUTEX)
        fence()
        if load_acquire(word) < value:
            before_ns = read_clock(clock)
            sleep_in_futex(doorbell, TIMEOUT_NS, scratch)
            lost += read_clock(clock) - before_ns >= TIMEOUT_NS
        else:
            store_release(doorbell + DOORBELL_STATE, AWAKE)
    return lost


@kernel
def play(first, own_word, other_word, own_bell, other_bell, rounds, clock, scratch):
    """One side of a ping-pong; how many wake-ups were lost."""
    lost = 0
    for number in range(1, rounds + 1):
        if not first:
            lost += await_word(own_word, number, own_bell, clock, scratch)
        store_release(other_word, number)
        fence()
        ring_doorbell(other_bell, scratch)
        if first:
            lost += await_word(own_word, number, own_bell, clock, scratch)
    return lost


@kernel
def raise_word(word, value):
    """Publish a value."""
    store_release(word, value)


def area() -> tuple[int, np.ndarray]:
    """(address, content) of 1024 shared bytes: words at 0 and 128, doorbells at 256 and 384."""
    content = shared(1024)
    return address_of_array(content), content


def test_no_wake_up_is_lost_in_a_ping_pong_of_two_processes_that_sleep_in_futexes() -> None:
    base, _content = area()
    clock = new_record(CLOCK)

    def side(first: bool) -> int:
        scratch = np.zeros(2, np.int64)
        mine, other = (0, 128) if first else (128, 0)
        return play(
            first, base + mine, base + other, base + 256 + mine, base + 256 + other, ROUNDS,
            address_of_array(clock), address_of_array(scratch),
        )  # fmt: skip

    other = Child(lambda: side(False))
    assert side(True) == 0
    assert other.wait() == 0


def test_a_sleep_ends_by_its_timeout_and_leaves_the_doorbell_awake() -> None:
    base, content = area()
    store_word(base, IN_FUTEX)
    scratch = np.zeros(2, np.int64)
    sleep_in_futex(base, 1_000_000, address_of_array(scratch))

    assert content.view(np.int64)[0] == AWAKE


def test_a_doorbell_that_was_rung_before_the_sleep_does_not_sleep() -> None:
    base, content = area()
    store_word(base, IN_FUTEX)
    scratch = np.zeros(2, np.int64)
    wake(base, address_of_array(scratch))
    assert content.view(np.int64)[0] == AWAKE

    sleep_in_futex(base, TIMEOUT_NS, address_of_array(scratch))


def test_an_awake_consumer_costs_no_system_call() -> None:
    base, content = area()
    descriptor = os.eventfd(0, os.EFD_NONBLOCK)
    store_word(base + DOORBELL_DESCRIPTOR, descriptor)
    wake(base, address_of_array(np.zeros(2, np.int64)))
    ready = select.select([descriptor], [], [], 0)[0]
    os.close(descriptor)

    assert ready == []
    assert content.view(np.int64)[:16].tolist() == [AWAKE, descriptor] + [0] * 14


def test_a_consumer_that_sleeps_in_epoll_is_woken_once_by_its_eventfd_and_no_wake_up_is_lost() -> None:
    base, content = area()
    words = content.view(np.int64)
    consumer_fd, producer_fd = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
    store_word(base + 256 + DOORBELL_DESCRIPTOR, producer_fd)
    store_word(base + 384 + DOORBELL_DESCRIPTOR, consumer_fd)
    assert DOORBELL_BYTES == 128

    def sleep(word: int, value: int, bell: int, descriptor: int) -> int:
        poller = select.epoll()
        poller.register(descriptor, select.EPOLLIN)
        lost = 0
        while words[word] < value:
            store_word(base + bell, IN_EPOLL)
            full_fence()
            if words[word] < value:
                lost += not poller.poll(TIMEOUT_NS / 1e9)
            store_word(base + bell, AWAKE)
            # What is left in the eventfd would end the next sleep early, which is allowed.
            if select.select([descriptor], [], [], 0)[0]:
                os.eventfd_read(descriptor)
        poller.close()
        return lost

    def side(first: bool) -> int:
        scratch = np.zeros(2, np.int64)
        own, other = (0, 128) if first else (128, 0)
        lost = 0
        for number in range(1, EVENTFD_ROUNDS + 1):
            if not first:
                lost += sleep(own // 8, number, 256 + own, consumer_fd)
            raise_word(base + other, number)
            wake(base + 256 + other, address_of_array(scratch))
            if first:
                lost += sleep(own // 8, number, 256 + own, producer_fd)
        return lost

    other = Child(lambda: side(False))
    lost = side(True)
    assert other.wait() == 0 and lost == 0
    os.close(consumer_fd)
    os.close(producer_fd)


@kernel
def full_fence():
    """`fence`, from Python."""
    fence()
