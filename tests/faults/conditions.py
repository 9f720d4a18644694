"""The universal conditions: what must hold after every fault, judged by the exchange's ledger.

    states("exchange"), states("risk"), ...  ->  at_rest(...) + always(...)  ->  [] or what is wrong, one line each

`states` gives a stage's state record, an array of one: `Backtest.state`, or `RunSegments.state` of a run of processes
that is still mapped. `always` holds at any moment, whatever is under way; `at_rest` holds when faults have ended and
everything has been said. `nothing_open` is `at_rest` after a cancel-all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trader.exchange.account import FILLS_KEPT, NEW, ORDERS_KEPT, PARTIALLY_FILLED
from trader.orders import EPOCH_SHIFT, LIVE
from trader.position import FILLS_REMEMBERED

States = Callable[[str], Any]
Trade = tuple[int, int, int]
"""(symbol_id, trade id, venue order id): unique for each execution."""


def account_of(states: States) -> Any:
    """The exchange's account: the oracle."""
    return states("exchange")[0]["venue"]["account"]


def venue_trades(states: States) -> set[Trade]:
    """Executions of our orders that the exchange still keeps."""
    account = account_of(states)
    fills = account["fills"][: min(int(account["fill_count"]), FILLS_KEPT)]
    return {(int(fill["symbol_id"]), int(fill["trade_id"]), int(fill["order_id"])) for fill in fills}


def booked_trades(fill_set: Any) -> set[Trade]:
    """Executions that a FILL_SET remembers."""
    places = (int(fill_set["oldest"]) + np.arange(int(fill_set["count"]))) % FILLS_REMEMBERED
    keys = fill_set["keys"][places]
    return {(int(key["market"]) & 0xFFFFFFFF, int(key["trade_id"]), int(key["venue_order_id"])) for key in keys}


def venue_orders(states: States) -> list[Any]:
    """Orders of ours that the exchange still keeps, open or closed."""
    orders = account_of(states)["orders"]
    return list(orders[orders["status"] != 0])


def client_id_of(order: Any) -> int:
    """The number in an order's client order id `t<number>`; 0 for an id of another form."""
    text = bytes(order["id"][: int(order["id_length"])])
    return int(text[1:]) if text[:1] == b"t" and text[1:].isdigit() else 0


def open_at_venue(states: States) -> set[int]:
    """Client order ids of what rests at the exchange."""
    orders = account_of(states)["orders"]
    found = orders[(orders["status"] == NEW) | (orders["status"] == PARTIALLY_FILLED)]
    return {client_id_of(order) for order in found}


def live_here(states: States, stage: str) -> set[int]:
    """Client order ids that a stage, router or risk, holds for live: UNKNOWN included."""
    orders = states(stage)[0][stage]["orders"]
    return {int(order) for order in orders["client_order_id"][np.isin(orders["state"], LIVE)]}


def always(states: States, symbols: int, *, epochs: tuple[int, ...] = (), limits_hold: bool = True) -> list[str]:
    """What no instant may break: limits, order ids, executions booked that never were.

    `epochs`: the epochs of client order ids that the session used; empty: not looked at. `limits_hold`: False where the
    venue said what was not so, and nobody could have known.
    """
    risk = states("risk")[0]["risk"]
    found = _impossible_trades(states, risk)
    for symbol_id in range(symbols):
        ledger = account_of(states)["ledger"][symbol_id]
        limits = risk["symbols"][symbol_id]["limits"]
        found += [
            f"symbol {symbol_id}: {name} reached {int(ledger[name])}, allowed {int(limits[limit])}"
            for name, limit in (
                ("order_lots_most", "order_lots_max"),
                ("open_orders_most", "open_orders_max"),
                ("long_lots_most", "position_lots_max"),
                ("short_lots_most", "position_lots_max"),
            )
            if limits_hold and int(ledger[name]) > int(limits[limit])
        ]
        if int(ledger["ids_reused"]):
            found.append(f"symbol {symbol_id}: {int(ledger['ids_reused'])} orders used an id again")
    return found + _unapproved(states, risk, epochs)


def _impossible_trades(states: States, risk: Any) -> list[str]:
    """Executions that are booked here and that the exchange never had."""
    if int(account_of(states)["fill_count"]) > FILLS_KEPT:
        return []
    invented = booked_trades(risk["fill_set"]) - venue_trades(states)
    return [f"booked {len(invented)} executions that never were: {sorted(invented)[:3]}"] if invented else []


