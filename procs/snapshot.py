"""One moment of a running system, read from its shared memory into plain values: what every view shows.

Taking one costs well under a millisecond and disturbs nobody. A monitor writes nothing; the supervisor's own
Taker leaves a few facts in the run's words for others: the budgets, when trading began and quoting did.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from procs.affinity import spans
from procs.config import HOPS
from procs.plan import LaunchPlan
from procs.readings import (
    BookChecks,
    Latency,
    Orders,
    Units,
    book_checks,
    drops,
    first_quote_ns,
    latencies,
    market_frames,
    messages_taken,
    orders_of,
    pnl_of,
    quoted_share,
    record_of,
    units_of_run,
)
from procs.restarts import NO_RESTARTS, RestartView
from procs.run_segments import FIRST_QUOTE_WORD, RunSegments
from procs.stress_views import CALM, StressView, stress_of
from procs.topology import STAGES
from shm.clock import now_ns
from shm.control import STATE_NAMES
from trader.enums import BeliefState, BookState
from trader.risk.state import HaltCause
from trader.strategy.lines import IDLE

BUDGET_WORDS = 8
BEGAN_WORD = 15
"""Words of the run that its supervisor's Taker sets: each hop's budget in nanoseconds; FIRST_QUOTE_WORD, when the first
quote was seen; when trading began."""

assert len(HOPS) <= FIRST_QUOTE_WORD - BUDGET_WORDS

HEARTBEAT_LATE_S = 0.5
"""A work loop beats ten times a second."""

JUDGED_FROM = 100
"""With fewer messages the 99th percentile is the largest, and the first ones are always slow."""

CPU_WINDOW_S = 1.0
"""CPU time comes in hundredths of a second: over less than this its share is noise."""


@dataclass(frozen=True)
class StageView:
    """One stage. `heartbeat_age_s` is -1 before the first beat; `cpu_percent` is its process's, of one core."""

    name: str
    state: str
    pid: int
    core: str
    cpu_percent: float
    heartbeat_age_s: float
    taken: int
    halted: bool
    failure: int

    @property
    def silent(self) -> bool:
        """Whether its work loop should have beaten meanwhile."""
        return self.state == "running" and self.heartbeat_age_s > HEARTBEAT_LATE_S


@dataclass(frozen=True)
class HopView:
    """One hop's latency and its budget, nanoseconds; budget 0: none is known."""

    name: str
    latency: Latency
    budget_ns: int

    @property
    def over_budget(self) -> bool:
        """Whether more than one message in a hundred was late."""
        return self.latency.count >= JUDGED_FROM and self.latency.p99 > self.budget_ns > 0


