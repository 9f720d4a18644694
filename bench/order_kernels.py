"""The measured loops of the orders suite: decisions and estimates, compiled.

A single one takes about as long as a look at the clock, and would overlap with it. Each sample is therefore the mean of
BATCH of them between two looks; what they need is made before, and undone after, outside of the time.
"""

from shm.clock import read_clock
from shm.kernel import kernel
from trader.enums import OrderState
from trader.orders import pack_client_order_id
from trader.risk.checks import decide
from trader.risk.exposure import release
from trader.risk.market import apply_top
from trader.slippage import ladder_cost_bps, resting_cost_bps

BATCH = 8
SLOTS_USED = 256
RESTING = 12
"""Orders that rest when a batch begins."""

TICKS = 16
"""By so many ticks the market goes up and down."""


@kernel
def decide_again_and_again(risk, intents, top, clock, epoch, bid_ticks, samples):
    """Decide on a ladder's orders while the market moves; how many were approved.

    Before each batch the top moves and the oldest orders end, so that RESTING rest: that is not timed.
    """
    approved = 0
    for i in range(len(samples)):
        move = i % (2 * TICKS)
        bid = bid_ticks + (move if move < TICKS else 2 * TICKS - move)
        now_ns = read_clock(clock)
        for level in range(len(top.bid_ticks)):
            top.bid_ticks[level] = bid - level
            top.ask_ticks[level] = bid + 1 + level
        top.epoch += 1
        top.event_ns = now_ns
        apply_top(risk, top, now_ns)
        for k in range(BATCH):
            number = i * BATCH + k
            if number >= RESTING:
                release(risk, risk.orders[(number - RESTING) % SLOTS_USED], OrderState.CANCELED)
            intent = intents[k]
            side, level = 1 if k & 1 else -1, (number >> 1) % 8
            slot = number % SLOTS_USED
            intent.client_order_id = pack_client_order_id(epoch, 1, number + 1, slot)
            intent.order_slot = slot
            intent.side = side
            intent.level = level
            intent.price_ticks = bid - 2 * TICKS - level if side > 0 else bid + 1 + 2 * TICKS + level
            intent.size_lots = 1 + number % 7
            intent.book_epoch = top.epoch
        begun_ns = read_clock(clock)
        for k in range(BATCH):
            approved += 1 if decide(risk, intents[k], begun_ns) == 0 else 0
        samples[i] = (read_clock(clock) - begun_ns) / BATCH
    return approved


@kernel
def take_again_and_again(top, clock, sizes, costs, samples):
    """Costs of orders of several sizes that take from ten levels."""
    for i in range(len(samples)):
        volatility_bps = 0.5 + 0.001 * (i % 1_000)
        begun_ns = read_clock(clock)
        for k in range(BATCH):
            costs[i, k] = ladder_cost_bps(top, 1 if k & 1 else -1, sizes[k], volatility_bps, 300.0, 1.5)
        samples[i] = (read_clock(clock) - begun_ns) / BATCH


@kernel
def rest_again_and_again(top, out, clock, sizes, costs, samples):
    """The same for orders that rest at the touch and behind it."""
    bid, ask = top.bid_ticks[0], top.ask_ticks[0]
    for i in range(len(samples)):
        volatility_bps = 0.5 + 0.001 * (i % 1_000)
        begun_ns = read_clock(clock)
        for k in range(BATCH):
            costs[i, k] = resting_cost_bps(1, bid - k, sizes[k], bid, ask, 40 + k, volatility_bps, 300.0, out)
        samples[i] = (read_clock(clock) - begun_ns) / BATCH
