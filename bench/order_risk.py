"""Risk's decision with every check, and what an order would cost: rows of the orders suite.

Each row is a kernel of the pipeline in a loop of its own (order_kernels), timed in batches of eight; the orders rest at
different prices, and every decision passes all checks: the slowest way through.
"""

import functools

import numpy as np

from bench import order_kernels as kernels
from bench.harness import Bench
from bench.order_cache import hit_rate, kept_answers
from bench.results import TIME, Result, times
from procs.settings import load_config
from shm.clock import CLOCK, calibrate
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from trader.enums import BookState, InstrumentStatus, OrderFlag
from trader.instrument import INSTRUMENT
from trader.messages import AccountState, BookTop, OrderIntent
from trader.risk.exposure import reset_exposure
from trader.risk.facts import apply_account
from trader.risk.limits import fill_bounds, fill_limits
from trader.risk.state import PARITY, RISK
from trader.slippage import RESTING

EPOCH = 1
BID_TICKS = 600_000
SIZES = (1, 3, 10, 30, 100, 300, 1_000, 3_000)
"""One for each of a batch."""

YEAR_NS = 365 * 86_400 * 10**9


def risk_rows(bench: Bench) -> None:
    """All checks of a decision; the estimates of an order that takes and of one that rests."""
    count = bench.size(50_000, 500)
    all_of_them = f"{count * kernels.BATCH} approved"
    bench.row("risk_check", unit=TIME, target=60, ours=functools.partial(decisions, count), answer=all_of_them)
    rival = {"fresh check": functools.partial(decisions, count)}
    kept = functools.partial(kept_answers, real_clock(), count)
    bench.row("decision_cache_hit", unit=TIME, ours=kept, rivals=rival, answer=all_of_them)
    print(f"orders decision cache: {hit_rate(100_000):.0%} of decisions could be answered by it")
    bench.row("slippage", unit=TIME, target=100, ours=functools.partial(taking, count))
    bench.row("slippage_resting", unit=TIME, target=100, ours=functools.partial(resting, count))


def real_clock() -> np.ndarray:
    """A CLOCK of this host."""
    clock = new_record(CLOCK)
    calibrate(clock)
    return clock


def instrument() -> np.ndarray:
    """BTCUSDT: 0.10 a tick, 0.001 a lot."""
    row = new_record(INSTRUMENT)
    row["size_lots_min"], row["size_lots_max"] = 1, 10**6
    row["notional_e8_min"], row["tick_value_e8"] = 10 * 10**8, 10_000
    return row


def ready_risk() -> np.ndarray:
    """Risk with the limits of the paper profile, ready to trade; rates and ages as wide as they may be."""
    config = load_config(profile="paper").risk
    risk = new_record(RISK)
    reset_exposure(risk[0], 1)
    symbol = risk[0]["symbols"][0]
    fill_limits(symbol["configured"], config, instrument()[0])
    fill_bounds(risk[0]["configured"], config)
    risk[0]["configured"]["order_burst_ns"] = risk[0]["configured"]["balance_age_ns_max"] = YEAR_NS
    symbol["limits"], risk[0]["bounds"] = symbol["configured"], risk[0]["configured"]
    account = new_record(record_dtype(AccountState))
    account["reconciled"], account["epoch"], account["free_e8"], account["balance_ns"] = 1, EPOCH, 10**14, 1
    apply_account(risk[0], account[0])
    risk[0]["symbols"][0]["status"] = InstrumentStatus.TRADING
    risk[0]["parity"] = PARITY
    return risk


def live_top() -> np.ndarray:
    """Ten levels a side, forty lots each."""
    top = new_record(record_dtype(BookTop))
    top["state"] = BookState.LIVE
    top["bid_ticks"][0], top["ask_ticks"][0] = BID_TICKS - np.arange(10), BID_TICKS + 1 + np.arange(10)
    top["bid_lots"][0] = top["ask_lots"][0] = 40
    return top


def decisions(count: int) -> Result:
    """Every check of `count` batches of orders; the answer is how many orders passed them."""
    clock, risk, top = real_clock(), ready_risk(), live_top()
    intents = np.zeros(kernels.BATCH, dtype=record_dtype(OrderIntent))
    intents["flags"] = OrderFlag.LADDER_CHILD
    samples = np.zeros(count)
    address = address_of_array(clock)
    approved = kernels.decide_again_and_again(risk[0], intents, top[0], address, EPOCH, BID_TICKS, samples)
    return times(samples, f"{approved} approved")


def taking(count: int) -> Result:
    """The cost of orders of one lot to more than ten levels hold; the answer is the sum."""
    samples, costs = np.zeros(count), np.zeros((count, kernels.BATCH))
    kernels.take_again_and_again(live_top()[0], address_of_array(real_clock()), np.array(SIZES), costs, samples)
    return times(samples, round(float(costs.sum()), 3))


def resting(count: int) -> Result:
    """The same for orders that rest."""
    samples, out, costs = np.zeros(count), new_record(RESTING), np.zeros((count, kernels.BATCH))
    kernels.rest_again_and_again(live_top()[0], out[0], address_of_array(real_clock()), np.array(SIZES), costs, samples)
    return times(samples, round(float(costs.sum()), 3))
