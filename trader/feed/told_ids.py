"""The ids that were told last: what makes an older update a duplicate, and what says that the newest id was wrong."""

from shm.kernel import inlined, kernel
from trader.feed.state import RECENT_IDS


@inlined
def note_id(own, told_id):
    """Remember the id of an update that was told."""
    own.recent[own.recent_count & (RECENT_IDS - 1)] = told_id
    own.recent_count += 1


@kernel
def was_told(own, told_id):
    """Whether an update with this id was told, as far as it is remembered, or is from before what is remembered.

    One that is neither says that the newest id was wrong: a damaged digit, which would make every following update
    look like an old one.
    """
    oldest = own.recent[max(own.recent_count - RECENT_IDS, 0) & (RECENT_IDS - 1)]
    told = own.recent_count == 0 or told_id < oldest
    for i in range(min(own.recent_count, RECENT_IDS)):
        told = told or own.recent[i] == told_id
    return told
