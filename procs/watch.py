"""Watch: one word for each inbox that tells whether there is anything to take, all side by side.

    inboxes   [ ring, slots, cancels: 700 bytes each ]  [ ... ]  [ ... ]        looked at when a word differs
    watches   [ address, as seen ] [ address, as seen ] [ ... ]                 two or three lines, at each pass

A ring's word is the commit word of the frame that comes next, 0 until it is there; of slots the count of publications.
An inbox that no single word tells of (cancel sets, rings that may be lapped, slots with more to look at) has address 0
and is always asked, and so is every inbox that was bound anew.
"""

import numpy as np

from procs.ports import RING, SLOTS
from shm.atomics import load_acquire
from shm.kernel import inlined

WATCH = np.dtype([("address", "i8"), ("seen", "i8")], align=True)
"""`seen`: what the word at `address` is as long as there is nothing to take."""


@inlined
def is_quiet(watch):
    """Whether an inbox surely has nothing."""
    return watch.address != 0 and load_acquire(watch.address) == watch.seen


@inlined
def watch_inbox(watch, box):
    """Watch the word that will tell of an inbox's next message."""
    watch.address = 0
    if box.kind == RING:
        if not box.ring.lossy:
            watch.address = box.ring.data + (box.ring.position & box.ring.mask)
            watch.seen = 0
    elif box.kind == SLOTS and box.slot.next >= box.slot.slots:
        watch.address = box.slot.base
        watch.seen = box.slot.publications
