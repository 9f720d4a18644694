"""Deliberate bugs in a copy of the order-by-order book: the checks must notice, or they check nothing."""

import pytest

from tests.sabotage import FINE, ROOT, assert_noticed, copy_of, verdict

WAIT_S = 300.0
QUEUES, KEYS = "queues_stay_right", "keys_that_collide_are_found"
AGAINST = "tests.trader.l3_checks"

_BACK = "        _unlink(book, queue, slot)\n        book.orders[slot].lots = lots\n        _link(book, queue, slot)\n"
_STAYS = "        queue.lots += lots - before\n        book.orders[slot].lots = lots\n"
_SHRINK = "        queue.lots -= lots\n        _show(book, queue)\n        return\n"
_GONE = "        index_remove(book.queue_index, queue_key(queue.side, queue.key * queue.side))\n"
_TAKEN = "    if index_find(book.order_index, order_id) >= 0:\n        return _KNOWN\n"
_RENAMED = "_problem(book, new_id, ticks, lots) if new_id != order_id else _sizes(ticks, lots)"
_LAST = "    else:\n        queue.last = order.previous\n"
_BEHIND = "        book.orders[order.next].previous = order.previous\n"
_HOME = "if ((at - _home(cells[at].key, mask)) & mask) >= ((at - hole) & mask):"

# fmt: off
QUICK = [("l3.py", _BACK, _STAYS, QUEUES)]
SLOW = [
    ("l3.py", _SHRINK, "        queue.lots -= lots\n        return\n", QUEUES),
    ("l3.py", _SHRINK, "        _show(book, queue)\n        return\n", QUEUES),
    ("l3.py", _GONE, "", QUEUES),
    ("l3.py", "    index_remove(book.order_index, order.order_id)\n", "", QUEUES),
    ("l3.py", _TAKEN, "", QUEUES),
    ("l3.py", _RENAMED, "_sizes(ticks, lots)", QUEUES),
    ("l3.py", "lots > book.orders[slot].lots:", "lots > LOTS_MAX:", QUEUES),
    ("l3.py", "    order.next = book.free_order - 1\n", "    order.next = -1\n", QUEUES),
    ("l3.py", _LAST, "", QUEUES),
    ("l3.py", _BEHIND, "        pass\n", QUEUES),
    ("l3.py", "    if book.orders[slot].previous >= 0:\n", "    if book.orders[slot].next >= 0:\n", QUEUES),
    ("l3_queries.py", "lots_before if at_front else", "lots_behind if at_front else", QUEUES),
    ("l3_queries.py", "others - steps", "steps", QUEUES),
    ("index.py", _HOME, "if True:", KEYS),
    ("index.py", _HOME, "if False:", KEYS),
    ("index.py", "cells[hole].key != key or cells[hole].used == 0", "cells[hole].used == 0", KEYS),
]
# fmt: on


def found_by(file: str, old: str, new: str, *checks: str) -> int:
    """What the checks say of a copy."""
    others = [*(ROOT / "shm").glob("*.py"), *(ROOT / "tests/trader").glob("l3_checks.py")]
    others += (ROOT / "tests/trader").glob("order_queues.py")
    patched = f"book/{file}" if file else ""
    return verdict(copy_of("trader", patched, old, new, others=others), "trader", AGAINST, checks, wait_s=WAIT_S)


@pytest.mark.timeout(WAIT_S)
def test_a_copy_without_a_bug_is_fine() -> None:
    assert found_by("", "", "", QUEUES, KEYS) == FINE


@pytest.mark.timeout(WAIT_S)
@pytest.mark.parametrize(
    ("file", "old", "new", "check"), [*QUICK, *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)]
)
def test_each_deliberate_bug_is_noticed(file: str, old: str, new: str, check: str) -> None:
    assert_noticed(found_by(file, old, new, check))
