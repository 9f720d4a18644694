"""Orders: the table of allowed state transitions, and client order ids.

A client order id names one order for good and says where it stands in every table:

      63        44 43      40 39            12 11         0
     +------------+----------+----------------+------------+
     |   epoch    |  stage   |    counter     | order slot |
     +------------+----------+----------------+------------+
       persisted    who made    one more with   index in the
       per start    it (1..15)  every order     order tables

Its upper 51 bits, the generation, grow with every order of a stage, through epochs too. Whoever owns the slots
(the strategy stage) takes one for each order. Strategy, risk and router keep tables indexed by slot and compare the
id stored there, so that a word about an old order never touches the newer one in its slot.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel
from trader.enums import OrderState

ORDER_SLOTS_MAX = 4096
POST_ONLY_WOULD_TAKE = -5022
"""Reason of a REJECTED report: a post-only order met a touch that had moved, whatever the venue calls it."""

NOT_TRADING = -1122
"""Likewise: the venue does not trade the instrument now."""

STAGE_STRATEGY = 1

SLOT_BITS = 12
COUNTER_BITS = 28
STAGE_BITS = 4
EPOCH_BITS = 19
COUNTER_SHIFT = SLOT_BITS
STAGE_SHIFT = COUNTER_SHIFT + COUNTER_BITS
EPOCH_SHIFT = STAGE_SHIFT + STAGE_BITS
SLOT_MASK = (1 << SLOT_BITS) - 1
COUNTER_MAX = (1 << COUNTER_BITS) - 1
STAGE_MASK = (1 << STAGE_BITS) - 1
EPOCH_MAX = (1 << EPOCH_BITS) - 1

assert 1 << SLOT_BITS == ORDER_SLOTS_MAX
assert EPOCH_SHIFT + EPOCH_BITS == 63, "an id is a positive int64"


class OrderEvent(IntEnum):
    """What moves an order from state to state. FILL leaves lots over, FILL_LAST does not.

    SILENCE: no answer in time, or the connection went. It proves nothing.
    """

    SEND = 0
    DENY = 1
    ACK = 2
    FILL = 3
    FILL_LAST = 4
    CANCEL = 5
    EXPIRE = 6
    REJECT = 7
    SILENCE = 8


CONTRADICTION = -1

FREE, RESERVED, SENT, OPEN, PARTIAL, FILLED, CANCELED, REJECTED, EXPIRED, DENIED, UNKNOWN = OrderState
_X = CONTRADICTION

# fmt: off
TRANSITIONS: dict[OrderState, tuple[int, ...]] = {
    #          SEND  DENY    ACK       FILL      FILL_LAST  CANCEL    EXPIRE    REJECT    SILENCE
    # risk sees no SEND: for it a reserved order is answered directly
    RESERVED: (SENT, DENIED, OPEN,     PARTIAL,  FILLED,    CANCELED, EXPIRED,  REJECTED, UNKNOWN),
    SENT:     (_X,   _X,     OPEN,     PARTIAL,  FILLED,    CANCELED, EXPIRED,  REJECTED, UNKNOWN),
    # left only by proof
    UNKNOWN:  (_X,   _X,     OPEN,     PARTIAL,  FILLED,    CANCELED, EXPIRED,  REJECTED, UNKNOWN),
    # what the venue has acknowledged does not become unknown again: it is queried instead
    OPEN:     (_X,   _X,     OPEN,     PARTIAL,  FILLED,    CANCELED, EXPIRED,  _X,       OPEN),
    PARTIAL:  (_X,   _X,     PARTIAL,  PARTIAL,  FILLED,    CANCELED, EXPIRED,  _X,       PARTIAL),
    # the ends hear late acks and late fills; a complete fill wins over any other end
    FILLED:   (_X,   _X,     FILLED,   FILLED,   FILLED,    FILLED,   FILLED,   _X,       FILLED),
    CANCELED: (_X,   _X,     CANCELED, CANCELED, FILLED,    CANCELED, CANCELED, _X,       CANCELED),
    EXPIRED:  (_X,   _X,     EXPIRED,  EXPIRED,  FILLED,    EXPIRED,  EXPIRED,  _X,       EXPIRED),
    REJECTED: (_X,   _X,     _X,       REJECTED, FILLED,    _X,       _X,       REJECTED, REJECTED),
    DENIED:   (_X,   DENIED, _X,       _X,       _X,        _X,       _X,       _X,       _X),
    FREE:     (_X,) * len(OrderEvent),
}
"""State after each OrderEvent. _X is a contradiction: the state stays, and the caller counts and queries."""
# fmt: on

TERMINAL = (FILLED, CANCELED, REJECTED, EXPIRED, DENIED)
LIVE = (RESERVED, SENT, OPEN, PARTIAL, UNKNOWN)

NEXT_STATE = np.array([TRANSITIONS[state] for state in OrderState], dtype=np.int64)
LIVE_MASK = sum(1 << state for state in LIVE)

ORDER = np.dtype(
    [
        ("client_order_id", "i8"),
        ("venue_order_id", "i8"),
        ("symbol_id", "i8"),
        ("venue_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
        ("filled_lots", "i8"),  # sum of the unique fills
        ("cumulative_lots", "i8"),  # the most that the venue has claimed
        ("state", "i8"),  # OrderState
        ("end_event", "i8"),  # CANCEL or EXPIRE that waits for its last fills, else 0
    ],
    align=True,
)
"""Facts of one order. They merge monotonically: fills only add up, `cumulative_lots` only grows."""


@inlined
def pack_client_order_id(epoch, stage, counter, order_slot):
    """The id of order number `counter` of a stage in slot `order_slot`; arguments within their bits."""
    return (epoch << EPOCH_SHIFT) | (stage << STAGE_SHIFT) | (counter << COUNTER_SHIFT) | order_slot


@inlined
def order_slot_of(client_order_id):
    """Slot of an id, 0 to ORDER_SLOTS_MAX - 1."""
    return client_order_id & SLOT_MASK


@inlined
def counter_of(client_order_id):
    """Counter of an id, 0 to COUNTER_MAX."""
    return (client_order_id >> COUNTER_SHIFT) & COUNTER_MAX


@inlined
def stage_of(client_order_id):
    """Stage that made an id, 0 to 15."""
    return (client_order_id >> STAGE_SHIFT) & STAGE_MASK


@inlined
def epoch_of(client_order_id):
    """Epoch of an id, 0 to EPOCH_MAX."""
    return client_order_id >> EPOCH_SHIFT


@inlined
def generations(epoch, stage):
    """(before the first, last) generation of the ids that a stage may make in an epoch."""
    before = pack_client_order_id(epoch, stage, 0, 0) >> SLOT_BITS
    return before, before + COUNTER_MAX


@inlined
def is_live(state):
    """1 while an order of that state may still trade (UNKNOWN included)."""
    return (LIVE_MASK >> state) & 1


@inlined
def next_state(state, event):
    """State after an event, or CONTRADICTION."""
    return NEXT_STATE[state, event]


@kernel
def apply_ack(order, venue_order_id, cumulative_lots):
    """The venue has the order and has executed `cumulative_lots` of it: state after it, or CONTRADICTION."""
    _bind(order, venue_order_id, cumulative_lots)
    return _move(order, OrderEvent.ACK)


@kernel
def apply_fill(order, venue_order_id, lots, cumulative_lots):
    """A fill that was not seen before; books it whatever the state, then ends the order if that was the last."""
    order.filled_lots += lots
    _bind(order, venue_order_id, max(cumulative_lots, order.filled_lots))
    moved = _move(order, OrderEvent.FILL_LAST if order.filled_lots >= order.size_lots else OrderEvent.FILL)
    return _end_if_caught_up(order, moved)


@kernel
def apply_end(order, event, venue_order_id, cumulative_lots):
    """CANCEL or EXPIRE after `cumulative_lots` executions: ends now, or once the fills have caught up with them.

    Keeps the state while fills are owed, so that their exposure stays reserved until they are booked.
    """
    _bind(order, venue_order_id, cumulative_lots)
    if is_live(order.state):
        order.end_event = event
        return _end_if_caught_up(order, order.state)
    return _move(order, event)


@inlined
def _end_if_caught_up(order, state):
    if order.end_event != 0 and is_live(order.state) and order.filled_lots >= order.cumulative_lots:
        return _move(order, order.end_event)
    return state


@inlined
def _bind(order, venue_order_id, cumulative_lots):
    """The venue's own id, once known, and its total, never less than before."""
    if order.venue_order_id == 0:
        order.venue_order_id = venue_order_id
    order.cumulative_lots = max(order.cumulative_lots, cumulative_lots)


@inlined
def _move(order, event):
    after = NEXT_STATE[order.state, event]
    if after != CONTRADICTION:
        order.state = after
    return after
