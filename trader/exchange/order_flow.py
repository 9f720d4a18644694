"""Seeded background order flow: clustered arrivals of limit orders, cancels and market orders.

Arrivals are a Hawkes process with an exponential kernel (Hawkes 1971), simulated exactly by thinning
(Ogata 1981). The orders follow a fair price, a random walk whose log-variance is an Ornstein-Uhlenbeck
process, so that volatility clusters (Taylor 1986); arrivals come faster when it is high. Bids are placed
below the fair price and asks above it; orders on the wrong side of it are taken or withdrawn.

Deterministic: the same seed and the same times give the same orders. Floats only choose; what they choose
are integer ticks and lots.
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange.config import ExchangeConfig
from trader.exchange.matching import BACKGROUND, LEVELS, ORDERS_MAX, cancel, crosses, match, rest
from trader.exchange.shock import SHOCK, factor_at, prepare_shock
from trader.exchange.stress import STRESS, prepare_stress

FLOW = np.dtype(
    [
        ("random", "u8"),
        ("last_ns", "i8"),  # time of the last arrival
        ("next_ns", "i8"),  # time of the next one; 0: not started
        ("is_paused", "i8"),
        ("resting_orders", "i8"),  # aimed at
        ("arrivals", "i8"),
        ("rate", "f8"),  # arrivals a second without excitation
        ("excitation", "f8"),  # added to the rate by past arrivals
        ("branching", "f8"),
        ("decay", "f8"),  # per second
        ("reversion", "f8"),  # of the log-variance, per second
        ("log_variance", "f8"),
        ("log_variance_sd", "f8"),
        ("volatility", "f8"),  # of the fair price, per square-root second
        ("fair_ticks", "f8"),
        ("start_ticks", "f8"),
        ("log_lots_median", "f8"),
        ("shock", SHOCK),
        ("stress", STRESS),
    ],
    align=True,
)

# Shares of arrivals, and shapes: chosen so that the touch is mostly one tick wide and 20 levels are filled.
CORRECTION_SHARE = 0.3
MARKET_SHARE = 0.08
CANCEL_SHARE = 0.25
TOUCH_SHARE = 0.5
NEAR_SHARE = 0.35
NEAR_TICKS = 8.0
FAR_TICKS = 25.0
LOTS_SD = 1.3
TAKER_LOTS_SHARE = 0.3
INFORMED_LOTS_SHARE = 4.0
LOTS_MAX = 50_000
EDGE_TICKS = 1_000
REVERSION_SECONDS = 3_600.0
RATE_MIN = 1e-3
LAG_NS_MAX = 1_000_000_000
"""A flow that is further behind than this (the machine slept) goes on from now."""


def prepare_flow(flow: np.void, config: ExchangeConfig, instrument: np.void, symbol_id: int) -> None:
    """Set a zeroed FLOW's parameters; each symbol has random numbers of its own (cold).

    Raises ValueError for a start price below one tick.
    """
    name = bytes(instrument["symbol"][: instrument["symbol_length"]]).decode()
    price = config.price_start_by_symbol.get(name, config.price_start)
    ticks = round(price * 10 ** int(instrument["price_decimals"]) / int(instrument["tick_multiple"]))
    if ticks < 1:
        raise ValueError(f"exchange.price_start: found {price} for {name}, allowed at least one tick")
    flow["random"] = (config.seed * 0x9E3779B97F4A7C15 + symbol_id * 0xD1B54A32D192ED03) % 2**64
    flow["is_paused"] = int(config.flow_paused)
    flow["resting_orders"] = config.resting_orders
    flow["rate"] = config.events_per_second * (1.0 - config.clustering)
    flow["branching"] = config.clustering
    flow["decay"] = 1_000.0 / config.cluster_ms
    flow["excitation"] = config.events_per_second * config.clustering
    flow["reversion"] = math.log(2.0) / config.volatility_half_life_s
    flow["log_variance_sd"] = config.log_variance_sd
    flow["volatility"] = config.volatility_bps * 1e-4
    flow["fair_ticks"] = ticks + 0.5
    flow["start_ticks"] = ticks
    flow["log_lots_median"] = math.log(config.order_lots_median)
    prepare_shock(flow["shock"], config)
    prepare_stress(flow["stress"], config)


@kernel
def uniform(flow):
    """Next random number in (0, 1) (splitmix64, Steele et al. 2014)."""
    flow.random = flow.random + np.uint64(0x9E3779B97F4A7C15)
    mixed = flow.random
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (np.float64(mixed >> np.uint64(11)) + 0.5) / 9007199254740992.0


@kernel
def normal(flow):
    """Next standard normal number (Box and Muller 1958)."""
    never_inlined()
    radius = math.sqrt(-2.0 * math.log(uniform(flow)))
    return radius * math.cos(2.0 * math.pi * uniform(flow))


@kernel
def due(flow, now_ns):
    """1 if an arrival is due; the first call only sets the clock."""
    if flow.is_paused or flow.rate <= 0.0:
        return 0
    if flow.next_ns == 0 or now_ns - flow.next_ns > LAG_NS_MAX:
        flow.last_ns = now_ns
        draw_arrival(flow)
    return 1 if flow.next_ns <= now_ns else 0


@kernel
def draw_arrival(flow):
    """Draw the time of the next arrival (thinning: the rate only falls between arrivals)."""
    never_inlined()
    busy = math.exp(0.25 * flow.log_variance - 0.03125 * flow.log_variance_sd * flow.log_variance_sd)
    base = max(flow.rate, RATE_MIN) * busy * math.sqrt(factor_at(flow.shock, flow.last_ns))
    elapsed = 0.0
    excitation = flow.excitation
    while True:
        bound = base + excitation
        wait = -math.log(uniform(flow)) / bound
        elapsed += wait
        excitation *= math.exp(-flow.decay * wait)
        if uniform(flow) * bound <= base + excitation:
            break
    flow.excitation = excitation + flow.branching * flow.decay
    flow.next_ns = flow.last_ns + max(1, int(elapsed * 1e9))


@kernel
def arrive(flow, book, order_id):
    """One arrival: at most one order placed or canceled (`book.matches` tells what it met).

    0 if the book did not change. The returned sign is the side of an order that took: -1 sold.
    """
    never_inlined()
    seconds = (flow.next_ns - flow.last_ns) * 1e-9
    flow.last_ns = flow.next_ns
    flow.arrivals += 1
    book.match_count = 0
    move_fair(flow, book, seconds)
    side = 1 if uniform(flow) < 0.5 else -1
    choice = uniform(flow)
    mispriced = _mispriced_side(flow, book)
    if mispriced != 0 and choice < CORRECTION_SHARE:
        return _correct(flow, book, mispriced)
    choice = uniform(flow)
    crowd = book.alive_count / flow.resting_orders
    if choice < MARKET_SHARE:
        return _take(flow, book, side, order_id)
    if choice < MARKET_SHARE + CANCEL_SHARE * crowd and book.alive_count > flow.resting_orders // 2:
        slot = book.alive[int(uniform(flow) * book.alive_count)]
        cancel(book, slot)
        return 1
    # The thinner side is offered more, or a trend would strip it.
    bid_share = (book.alive_bids + 1.0) / (book.alive_count + 2.0)
    return quote(flow, book, -1 if uniform(flow) < bid_share else 1, order_id)


@kernel
def move_fair(flow, book, seconds):
    """Let log-variance and fair price move for so many seconds; the ladder's edges push back."""
    sd = flow.log_variance_sd
    kept = math.exp(-flow.reversion * seconds)
    flow.log_variance = kept * flow.log_variance + sd * math.sqrt(1.0 - kept * kept) * normal(flow)
    volatility = flow.volatility * math.exp(0.5 * flow.log_variance - 0.25 * sd * sd)
    volatility *= factor_at(flow.shock, flow.last_ns)
    fair = flow.fair_ticks + flow.start_ticks * volatility * math.sqrt(seconds) * normal(flow)
    fair += (flow.start_ticks - fair) * min(1.0, seconds / REVERSION_SECONDS)
    low = book.base_ticks + EDGE_TICKS
    flow.fair_ticks = min(max(fair, float(low)), float(book.base_ticks + LEVELS - EDGE_TICKS))


