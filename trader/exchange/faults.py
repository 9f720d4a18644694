"""Faults of the exchange: their state, their dice, what happens of itself, and their end.

    after_s -> on -> heal_after_s, or `heal_asked` by a test -> healed: silent connections are reset, limits lifted;
                                                               what is held still comes, late as it is

Everything follows from the seed and the sequence of what arrives. Every kernel but the dice takes the whole exchange
record (see venue.EXCHANGE). What becomes of one message is decided in `mangling`, `order_faults` and `rest_faults`.
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange.connections import NONE
from trader.exchange.fault_config import RATES, SHARES, FaultsConfig
from trader.exchange.held import HELD, reclaim
from trader.exchange.order_flow import uniform
from trader.exchange.outbox import CONNECTIONS_MAX
from trader.exchange.rate_limits import LIMITER, lift

SILENCE, HANG, CUT, RESTART, HALT = range(len(RATES))
S = 1_000_000_000

FAULTS = np.dtype(
    [
        ("configured", "i8"),  # 0: nothing ever goes wrong, and nothing here is looked at
        ("on", "i8"),
        ("heal_asked", "i8"),
        ("healed", "i8"),
        ("random", "u8"),
        ("started_ns", "i8"),
        ("after_ns", "i8"),
        ("heal_after_ns", "i8"),  # 0: never
        *[(name, "f8") for name in SHARES],
        ("rates", "f8", (len(RATES),)),
        ("next_ns", "i8", (len(RATES),)),
        ("delay_ns", "f8"),
        ("late_ns", "f8"),
        ("silence_ns", "i8"),
        ("hang_ns", "i8"),
        ("restart_ns", "i8"),
        ("halt_ns", "i8"),
        ("hung_until_ns", "i8"),
        ("refuse_until_ns", "i8"),  # no connection stands before
        ("silent", "i8"),  # set
        ("cut", "i8"),  # set: the next frame is the last, and not whole
        ("silent_until_ns", "i8", (CONNECTIONS_MAX,)),
        ("in_order_ns", "i8", (2, CONNECTIONS_MAX)),  # by direction: nothing in order may overtake this
        ("spoil", "i8"),  # the request in hand is carried out, and its answer says nothing of it
        *[(f"{name}_count", "i8") for name in (*SHARES, "silence", "hang", "cut", "restart", "halt", "overflow")],
        ("limiter", LIMITER),
        ("held", HELD),
    ],
    align=True,
)
"""`*_count`: how often each has happened."""


def prepare_faults(faults: np.ndarray, config: FaultsConfig) -> None:
    """Fill a zeroed FAULTS (cold)."""
    faults["configured"] = int(config.is_active)
    faults["random"] = (config.seed * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D) % 2**64
    faults["after_ns"] = round(config.after_s * S)
    faults["heal_after_ns"] = round(config.heal_after_s * S)
    for name in SHARES:
        faults[name] = getattr(config, name)
    faults["rates"] = [getattr(config, name) for name in RATES]
    for name in ("delay", "late", "hang", "restart", "halt"):
        faults[f"{name}_ns"] = getattr(config, f"{name}_ms") * 1e6
    faults["silence_ns"] = round(config.silence_s * S)
    faults["limiter"]["orders_max"] = config.orders_per_10s
    faults["limiter"]["weight_max"] = config.weight_per_minute
    faults["limiter"]["ban_ns"] = config.ban_s * S


@kernel
def happens(faults, share):
    """Throw the dice for a fault of this share: 1 if it happens. A share of 0 costs no random number."""
    if faults.on == 0 or share <= 0.0:
        return 0
    return 1 if uniform(faults) < share else 0


@kernel
def moment(faults, longest_ns):
    """A time up to `longest_ns`, at least 1 ns."""
    return 1 + int(uniform(faults) * longest_ns)


@kernel
def part_of(faults, lots):
    """1 to `lots`: all of them half of the time."""
    if lots < 2 or uniform(faults) < 0.5:
        return lots
    return 1 + int(uniform(faults) * (lots - 1))


@kernel
def advance_faults(exchange):
    """Begin and end the faults at their times, and let happen what happens of itself. Once a step."""
    never_inlined()
    faults = exchange.faults
    now_ns = exchange.now_ns
    reclaim(faults.held)
    if faults.started_ns == 0:
        faults.started_ns = now_ns
    age_ns = now_ns - faults.started_ns
    is_over = faults.heal_asked != 0 or (faults.heal_after_ns > 0 and age_ns >= faults.heal_after_ns)
    if is_over and faults.healed == 0:
        _heal(exchange)
    faults.on = 1 if age_ns >= faults.after_ns and faults.healed == 0 else 0
    for connection_id in range(CONNECTIONS_MAX if faults.silent != 0 else 0):
        if (faults.silent >> connection_id) & 1 and now_ns >= faults.silent_until_ns[connection_id]:
            _reset(exchange, connection_id)
    for rate in range(faults.next_ns.size if faults.on else 0):
        if faults.rates[rate] > 0.0:
            if faults.next_ns[rate] != 0 and now_ns >= faults.next_ns[rate]:
                _befall(exchange, rate)
                faults.next_ns[rate] = 0
            if faults.next_ns[rate] == 0:
                faults.next_ns[rate] = now_ns + 1 + int(-math.log(uniform(faults)) / faults.rates[rate] * 1e9)


@kernel
def _heal(exchange):
    """Everything works again."""
    faults = exchange.faults
    faults.healed = 1
    faults.hung_until_ns = faults.refuse_until_ns = faults.cut = 0
    for connection_id in range(CONNECTIONS_MAX):
        if (faults.silent >> connection_id) & 1:
            _reset(exchange, connection_id)
    lift(faults.limiter)
    for symbol_id in range(exchange.symbol_count):
        exchange.markets[symbol_id].halted_until_ns = 0


@kernel
def _reset(exchange, connection_id):
    """A silent connection is ended after all."""
    exchange.faults.silent &= ~(1 << connection_id)
    exchange.outbox.closing |= 1 << connection_id


@kernel
def _befall(exchange, rate):
    faults = exchange.faults
    now_ns = exchange.now_ns
    if rate == HANG:
        faults.hang_count += 1
        faults.hung_until_ns = now_ns + faults.hang_ns
        return
    if rate == RESTART:
        faults.restart_count += 1
        faults.refuse_until_ns = now_ns + faults.restart_ns
        for connection_id in range(1, CONNECTIONS_MAX):
            if exchange.connections.kind[connection_id] != NONE:
                exchange.outbox.closing |= 1 << connection_id
        return
    if rate == HALT:
        faults.halt_count += 1
        symbol_id = int(uniform(faults) * exchange.symbol_count)
        exchange.markets[symbol_id].halted_until_ns = now_ns + faults.halt_ns
        return
    victim = _some_connection(exchange)
    if victim != 0 and rate == SILENCE and (faults.silent >> victim) & 1 == 0:
        faults.silence_count += 1
        faults.silent |= 1 << victim
        faults.silent_until_ns[victim] = now_ns + faults.silence_ns
    elif victim != 0 and rate == CUT:
        faults.cut_count += 1
        faults.cut |= 1 << victim


@kernel
def _some_connection(exchange):
    """A connection that stands, drawn at random, or 0."""
    count = 0
    for connection_id in range(1, CONNECTIONS_MAX):
        count += 1 if exchange.connections.kind[connection_id] != NONE else 0
    chosen = int(uniform(exchange.faults) * count)
    for connection_id in range(1, CONNECTIONS_MAX):
        if exchange.connections.kind[connection_id] != NONE:
            if chosen == 0:
                return connection_id
            chosen -= 1
    return 0


@kernel
def is_hung(exchange):
    """1 while the exchange answers nothing."""
    return 1 if exchange.now_ns < exchange.faults.hung_until_ns else 0
