"""Deliberate bugs in the guards of orders, risk and router: fault schedules must notice each, or they guard nothing.

    .venv/bin/python -m tests.faults.sabotage NAME [SEEDS]      plays schedules on the program with that bug

The program is not copied: while it is imported, one module's text is another, and the kernels' cache is keyed by that
text, so only the stages that the bug reaches are compiled again.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

ROOT = Path(__file__).resolve().parents[2]
FINE, NOTICED = 0, 1
SEEDS = 1_000


@dataclass(frozen=True)
class Bug:
    """One text of one module that is another."""

    module: str
    old: str
    new: str


_SILENT = "    if order.state == OrderState.SENT:\n        order.state = next_state(order.state, OrderEvent.SILENCE)\n"
_REMEMBER = "    if not remember_fill(router.fill_set, market, event.trade_id, event.venue_order_id):\n"

BUGS = {
    "no dedup": Bug("trader.position", "    if fills.cells[cell] != 0:\n        return 0\n", ""),
    "dedup marked before apply": Bug(
        "trader.router.fills",
        "    router.filled += 1\n",
        "    if known and order.state == OrderState.UNKNOWN:\n        return\n    router.filled += 1\n",
    ),
    "unknown is rejected": Bug(
        "trader.router.facts",
        _SILENT,
        f"    if order.state == OrderState.SENT:\n        reject(router, order, 0, now_ns)\n{_SILENT}",
    ),
    "new id on retry": Bug(
        "trader.router.patience",
        "    add_query(router, order, now_ns)\n",
        "    if order.state == OrderState.UNKNOWN:\n        order.client_order_id += 4096\n"
        "        add_place(router, order, 0, now_ns)\n    add_query(router, order, now_ns)\n",
    ),
    "not found is believed": Bug(
        "trader.router.replies",
        "    order.not_found += 1\n",
        "    order.not_found += 1\n    if is_live(order.state):\n        reject(router, order, NO_SUCH_ORDER, now_ns)\n"
        "    return\n",
    ),
    "released at cancel request": Bug(
        "trader.router.placing",
        "        add_cancel(router, order, now_ns)\n",
        "        add_cancel(router, order, now_ns)\n"
        "        add_report(router, order, ReportKind.CANCELED, OrderState.CANCELED, 0, 0)\n",
    ),
    "refused cancel ends the order": Bug(
        "trader.router.replies",
        "    add_report(router, order, ReportKind.CANCEL_REJECTED, order.state, 0, reply.code)\n",
        "    settle(router, order, order.state, apply_end(order, OrderEvent.CANCEL, 0, 0), 0, now_ns)\n",
    ),
    "stale gate off": Bug("trader.risk.check_market", "    if age_ns > limits.book_age_ns_max:\n", "    if False:\n"),
    "cancels wait for room": Bug(
        "trader.router.placing",
        "    router.cancels_asked += 1\n",
        "    router.cancels_asked += 1\n    if router.phase != Phase.READY:\n        return\n",
    ),
    "terminal absorbs late fills": Bug(
        "trader.router.fills", _REMEMBER, f"    if known and not is_live(order.state):\n        return\n{_REMEMBER}"
    ),
}
"""By name. Guards that another one backs up are not among them, for nothing is seen: the router's last hop counts
exposure again, fills that are owed are also found by the position's check.
"""

EXTRA_IMPORTS = {
    "trader.router.patience": "from trader.router.outgoing import add_place\n",
    "trader.router.placing": "from trader.enums import ReportKind\nfrom trader.router.outgoing import add_report\n",
    "trader.router.fills": "from trader.orders import is_live\n",
}
"""What the new texts use."""


def path_of(module: str) -> Path:
    """The module's file."""
    return ROOT / (module.replace(".", "/") + ".py")


def buggy_text(bug: Bug) -> str:
    """The module's text with the bug. Raises AssertionError where the guard's text is not there once."""
    text = path_of(bug.module).read_text()
    assert text.count(bug.old) == 1, f"{bug.module} no longer has, once: {bug.old}"
    text = text.replace(bug.old, bug.new)
    head, separator, rest = text.partition("\nfrom ")
    return head + "\n" + EXTRA_IMPORTS.get(bug.module, "") + separator.lstrip("\n") + rest


class _Saboteur(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module with another text."""

    def __init__(self, bug: Bug) -> None:
        self.bug = bug

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module is ours if it is the one with the bug."""
        if fullname != self.bug.module:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(path_of(fullname)))

    def exec_module(self, module: ModuleType) -> None:
        """Run the buggy text under the module's own file name."""
        path = path_of(self.bug.module)
        module.__file__ = str(path)
        code: CodeType = compile(buggy_text(self.bug), str(path), "exec")
        exec(code, module.__dict__)


def sabotage(bug: Bug) -> None:
    """From now on the program has the bug. Nothing of it may have been imported before."""
    assert not any(name.partition(".")[0] in ("trader", "procs", "shm") for name in sys.modules)
    import shm.kernel as kernel

    honest = kernel._source

    def source(module: str) -> bytes:
        return buggy_text(bug).encode() if module == bug.module else honest(module)

    kernel._source = source  # type: ignore[assignment]
    sys.meta_path.insert(0, _Saboteur(bug))


def main(name: str, seeds: int) -> int:
    """Play schedules until one fails: NOTICED, or FINE."""
    sabotage(BUGS[name])
    from tests.faults.schedules import World

    world = World()
    for seed in range(seeds):
        verdict = world.run(seed)
        if verdict.problems:
            sys.stdout.write("\n  ".join([str(verdict), *verdict.problems]) + "\n")
            return NOTICED
    return FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS))
