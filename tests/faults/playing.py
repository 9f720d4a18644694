"""Compiled: virtual time goes on in small steps, some stages hang in each, and exposure is watched after each.

slot of SLOT_NS    seeded: which stages get no turn     ->  settle  ->  watch
"""

import numpy as np

from procs.backtest_kernels import settle
from procs.duty_cycle import next_timer_ns
from shm.clock import CLOCK
from shm.codec import decode, record_dtype
from shm.kernel import kernel, load_i64, store_i64, view
from shm.layout import FRAME_HEADER_BYTES, LENGTH_MASK
from shm.ring import READER, advance, poll
from trader.exchange.order_flow import uniform
from trader.exchange.venue import EXCHANGE
from trader.messages import NewOrder
from trader.risk.state import RISK

ROUNDS_MAX = 1 << 16
STAGES_MAX = 8
SLOT_NS = 20_000_000
APPROVED_MAX = 1 << 14

PLAY = np.dtype(
    [
        ("random", "u8"),
        ("pause_share", "f8"),  # chance of each stage that may hang to do so in a slot
        ("may_pause", "i8"),  # set: bit n = stage n of the group
        ("paused", "i8"),
        ("slot_end_ns", "i8"),
        ("steps", "i8"),
        ("under_reserved", "i8"),  # times risk's worst case was less than the exchange's
        ("under_lots", "i8"),
        ("approvals", READER),
        ("order", record_dtype(NewOrder)),
        ("approved", "i8"),
        ("stale", "i8"),  # approved on a book that was too old
        ("ids", "i8", (APPROVED_MAX,)),
        ("group", "i8", (STAGES_MAX,)),
    ],
    align=True,
)
"""`approvals`: beside the router's own reader of what risk has approved; `ids`: the last of them."""


@kernel
def _draw_paused(play, count):
    play.paused = 0
    for index in range(count):
        if (play.may_pause >> index) & 1 and uniform(play) < play.pause_share:
            play.paused |= 1 << index


@kernel
def note_approvals(play, risk, now_ns):
    """Note the ids of what risk has approved since the last look, at this time, and on how old a book."""
    frame = poll(play.approvals)
    while frame != 0:
        decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, play.order)
        play.ids[play.approved % APPROVED_MAX] = play.order.client_order_id
        play.approved += 1
        symbol = risk.symbols[play.order.symbol_id]
        play.stale += 1 if now_ns - symbol.received_ns > symbol.limits.book_age_ns_max else 0
        advance(play.approvals, frame)
        frame = poll(play.approvals)


@kernel
def _watch(play, exchange, risk):
    """What risk holds for the worst case is never less than what could happen at the exchange."""
    account = exchange.account
    for symbol_id in range(exchange.symbol_count):
        buys = sells = 0
        for place in range(account.open_count[symbol_id]):
            order = account.orders[account.open[symbol_id, place]]
            if order.side > 0:
                buys += order.lots - order.filled_lots
            else:
                sells += order.lots - order.filled_lots
        symbol = risk.symbols[symbol_id]
        lots = account.ledger[symbol_id].position_lots
        long_lots = lots + buys - symbol.position.lots - symbol.buys.leaves_lots
        short_lots = sells - lots - symbol.sells.leaves_lots + symbol.position.lots
        if max(long_lots, short_lots) > 0:
            play.under_reserved += 1
            play.under_lots = max(play.under_lots, long_lots, short_lots)


@kernel
def play_until(play_address, loop, group, count, exchange_address, risk_address, until_ns):
    """Let virtual time go on to `until_ns`. `group`: addresses of `count` DUTY records, the exchange's first."""
    play = view(play_address, PLAY)
    exchange = view(exchange_address, EXCHANGE)
    risk = view(risk_address, RISK)
    clock = view(loop.clock, CLOCK)
    chosen = play_address + GROUP_OFFSET
    while clock.now_ns < until_ns:
        if play.may_pause != 0 and clock.now_ns >= play.slot_end_ns:
            play.slot_end_ns = clock.now_ns + SLOT_NS
            _draw_paused(play, count)
        awake = 0
        for index in range(count):
            if (play.paused >> index) & 1 == 0:
                store_i64(chosen + awake * 8, load_i64(group + index * 8))
                awake += 1
        wait_ns = max(next_timer_ns(chosen, awake, clock.now_ns), 1)
        if play.may_pause != 0:
            wait_ns = min(wait_ns, max(play.slot_end_ns - clock.now_ns, 1))
        clock.now_ns = min(until_ns, clock.now_ns + wait_ns)
        settle(loop, chosen, awake, ROUNDS_MAX)
        note_approvals(play, risk, clock.now_ns)
        _watch(play, exchange, risk)
        play.steps += 1
    play.paused = 0


GROUP_OFFSET = int(PLAY.fields["group"][1])  # type: ignore[index]
