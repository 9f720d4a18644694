"""The system as one table: STAGES and LINKS. It launches the system, is checked before launch, and is drawn.

A stage serves its inboxes by what happens when they are full: cancel sets first, then what must not be lost,
then the newest values, then the queues; within that, in the table's order.
"""

from dataclasses import dataclass
from typing import get_type_hints

from procs.when_full import Full as Full
from trader.messages import (
    AccountState,
    BestQuote,
    BookClear,
    BookDelta,
    BookResync,
    BookTop,
    CancelRequest,
    ExecutionReport,
    InstrumentState,
    MarketEvent,
    Message,
    NewOrder,
    OrderIntent,
    OrderRefusal,
    SignalEstimate,
    TailRiskAdvice,
    Trade,
    VolatilityEstimate,
    WireIn,
    WireOut,
)

K = 1 << 10
M = 1 << 20


_RANK = {Full.SET: 0, Full.HALT: 1, Full.LATEST: 2, Full.WAIT: 3, Full.DENY: 3, Full.DROP: 3}

WIRE = "wire"
SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class Stage:
    """One stage: its module in procs.stages, whether it owns sockets, and what it is for.

    `is_rung`: whether writers ring its doorbell. A stage that nobody waits for is not worth a system call of those that
    somebody waits for: it looks by itself, on its timer.
    """

    name: str
    owns_sockets: bool
    purpose: str
    is_rung: bool = True


@dataclass(frozen=True)
class Link:
    """One edge: who writes it, who reads it, what it carries, how much it holds, what happens when full.

    `may_miss`: readers for which nobody waits, whatever holds for the others: they see the gap.
    """

    name: str
    producer: str
    consumers: tuple[str, ...]
    carries: tuple[type[Message], ...]
    capacity_bytes: int
    when_full: Full
    may_miss: tuple[str, ...] = ()

    @property
    def lossy(self) -> tuple[str, ...]:
        """Readers that may be overtaken."""
        return self.consumers if self.when_full is Full.DROP else self.may_miss


# fmt: off
STAGES = (
    Stage("feed",       True,  "venue frames to ticks and lots; sync and gap recovery"),
    Stage("book",       False, "price ladder; proves itself against the venue's best quotes"),
    Stage("strategy",   False, "two-sided quotes from book, belief and position"),
    Stage("risk",       False, "the only one that can emit a new order"),
    Stage("router",     True,  "orders, cancels and executions over the venue's sockets"),
    Stage("volatility", False, "what is believed of the volatility"),
    Stage("signals",    False, "panic, fair price shift, aggressiveness", is_rung=False),
    Stage("tail_risk",  False, "whales, extremes, fragility: advice that can only tighten", is_rung=False),
    Stage("exchange",   True,  "the simulated venue, behind real sockets"),
)

LINKS = (
    #    name                  producer      consumers               carries                                       bytes    when full
    Link("feed_book",          "feed",       ("book",),              (BookDelta, BestQuote, Trade, BookClear),     4 * M,   Full.WAIT),
    Link("book_top",           "book",       ("strategy", "risk", "signals"), (BookTop,),                          1 * K,   Full.LATEST),
    Link("book_market",        "book",       ("volatility", "signals", "tail_risk"), (MarketEvent,),               1 * M,   Full.DROP),
    # A book that disproved itself asks the feed for a new snapshot: newest request wins, so no cycle can wait.
    Link("book_feed",          "book",       ("feed",),              (BookResync,),                                1 * K,   Full.LATEST),
    Link("volatility_estimate", "volatility", ("strategy", "risk"),  (VolatilityEstimate,),                        1 * K,   Full.LATEST),
    Link("signal_estimate",    "signals",    ("strategy", "tail_risk"), (SignalEstimate,),                         1 * K,   Full.LATEST),
    Link("tail_risk_advice",   "tail_risk",  ("strategy", "risk"),   (TailRiskAdvice,),                            1 * K,   Full.LATEST),
    Link("strategy_risk",      "strategy",   ("risk",),              (OrderIntent,),                               64 * K,  Full.DENY),
    Link("risk_strategy",      "risk",       ("strategy",),          (OrderRefusal,),                              256 * K, Full.HALT),
    # A hundred orders and more, 170: the next power of two. Whoever finds it full is told at once; cancels have sets.
    Link("risk_router",        "risk",       ("router",),            (NewOrder,),                                  32 * K,  Full.DENY),
    # Tail risk only advises: trading never waits for it.
    Link("router_reports",     "router",     ("risk", "strategy", "tail_risk"), (ExecutionReport, AccountState, InstrumentState), 4 * M, Full.HALT,
         may_miss=("tail_risk",)),
    Link("strategy_cancels",   "strategy",   ("router",),            (CancelRequest,),                             0,       Full.SET),
    Link("risk_cancels",       "risk",       ("router",),            (CancelRequest,),                             0,       Full.SET),
    Link("supervisor_cancels", SUPERVISOR,   ("router",),            (CancelRequest,),                             0,       Full.SET),
    # Between a stage and the sockets that it owns, inside its process. Sixteen frames of the largest size.
    Link("feed_wire_in",       WIRE,         ("feed",),              (WireIn,),                                    16 * M,  Full.WAIT),
    Link("feed_wire_out",      "feed",       (WIRE,),                (WireOut,),                                   1 * M,   Full.WAIT),
    Link("router_wire_in",     WIRE,         ("router",),            (WireIn,),                                    16 * M,  Full.WAIT),
    Link("router_wire_out",    "router",     (WIRE,),                (WireOut,),                                   1 * M,   Full.WAIT),
    Link("exchange_wire_in",   WIRE,         ("exchange",),          (WireIn,),                                    16 * M,  Full.WAIT),
    Link("exchange_wire_out",  "exchange",   (WIRE,),                (WireOut,),                                   16 * M,  Full.WAIT),
)
# fmt: on

