"""What a market session says to its venue, and by which rules it follows what comes back. Cold; one for each venue.

A venue's `requests` module makes a SessionPlan; `prepare_feed` puts it into the session's record. Texts that are
sent on the stream are whole frames, joined by line feeds.
"""

from enum import IntEnum

import msgspec


class IdRule(IntEnum):
    """What the update ids of a depth stream continue.

    PREVIOUS: each names the id before it (`pu`, `prevSeqId`). SUCCESSOR: each begins at the last one plus 1.
    """

    PREVIOUS = 0
    SUCCESSOR = 1


class SnapshotRule(IntEnum):
    """Where snapshots come from.

    REQUESTED: from REST, once an update has been seen, and updates that came before it join it.
    STREAMED: from the stream, on subscription; what comes before it is of no use.
    """

    REQUESTED = 0
    STREAMED = 1


class SilenceRule(IntEnum):
    """What must not be silent for too long.

    SYMBOL: each book, where a venue repeats it even if nothing changed. CONNECTION: the whole stream, where a book may
    be quiet for long and heartbeats, or answers to our pings, say that the venue is there.
    """

    SYMBOL = 0
    CONNECTION = 1


class SessionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`requests`: for each symbol what asks for its snapshot: a REST request, or a subscription.

    `cancels`: what is sent before a subscription is repeated. `greetings`: further subscriptions of each symbol,
    once after each connect. `ping`: sent every `ping_ms` (0: never).
    """

    path: str
    requests: list[bytes]
    cancels: list[bytes] = []
    greetings: list[bytes] = []
    ping: bytes = b""
    ping_ms: int = 0
    id_rule: IdRule = IdRule.PREVIOUS
    snapshot_rule: SnapshotRule = SnapshotRule.REQUESTED
    silence_rule: SilenceRule = SilenceRule.SYMBOL
