"""A small machine whose memory is as weak as C11 allows: every stale value that a core may still see is seen.

Each word keeps all values that were ever stored in it. Who loads may get any that is not older than what it must
know of: its view, a lower bound for each word.

    store, relaxed    adds a value; whoever reads it learns what was known at the writer's last release fence
    store, release    adds a value; whoever acquires it learns all that its writer knew
    load, relaxed     any value from the view's on; what it carries counts at the next acquire fence
    load, acquire     any value from the view's on, and joins what it carries
    read-modify-write the newest value; acquires and releases
    fence             both fences, and one order among all full fences

Plain accesses are relaxed ones, copies go word by word. Not modelled: a load that takes effect behind a later store
of its own core (the generated code's orders are read for that, see tests/shm/test_memory_orders.py).

Actors run the shipped kernels' Python source (see interpreted). One runs at a time; at each access another may get
its turn, as the seed says. An actor may be killed before its n-th store: what it had stored until then stays.
"""

import random
import threading
from collections.abc import Callable

import numpy as np

View = dict[int, int]

_WRAP, _SIGN = (1 << 64) - 1, 1 << 63
TURNS_MAX = 20_000


class Killed(BaseException):
    """An actor's end by kill -9."""


class _Abandoned(BaseException):
    """Another actor failed: nothing more is to be learned."""


def signed(value: int) -> int:
    """The int64 of a Python integer."""
    return ((value + _SIGN) & _WRAP) - _SIGN


