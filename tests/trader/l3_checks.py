"""What must fail when the order-by-order book is patched: short checks, imported against a copy of trader.

Each returns nothing when all is well and raises AssertionError when it is not.
"""

import random
from collections import Counter

from tests.trader.order_queues import Queues
from trader.book import L3Book

ORDERS_MAX = 24
EVENTS = 6_000


def refusal(event, *arguments, **named) -> type[BaseException] | None:
    """What an event raised."""
    try:
        event(*arguments, **named)
    except (KeyError, ValueError, OverflowError) as error:
        return type(error)
    return None


def one_event(rng: random.Random, book: L3Book, model: Queues, counts: Counter) -> None:
    """One event of any kind, most of them possible, on book and model; what is refused must be."""
    ids = sorted(model.where)
    known = bool(ids) and rng.random() < 0.95
    order_id = rng.choice(ids) if known else 10**17 + rng.randint(0, 9)
    lots, ticks = rng.randint(1, 6), 1_000 + rng.randint(0, 3)
    kind = rng.choice(("add", "add", "add", "reduce", "execute", "remove", "amend", "replace"))
    if kind == "add":
        new_id, side = (
            rng.choice(ids) if ids and rng.random() < 0.05 else rng.randint(0, 999),
            rng.choice(("bid", "ask")),
        )
        expected = ValueError if new_id in model.where else OverflowError if len(ids) == ORDERS_MAX else None
        found = refusal(lambda: book.add(side, new_id, ticks=ticks, lots=lots))
        if expected is None:
            model.add(side, new_id, ticks, lots)
    elif kind in ("reduce", "execute"):
        expected = KeyError if not known else ValueError if lots > model.order(order_id)[1] else None
        found = refusal(lambda: getattr(book, kind)(order_id, lots=lots))
        if expected is None:
            counts["out_of_turn"] += kind == "execute" and model.position(order_id)[3] > 0
            counts["executed_lots"] += lots * (kind == "execute")
            model.take(order_id, lots)
    elif kind == "remove":
        expected, found = None if known else KeyError, refusal(lambda: book.remove(order_id))
        if known:
            model.remove(order_id)
    elif kind == "amend":
        expected, found = None if known else KeyError, refusal(lambda: book.amend(order_id, lots=lots))
        if known:
            model.amend(order_id, lots)
    else:
        new_id = rng.choice((order_id, rng.choice([*ids, 1]), rng.randint(0, 999)))
        taken = new_id in model.where and new_id != order_id
        expected = KeyError if not known else ValueError if taken else None
        found = refusal(lambda: book.replace(order_id, new_id=new_id, ticks=ticks, lots=lots))
        if expected is None:
            side, _ = model.where[order_id]
            model.remove(order_id)
            model.add(side, new_id, ticks, lots)
    counts["refused"] += expected is not None
    assert found == expected, f"{kind}: {found}, should be {expected}"


def assert_equal(book: L3Book, model: Queues) -> None:
    """Every queue, every place in it, every level; no slot beyond those that there are."""
    assert max(int(book.state[0]["orders_used"]), int(book.state[0]["queues_used"])) <= ORDERS_MAX
    assert book.order_count == len(model.where)
    for side in ("bid", "ask"):
        assert book.levels(side) == model.levels(side)
    for (side, ticks), queue in model.queues.items():
        assert book.orders(side, ticks) == [tuple(order) for order in queue]
    for order_id in model.where:
        assert book.position(order_id) == model.position(order_id)


def queues_stay_right() -> None:
    """After every event the book is the model."""
    rng, book, model, counts = random.Random(7), L3Book(orders_max=ORDERS_MAX), Queues(), Counter()
    for _ in range(EVENTS):
        one_event(rng, book, model, counts)
        assert_equal(book, model)
    events = book.events
    assert (events.refused, events.out_of_turn, events.executed_lots) == (
        counts["refused"],
        counts["out_of_turn"],
        counts["executed_lots"],
    )


def keys_that_collide_are_found() -> None:
    """Ids of any distance: many share a cell of the table of orders, and come and go."""
    rng, book = random.Random(8), L3Book(orders_max=ORDERS_MAX)
    held: dict[int, int] = {}
    for _ in range(EVENTS):
        if len(held) == ORDERS_MAX or (held and rng.random() < 0.4):
            order_id = rng.choice(sorted(held))
            assert refusal(book.remove, order_id) is None
            del held[order_id]
        else:
            order_id, ticks = rng.getrandbits(62), rng.randint(0, 30)
            assert refusal(book.add, "ask", order_id, ticks=ticks, lots=1) is None
            held[order_id] = ticks
        assert book.order_count == len(held)
        for order_id, ticks in held.items():
            assert refusal(book.position, order_id) is None
            assert book.position(order_id).ticks == ticks