@dataclass(frozen=True)
class SymbolView:
    """One instrument: its book, what is believed of it, what we quote and hold. 0 ticks: no such price."""

    units: Units
    book_state: str
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    volatility_bps: float
    belief: str
    own_bid_ticks: int
    own_bid_lots: int
    own_ask_ticks: int
    own_ask_lots: int
    position_lots: int
    stress: StressView = CALM


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run. `elapsed_s` counts from when trading began, 0 before; `events`: frames of the venue's
    market stream."""

    run: str
    elapsed_s: float
    events: int
    stages: tuple[StageView, ...]
    hops: tuple[HopView, ...]
    symbols: tuple[SymbolView, ...]
    books: BookChecks
    orders: Orders
    pnl: float
    quoted_share: float
    halt: str
    dropped: int
    restarts: RestartView = NO_RESTARTS

    @property
    def placement(self) -> str:
        """Whether feed to router share a process."""
        pids = {stage.name: stage.pid for stage in self.stages}
        return "fused" if pids["feed"] and pids["feed"] == pids["book"] else "process"

    @property
    def troubles(self) -> list[str]:
        """What a person should look at now, gravest first."""
        found = [f"stage {self.restarts.stage} is being replaced"] if self.restarts.recovering else []
        found += [f"stage {stage.name} failed with code {stage.failure}" for stage in self.stages if stage.failure]
        found += [f"stage {stage.name} halted" for stage in self.stages if stage.halted]
        if self.halt != "NONE":
            found.append(f"no new orders: {self.halt.lower().replace('_', ' ')}")
        found += [
            f"stage {stage.name} silent for {stage.heartbeat_age_s:.1f} s" for stage in self.stages if stage.silent
        ]
        found += [f"{symbol.units.symbol} book STALE" for symbol in self.symbols if symbol.book_state == "STALE"]
        if self.orders.unknown:
            found.append(f"{self.orders.unknown} orders of unknown outcome")
        return found + [f"{hop.name} over budget" for hop in self.hops if hop.over_budget]

    def hop(self, name: str) -> HopView:
        """One hop. Raises StopIteration for a name that is none."""
        return next(hop for hop in self.hops if hop.name == name)


@dataclass
class _CpuSample:
    process: psutil.Process
    core: str
    at_s: float
    used_s: float
    percent: float = 0.0


class Taker:
    """Takes snapshots of one run; keeps what CPU shares need from one to the next."""

    def __init__(self, memory: RunSegments, plan: LaunchPlan | None = None) -> None:
        """`plan`: the supervisor's, given when trading begins; a monitor in another process has none."""
        self._memory = memory
        self._owner = plan is not None
        if plan is not None:
            for index, hop in enumerate(HOPS):
                memory.set_word(BUDGET_WORDS + index, plan.config.budgets.budget_ns(hop))
            memory.set_word(BEGAN_WORD, int(now_ns(memory.clock_address)))
        self._cpu: dict[int, _CpuSample] = {}
        self._units: list[Units] = []

    def take(self) -> Snapshot:
        """Look once."""
        memory = self._memory
        memory.follow()
        if not self._units:
            self._units = units_of_run(memory)
        if self._owner and not memory.word(FIRST_QUOTE_WORD):
            memory.set_word(FIRST_QUOTE_WORD, first_quote_ns(memory))
        now = int(now_ns(memory.clock_address))
        budgets_ns = {hop: memory.word(BUDGET_WORDS + index) for index, hop in enumerate(HOPS)}
        return Snapshot(
            run=memory.run,
            elapsed_s=(now - (memory.word(BEGAN_WORD) or now)) / 1e9,
            events=market_frames(memory),
            stages=tuple(self._stage(stage.name, now) for stage in STAGES),
            hops=tuple(HopView(hop, found, budgets_ns[hop]) for hop, found in latencies(memory).items()),
            symbols=tuple(self._symbol(symbol_id, units) for symbol_id, units in enumerate(self._units)),
            books=book_checks(memory, len(self._units)),
            orders=orders_of(memory),
            pnl=pnl_of(memory),
            quoted_share=quoted_share(memory),
            halt=HaltCause(int(record_of(memory, "risk", "RISK")["halted"])).name,
            dropped=sum(drops(memory).values()),
            restarts=RestartView.of(memory.restarts()[0], [stage.name for stage in STAGES]),
        )

    def _stage(self, name: str, now: int) -> StageView:
        cell = self._memory.cell(name)
        beat, pid = cell.heartbeat_ns, cell.pid
        core, percent = self._cpu_of(pid)
        return StageView(
            name=name,
            state=STATE_NAMES[cell.state],
            pid=pid,
            core=core,
            cpu_percent=percent,
            heartbeat_age_s=max(now - beat, 0) / 1e9 if beat else -1.0,
            taken=messages_taken(self._memory, name),
            halted=cell.halted,
            failure=cell.failure,
        )

    def _cpu_of(self, pid: int) -> tuple[str, float]:
        """Core and CPU share of a process; ("", 0) where there is none."""
        if not pid:
            return "", 0.0
        try:
            sample = self._cpu.get(pid)
            at_s = time.monotonic()
            if sample is None:
                process = psutil.Process(pid)
                cores = spans(os.sched_getaffinity(pid)).replace(" ", "")
                self._cpu[pid] = _CpuSample(process, cores, at_s, _used_s(process))
                return cores, 0.0
            if at_s - sample.at_s >= CPU_WINDOW_S:
                used_s = _used_s(sample.process)
                sample.percent = 100 * (used_s - sample.used_s) / (at_s - sample.at_s)
                sample.at_s, sample.used_s = at_s, used_s
            return sample.core, sample.percent
        except (psutil.Error, OSError):
            self._cpu.pop(pid, None)
            return "", 0.0

    def _symbol(self, symbol_id: int, units: Units) -> SymbolView:
        risk = record_of(self._memory, "risk", "RISK")["symbols"][symbol_id]
        own = self._memory.state("strategy")[0]
        top, belief, desk = own["tops"][symbol_id], own["beliefs"][symbol_id], own["desk"]["symbols"][symbol_id]
        depth = int(desk["depth"])
        bid_ticks, bid_lots = _nearest(desk["bids"][:depth], max)
        ask_ticks, ask_lots = _nearest(desk["asks"][:depth], min)
        return SymbolView(
            units=units,
            book_state=BookState(int(top["state"])).name,
            bid_ticks=int(top["bid_ticks"][0]),
            bid_lots=int(top["bid_lots"][0]),
            ask_ticks=int(top["ask_ticks"][0]),
            ask_lots=int(top["ask_lots"][0]),
            volatility_bps=float(belief["volatility_bps"]),
            belief=BeliefState(int(belief["state"])).name,
            own_bid_ticks=bid_ticks,
            own_bid_lots=bid_lots,
            own_ask_ticks=ask_ticks,
            own_ask_lots=ask_lots,
            position_lots=int(risk["position"]["lots"]),
            stress=stress_of(self._memory, symbol_id),
        )


def _nearest(lines: np.ndarray, best: Callable[[list[int]], int]) -> tuple[int, int]:
    """Best price among a side's resting quotes, and the lots there; (0, 0) without any."""
    resting = lines[lines["state"] != IDLE]
    prices = resting["price_ticks"].tolist()
    if not prices:
        return 0, 0
    price = best(prices)
    return price, int(resting["leaves_lots"][resting["price_ticks"] == price].sum())


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