def _unapproved(states: States, risk: Any, epochs: tuple[int, ...]) -> list[str]:
    """Orders at the exchange that risk has not approved, or not so. Risk keeps the last order of each slot."""
    found = []
    approved = risk["orders"]
    sent = int(sum(account_of(states)["ledger"]["placed"]) + sum(account_of(states)["ledger"]["rejected"]))
    if not epochs and sent > int(risk["approved"]):
        found.append(f"{sent} orders reached the exchange, risk approved {int(risk['approved'])}")
    for order in venue_orders(states):
        number = client_id_of(order)
        if number == 0 or (epochs and number >> EPOCH_SHIFT not in epochs):
            found.append(f"order {number} at the exchange is of no epoch of ours")
            continue
        ours = approved[number & (len(approved) - 1)]
        if int(ours["client_order_id"]) < number and not epochs:
            found.append(f"order {number} at the exchange was never approved")
        elif int(ours["client_order_id"]) == number:
            asked = tuple(int(ours[name]) for name in ("symbol_id", "side", "price_ticks", "size_lots"))
            wired = tuple(int(order[name]) for name in ("symbol_id", "side", "price_ticks", "lots"))
            if asked != wired:
                found.append(f"order {number}: approved {asked}, at the exchange {wired}")
    return found


def at_rest(states: States, symbols: int, *, booked: tuple[str, ...] = ("risk", "router")) -> list[str]:
    """What must agree once faults have ended and everything has been said.

    `booked`: stages that have lived through the whole session, whose sets of executions must be the exchange's. A
    stage that was replaced adopted a position: only its size is compared.
    """
    found = []
    if "risk" in booked:
        found += _money(states, symbols)
    if int(account_of(states)["fill_count"]) <= min(FILLS_KEPT, FILLS_REMEMBERED):
        venue = venue_trades(states)
        for stage in booked:
            ours = booked_trades(states(stage)[0][stage]["fill_set"])
            found += _difference(f"executions that {stage} has booked", ours, venue)
    for symbol_id in range(symbols):
        held = int(account_of(states)["ledger"][symbol_id]["position_lots"])
        for who, lots in _positions(states, symbol_id):
            if lots != held:
                found.append(f"symbol {symbol_id}: {who} holds {lots} lots, the exchange {held}")
    resting = open_at_venue(states)
    for stage in ("router", "risk"):
        found += _difference(f"orders that {stage} holds for open", live_here(states, stage), resting)
    return found


def _positions(states: States, symbol_id: int) -> list[tuple[str, int]]:
    return [
        ("risk", int(states("risk")[0]["risk"]["symbols"][symbol_id]["position"]["lots"])),
        ("router", int(states("router")[0]["router"]["position_lots"][symbol_id])),
        ("strategy", int(states("strategy")[0]["desk"]["symbols"][symbol_id]["ledger"]["lots"])),
    ]


def _money(states: States, symbols: int) -> list[str]:
    """Cash, fees and counts of risk and the exchange, to the minor unit."""
    found = []
    for symbol_id in range(symbols):
        ledger = account_of(states)["ledger"][symbol_id]
        position = states("risk")[0]["risk"]["symbols"][symbol_id]["position"]
        for ours, theirs in (("cash_e8", "cash_e8"), ("fees_e8", "fees_e8"), ("fill_count", "fills")):
            if int(position[ours]) != int(ledger[theirs]):
                found.append(
                    f"symbol {symbol_id}: {ours} of risk {int(position[ours])}, of the exchange {int(ledger[theirs])}"
                )
    return found


def _difference(what: str, ours: set[Any], theirs: set[Any]) -> list[str]:
    """One line if two sets differ, with some of what differs."""
    if ours == theirs:
        return []
    return [
        f"{what}: {len(ours)}, the exchange has {len(theirs)}; missing {sorted(theirs - ours)[:3]},"
        f" too many {sorted(ours - theirs)[:3]}"
    ]


def nothing_open(states: States, symbols: int) -> list[str]:
    """After a cancel-all: no order anywhere, no exposure reserved, every slot of the arena free."""
    found = [f"order {number} still rests at the exchange" for number in sorted(open_at_venue(states))]
    for symbol_id in range(symbols):
        symbol = states("risk")[0]["risk"]["symbols"][symbol_id]
        for side in ("buys", "sells"):
            count, lots = int(symbol[side]["count"]), int(symbol[side]["leaves_lots"])
            if count or lots:
                found.append(f"symbol {symbol_id}: risk still reserves {lots} lots for {count} {side}")
    if int(states("router")[0]["router"]["open_orders"]):
        found.append(f"router still holds {int(states('router')[0]['router']['open_orders'])} orders")
    arena = states("strategy")[0]["arena"]
    if int(arena["free_count"]) != int(arena["capacity"]):
        found.append(f"arena: {int(arena['capacity']) - int(arena['free_count'])} slots are not free")
    return found


assert ORDERS_KEPT >= FILLS_KEPT, "orders of every execution that is kept are kept, too"