TRADING = tuple(stage.name for stage in STAGES if stage.name != "exchange")
"""The stages of the pipeline itself, in flow order."""

FUSED = ("feed", "book", "strategy", "risk", "router")
"""What the fused placement runs in one process; volatility, signals and tail risk stand beside it."""


def stage_named(name: str) -> Stage:
    """The row of a stage. Raises KeyError."""
    return {stage.name: stage for stage in STAGES}[name]


def is_rung(name: str) -> bool:
    """Whether who writes to a stage wakes it; so it is with whoever is not in the table."""
    return all(stage.is_rung for stage in STAGES if stage.name == name)


def link_named(name: str) -> Link:
    """The row of a link. Raises KeyError."""
    return {link.name: link for link in LINKS}[name]


def inboxes(stage: str, links: tuple[Link, ...] = LINKS) -> list[Link]:
    """What a stage reads, in the order in which it is served."""
    return sorted((link for link in links if stage in link.consumers), key=lambda link: _RANK[link.when_full])


def outboxes(stage: str, links: tuple[Link, ...] = LINKS) -> list[Link]:
    """What a stage writes, in the table's order."""
    return [link for link in links if link.producer == stage]


def problems(stages: tuple[Stage, ...] = STAGES, links: tuple[Link, ...] = LINKS) -> list[str]:
    """Every contradiction in the table, each in one line; empty when it may be launched."""
    known = {stage.name for stage in stages} | {WIRE, SUPERVISOR}
    found = []
    for link in links:
        for end in (link.producer, *link.consumers):
            if end not in known:
                found.append(f"link {link.name!r} names unknown stage {end!r}; known: {sorted(known)}")
        found += _shape_problems(link)
    names = [link.name for link in links]
    found += [f"link {name!r} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    found += _flow_problems(stages, links)
    cycle = _wait_cycle(links)
    if cycle:
        found.append(f"WAIT links form a cycle: {' -> '.join(cycle)}; each would wait for the next")
    return found + _halt_problems(links)


def _shape_problems(link: Link) -> list[str]:
    found = []
    ring = link.when_full not in (Full.LATEST, Full.SET)
    if ring and (link.capacity_bytes < 4 * K or link.capacity_bytes & (link.capacity_bytes - 1)):
        found.append(f"link {link.name!r}: capacity {link.capacity_bytes}, allowed a power of two of at least {4 * K}")
    if not link.consumers or len(link.consumers) > 3:
        found.append(f"link {link.name!r}: {len(link.consumers)} consumers, allowed 1 to 3")
    strangers = sorted(set(link.may_miss) - set(link.consumers))
    found += [f"link {link.name!r}: {name!r} may miss what it does not read" for name in strangers]
    if not link.carries:
        found.append(f"link {link.name!r} carries nothing")
    if link.when_full is Full.LATEST and len(link.carries) != 1:
        found.append(f"link {link.name!r}: a LATEST link carries exactly one type, found {len(link.carries)}")
    for message in link.carries if link.when_full is Full.LATEST else ():
        if bytes in get_type_hints(message).values():
            found.append(
                f"link {link.name!r}: a LATEST link has room for one size, and {message.__name__} ends in bytes"
            )
    return found


def _flow_problems(stages: tuple[Stage, ...], links: tuple[Link, ...]) -> list[str]:
    found = []
    for stage in stages:
        if not inboxes(stage.name, links):
            found.append(f"stage {stage.name!r} reads nothing")
        if not outboxes(stage.name, links):
            found.append(f"stage {stage.name!r} writes nothing")
    return found


def _wait_cycle(links: tuple[Link, ...]) -> list[str]:
    """A cycle of stages over WAIT links, or an empty list. The wire is a source and a sink, not a way through."""
    edges: dict[str, set[str]] = {}
    for link in links:
        if link.when_full is Full.WAIT and link.producer != WIRE:
            edges.setdefault(link.producer, set()).update(set(link.consumers) - {WIRE})

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        for successor in sorted(edges.get(node, ())):
            cycle = walk(successor, [*path, node])
            if cycle:
                return cycle
        return []

    return next((cycle for start in sorted(edges) if (cycle := walk(start, []))), [])


def _halt_problems(links: tuple[Link, ...]) -> list[str]:
    """A reader of a HALT link that waits for another could stop the one who must not lose."""
    halt_readers = {stage for link in links if link.when_full is Full.HALT for stage in link.consumers}
    return [
        f"stage {link.producer!r} reads a HALT link and writes {link.name!r}, which may WAIT"
        for link in links
        if link.producer in halt_readers and link.when_full is Full.WAIT and WIRE not in link.consumers
    ]


def picture() -> str:
    """The table as text, in flow order."""
    lines = ["stages"]
    lines += [
        f"  {stage.name:<12}{'sockets  ' if stage.owns_sockets else '         '}{stage.purpose}" for stage in STAGES
    ]
    lines += ["", "links"]
    for link in LINKS:
        flow = f"{link.producer} -> {', '.join(link.consumers)}"
        carries = ", ".join(message.__name__ for message in link.carries)
        lines.append(f"  {link.name:<21}{flow:<40}{link.when_full.name:<8}{_size(link.capacity_bytes):>6}  {carries}")
    lines += ["", "when full"]
    lines += [f"  {full.name:<8}{full.meaning}" for full in Full]
    return "\n".join(lines)


def _size(capacity_bytes: int) -> str:
    if not capacity_bytes:
        return "-"
    return f"{capacity_bytes // M} MiB" if capacity_bytes >= M else f"{capacity_bytes // K} KiB"