@kernel
def quote(flow, book, side, order_id):
    """A limit order on its side of the fair price, more often near than far; never one that crosses."""
    never_inlined()
    if book.order_count > ORDERS_MAX - 1_024:
        return 0
    choice = uniform(flow)
    distance = 0.0
    if choice > TOUCH_SHARE + NEAR_SHARE:
        distance = FAR_TICKS * (uniform(flow) ** -0.5 - 1.0)
    elif choice > TOUCH_SHARE:
        distance = -NEAR_TICKS * math.log(uniform(flow))
    ticks = math.floor(flow.fair_ticks) if side > 0 else math.ceil(flow.fair_ticks)
    if ticks == flow.fair_ticks:
        ticks -= side
    price = int(ticks) - side * int(min(distance, 2_000.0))
    if crosses(book, side, price):
        price = book.base_ticks + (book.best_ask - 1 if side > 0 else book.best_bid + 1)
    return 1 if rest(book, side, price, _draw_lots(flow, 1.0), BACKGROUND, order_id) >= 0 else 0


@kernel
def _take(flow, book, side, order_id):
    """A market order: it may walk a few ticks, never the whole book."""
    best = book.best_ask if side > 0 else book.best_bid
    if best < 0 or best >= LEVELS:
        return quote(flow, book, -side, order_id)
    limit = book.base_ticks + best + side * int(3.0 + 10.0 * uniform(flow))
    match(book, side, limit, _draw_lots(flow, TAKER_LOTS_SHARE), BACKGROUND)
    return side


@kernel
def _correct(flow, book, side):
    """The best order of a side is beyond the fair price: it is taken by one who knows, or withdrawn."""
    best = book.best_bid if side > 0 else book.best_ask
    slot = book.levels[best].head
    if book.orders[slot].owner == BACKGROUND and uniform(flow) < 0.5:
        cancel(book, slot)
        return 1
    limit = int(math.floor(flow.fair_ticks)) if side < 0 else int(math.ceil(flow.fair_ticks))
    match(book, -side, limit, _draw_lots(flow, INFORMED_LOTS_SHARE), BACKGROUND)
    return -side


@kernel
def _mispriced_side(flow, book):
    """1 if the best bid is above the fair price, -1 if the best ask is below it, else 0."""
    fair_level = flow.fair_ticks - book.base_ticks
    if book.best_bid >= 0 and book.best_bid > fair_level:
        return 1
    if book.best_ask < LEVELS and book.best_ask < fair_level:
        return -1
    return 0


@kernel
def _draw_lots(flow, share):
    """A heavy-tailed size of that share of the usual, at least one lot."""
    never_inlined()
    lots = share * math.exp(flow.log_lots_median + LOTS_SD * normal(flow))
    return max(1, int(min(lots, float(LOTS_MAX))))
