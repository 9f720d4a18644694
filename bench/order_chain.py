"""From one change of the best bid and offer to an order's text by the kernels alone: no rings, no stages, one call.

    quote -> book, top -> strategy: a quote a side -> lines -> intent -> risk: every check -> router: last check, text

The bid moves to and fro. The ask's order stands; the bid's ends after each event, which is not timed, so that each
event places one. Look and look again at the clock are in the figure.
"""

import numpy as np

from procs.stages import book as book_stage
from procs.stages import risk as risk_stage
from procs.stages import router as router_stage
from procs.stages import strategy as strategy_stage
from procs.stages.risk import approve
from shm.clock import read_clock
from shm.kernel import kernel, view
from shm.order_arena import give_back, take
from trader.book.state import QUOTED, on_quote
from trader.book.top import write_newer
from trader.compile_hints import never_inlined
from trader.enums import OrderState
from trader.orders import order_slot_of
from trader.risk.checks import APPROVED, decide
from trader.risk.exposure import release
from trader.risk.market import note_top
from trader.router.outgoing import clear_outgoing
from trader.router.placing import place, retire
from trader.strategy.desk import PLACE, begin, end_step, settle, verdict
from trader.strategy.lines import free_line, take_line

CHAIN = np.dtype(
    [("book", "i8"), ("strategy", "i8"), ("risk", "i8"), ("router", "i8"), ("clock", "i8"), ("distance_ticks", "i8")]
)
"""Addresses of the stages' states, and how far from the touch the quotes stand."""


WARM_UP = 64


@kernel
def _quote(top, position, out, distance_ticks):
    """One level a side."""
    never_inlined()
    out.bid_count = out.ask_count = 1
    out.bid_ticks[0] = top.bid_ticks[0] - distance_ticks
    out.ask_ticks[0] = top.ask_ticks[0] + distance_ticks
    out.bid_lots[0] = out.ask_lots[0] = position.size_lots_min


@kernel
def _react(chain, now_ns):
    """The book's quote in its state, to texts in the router's; how many orders were written."""
    never_inlined()
    books, desks = view(chain.book, book_stage.STATE), view(chain.strategy, strategy_stage.STATE)
    risks, routers = view(chain.risk, risk_stage.STATE), view(chain.router, router_stage.STATE)
    top = books.top[0]
    clear_outgoing(routers.router)
    if not on_quote(books.books[0], books.quote) & QUOTED or not write_newer(books.books[0], top):
        return 0
    top.epoch += 1
    desk, symbol = desks.desk, desks.desk.symbols[0]
    symbol.book_ns = now_ns
    if not begin(desk, symbol, top, now_ns):
        return 0
    _quote(top, symbol.position, symbol.quotes, chain.distance_ticks)
    settle(symbol, top)
    risks.risk.symbols[0].top = top
    note_top(risks.risk, 0, now_ns)
    placed = 0
    for side_index in range(2):
        if verdict(desk, symbol, side_index, 0, now_ns) != PLACE:
            continue
        client_order_id = take(desks.arena)
        take_line(desk, client_order_id, 0, side_index, 0, top, risks.intent)
        if decide(risks.risk, risks.intent, now_ns) == APPROVED:
            approve(risks, now_ns)
            placed += place(routers.router, risks.new_order, now_ns)
    end_step(symbol, top, desk.running)
    return placed


@kernel
def _end_bid(chain, now_ns):
    """The bid's order was canceled."""
    never_inlined()
    desks, risks = view(chain.strategy, strategy_stage.STATE), view(chain.risk, risk_stage.STATE)
    router = view(chain.router, router_stage.STATE).router
    client_order_id = desks.desk.symbols[0].bids[0].client_order_id
    slot = order_slot_of(client_order_id)
    if not free_line(desks.desk, client_order_id, now_ns):
        return
    give_back(desks.arena, client_order_id)
    release(risks.risk, risks.risk.orders[slot], OrderState.CANCELED)
    router.orders[slot].state = OrderState.CANCELED
    retire(router, router.orders[slot])


@kernel
def react_again_and_again(chain, samples):
    """One event a sample, after a few that are none, in which the ask is placed; orders written: one each."""
    books = view(chain.book, book_stage.STATE)
    quote, book = books.quote, books.books[0]
    delay_ns = view(chain.risk, risk_stage.STATE).risk.symbols[0].delay_min_ns  # no event is older than the newest was
    bid_ticks, ask_ticks = books.top[0].bid_ticks[0], books.top[0].ask_ticks[0] + 1
    written = 0
    for index in range(-WARM_UP, len(samples)):
        quote.update_id = max(book.last_id, book.newer.id) + 1
        quote.bid_ticks, quote.bid_lots = bid_ticks + (index & 1), 10 + index % 7
        quote.ask_ticks, quote.ask_lots = ask_ticks, 10
        begun_ns = read_clock(chain.clock)
        quote.event_ns = begun_ns - delay_ns
        orders = _react(chain, begun_ns)
        ended_ns = read_clock(chain.clock)
        if orders == 0:
            return written  # refused or held: its line is not free for another
        if index >= 0:
            samples[index] = ended_ns - begun_ns
            written += orders
        _end_bid(chain, ended_ns)
    return written
