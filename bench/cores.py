"""The cores of a bench: it measures pinned to one; a program that it starts, such as the main job, has all of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from procs.affinity import pin

_GIVEN = os.sched_getaffinity(0)
"""What this process was given, before it pinned itself: `taskset` and containers narrow it."""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pinned to one core meanwhile."""
    with _kept():
        pin(core)
        yield


@contextmanager
def on_all_cores() -> Iterator[None]:
    """On every core that there is meanwhile; what is started now inherits them."""
    with _kept():
        os.sched_setaffinity(0, _GIVEN)
        yield


@contextmanager
def _kept() -> Iterator[None]:
    affinity = os.sched_getaffinity(0)
    try:
        yield
    finally:
        os.sched_setaffinity(0, affinity)