class Actor:
    """One process: what it must know of, what its loads have yet to teach it, when it is killed."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action
        self.kill_at = 0
        self.view: View = {}
        self.pending: list[View] = []
        self.released: View | None = None
        self.stores = 0
        self.result: object = None
        self.killed = self.ended = False
        self.asleep_on: int | None = None
        self.turn = threading.Semaphore(0)

    def relive(self, life: Callable[[], object]) -> object:
        """A process and, when it is killed, its successor, which knows of all that it had stored.

        Between two lives lies the kernel, whose switches are full fences.
        """
        try:
            return life()
        except Killed:
            self.killed, self.kill_at = True, 0
            self.pending.clear()
            self.released = dict(self.view)
            return life()

    def learn(self, view: View) -> None:
        """Never again see anything older than `view`."""
        mine = self.view
        for address, at in view.items():
            if mine.get(address, 0) < at:
                mine[address] = at


class Machine:
    """Memory and turns. `stale`: how often a load looks for an old value; `switch`: how often a turn ends early."""

    def __init__(self, seed: int, *, stale: float = 0.3, switch: float = 0.1) -> None:
        self.random = random.Random(seed)
        self.stale, self.switch = stale, switch
        self.words: dict[int, list[tuple[int, View | None]]] = {}
        self.fences: View = {}
        self.events: set[int] = set()
        self.actors: list[Actor] = []
        self.now = Actor(lambda: None)
        self.failure: BaseException | None = None
        self.turns = 0

    # Turns

    def run(self, *actors: Actor) -> None:
        """Let actors run side by side until all have ended. Raises what one of them raises, kills aside."""
        self.actors, self.failure, self.turns = list(actors), None, 0
        if len(actors) == 1:
            self.now = actors[0]
            self._live(actors[0])
        else:
            threads = [threading.Thread(target=self._wait_and_live, args=(each,), daemon=True) for each in actors]
            for thread in threads:
                thread.start()
            self._hand_over()
            for thread in threads:
                thread.join()
        if self.failure is not None:
            raise self.failure

    def _wait_and_live(self, actor: Actor) -> None:
        try:
            self._await(actor)
            self._live(actor)
        except _Abandoned:
            pass
        self._hand_over()

    def _live(self, actor: Actor) -> None:
        try:
            actor.result = actor.action()
        except Killed:
            actor.killed = True
        except _Abandoned:
            pass
        except BaseException as failure:
            self.failure = self.failure or failure
        actor.ended = True

    def _await(self, actor: Actor) -> None:
        actor.turn.acquire()
        if self.failure is not None:
            raise _Abandoned
        self.now = actor

    def _hand_over(self) -> None:
        """Give the turn to one that can use it; when all that live are asleep, a wake-up was lost."""
        living = [each for each in self.actors if not each.ended]
        awake = [each for each in living if each.asleep_on is None]
        if living and not awake:
            self.failure = self.failure or AssertionError("all are asleep: a wake-up was lost")
        for each in living if self.failure is not None else [self.random.choice(awake)] if awake else []:
            each.turn.release()

    def let_others_go_first(self) -> None:
        """End this actor's turn: what a yield, a pause and a sleep come to."""
        actor = self.now
        self._count()
        if len(self.actors) > 1:
            self._hand_over()
            self._await(actor)

    def settle(self, settled: Callable[[], bool]) -> None:
        """Wait until what this actor has done has arrived. Never, where it was lost: then there is no end."""
        while not settled():
            self.let_others_go_first()

    def _count(self) -> None:
        self.turns += 1
        if self.turns > TURNS_MAX:
            raise AssertionError(f"no end after {TURNS_MAX} accesses")

    def _access(self) -> Actor:
        actor = self.now
        self._count()
        if len(self.actors) > 1 and self.random.random() < self.switch:
            self._hand_over()
            self._await(actor)
        return actor

    def _change(self) -> Actor:
        actor = self._access()
        actor.stores += 1
        if actor.stores == actor.kill_at:
            raise Killed
        return actor

    # Memory

    def load(self, address: int, *, acquire: bool = False) -> int:
        """One aligned word, as stale as the orders allow."""
        actor = self._access()
        values = self.words.get(address)
        if values is None:
            return 0
        newest, oldest = len(values) - 1, actor.view.get(address, 0)
        at = newest
        if oldest < newest and self.random.random() < self.stale:
            at = self.random.randint(oldest, newest)
        value, carried = values[at]
        actor.view[address] = at
        if carried is not None:
            if acquire:
                actor.learn(carried)
            elif not actor.pending or actor.pending[-1] is not carried:
                actor.pending.append(carried)
        return value

    def store(self, address: int, value: int, *, release: bool = False) -> None:
        """One aligned word."""
        actor = self._change()
        values = self.words.setdefault(address, [(0, None)])
        actor.view[address] = len(values)
        values.append((signed(value), dict(actor.view) if release else actor.released))

    def modify(self, address: int, change: Callable[[int], int]) -> int:
        """Read, modify and write the newest value of a word; acquires and releases. The former value."""
        actor = self._change()
        values = self.words.setdefault(address, [(0, None)])
        former, carried = values[-1]
        actor.learn(carried or {})
        actor.view[address] = len(values)
        values.append((signed(change(former)), dict(actor.view)))
        return former

    def fence_acquire(self) -> None:
        """What loads before it have read, holds behind it."""
        for carried in self.now.pending:
            self.now.learn(carried)
        self.now.pending.clear()

    def fence_release(self) -> None:
        """Whoever sees a store behind it can know of all before it."""
        self.now.released = dict(self.now.view)

    def fence(self) -> None:
        """Both, and in one order with all other full fences."""
        self._access()
        self.fence_acquire()
        self.now.learn(self.fences)
        self.fences = dict(self.now.view)
        self.fence_release()

    def newest(self, address: int) -> int:
        """What stands in a word in the end: for tests, no access."""
        return self.words.get(address, [(0, None)])[-1][0]

    def put(self, address: int, content: bytes) -> None:
        """Make words what `content` says, for all to know: before anyone runs."""
        for offset in range(0, len(content), 8):
            word = int.from_bytes(content[offset : offset + 8], "little", signed=True)
            if word or address + offset in self.words:
                self.words[address + offset] = [(word, None)]

    def image(self, address: int, size: int) -> np.ndarray:
        """What stands in memory in the end, as one who maps it now and knows of all would see it."""
        words = [self.newest(at) for at in range(address, address + size, 8)]
        return np.array(words, np.int64).view(np.uint8)

    # Sleep: in the kernel, which sees the newest of everything and has no time-outs here

    def sleep_on(self, address: int, expected: int) -> None:
        """A futex wait: until woken, or not at all when the word is another."""
        if self._access() and self.newest(address) == expected:
            self._sleep(address)

    def wake(self, address: int) -> None:
        """A futex wake: whoever sleeps on the word now."""
        self._access()
        for each in self.actors:
            if each.asleep_on == address:
                each.asleep_on = None

    def signal(self, descriptor: int) -> None:
        """A write to an eventfd: wakes who waits for it now, or else who comes next."""
        self.events.add(descriptor)
        self.wake(descriptor)

    def await_event(self, descriptor: int) -> None:
        """Wait until an eventfd is written to, and read it."""
        if self._access() and descriptor not in self.events:
            self._sleep(descriptor)
        self.events.discard(descriptor)

    def _sleep(self, address: int) -> None:
        actor = self.now
        assert len(self.actors) > 1, "asleep, and nobody there to wake it"
        actor.asleep_on = address
        while actor.asleep_on is not None:
            self._hand_over()
            self._await(actor)
