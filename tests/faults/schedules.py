"""Fault schedules in one process: the real stages on a virtual clock, faults from a seed, healing, judgement.

    .venv/bin/python -m tests.faults.schedules SEED [SEED ...]      replays schedules and says what went wrong

    START  ->  faults, hanging stages, cancel-alls   ->  heal  ->  the market stands still  ->  cancel all
               always() and no under-reservation         at_rest() within 30 s, quoting        nothing_open()

Everything is compiled and bound once; between schedules only the stages' states, the wire and the clock are set back.
"""

import random
import sys
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from procs.backtest import Backtest
from procs.backtest_kernels import settle
from procs.loopback import LATER_MAX
from procs.stages.risk import BUILD_ALONE
from procs.wiring import stage_module
from shm.cancels import request_cancel
from shm.control import HALTED, store_word
from shm.kernel import address_of_array, kernel, new_record
from shm.ring import open_reader
from tests.faults.conditions import States, always, at_rest, client_id_of, nothing_open, open_at_venue, venue_orders
from tests.faults.mixtures import configuration, faults_of
from tests.faults.playing import APPROVED_MAX, PLAY, play_until
from trader.enums import Command
from trader.exchange.fault_config import FaultsConfig
from trader.exchange.faults import prepare_faults

START_NS = 1_000_000_000_000
MS, S = 1_000_000, 1_000_000_000
GROUP = ("exchange", "feed", "book", "strategy", "risk", "router")
"""Who plays; volatility is not asked, its prior is what the strategy is given."""

CALM_EVENTS_PER_S = 60.0
STEPS_S = (0.1, 0.1, 0.3, 0.5, 0.5, *([1.0] * 28))


@dataclass
class Verdict:
    """What became of one schedule. `problems` empty: all conditions held."""

    seed: int
    problems: list[str]
    orders: int = 0
    fills: int = 0
    faults: int = 0
    rest_s: float = 0.0
    digest: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.orders} orders, {self.fills} fills, {self.faults} faults {self.notes},"
            f" at rest after {self.rest_s:.1f} s"
        )


@kernel
def ask_cancel_all(base):
    """Press the supervisor's cancel-all."""
    request_cancel(base, -1, 0)


class World:
    """The stages, bound once; `run` plays one schedule."""

    def __init__(self, symbols: int = 1) -> None:
        self.config = configuration(symbols)
        self.symbols = symbols
        self.stage = Backtest(self.config, START_NS)
        stations = {station.name: station for station in self.stage.stations}
        self.rows = [stations[name].row for name in GROUP]
        self.group = np.array([stations[name].address for name in GROUP], dtype=np.int64)
        self.play = new_record(PLAY)
        self.doomed: set[int] = set()
        """Orders that rested when everything was to be cancelled."""
        self.stage.cell("exchange").issue(Command.START)
        self._settle()
        self.images = {name: self.stage.state(name).copy() for name in GROUP}

    @property
    def states(self) -> States:
        """For the conditions."""
        return self.stage.state

    @property
    def exchange(self) -> Any:
        """The exchange's record."""
        return self.stage.state("exchange")[0]["venue"]

    def _settle(self) -> None:
        settle(self.stage.loop[0], address_of_array(self.group), len(GROUP), 1 << 20)

    def pass_time(self, span_s: float) -> None:
        """Let virtual time go on."""
        until_ns = self.stage.now_ns + round(span_s * S)
        play_until(
            address_of_array(self.play),
            self.stage.loop[0],
            address_of_array(self.group),
            len(GROUP),
            address_of_array(self.stage.state("exchange")) + _VENUE_OFFSET,
            address_of_array(self.stage.state("risk")) + _RISK_OFFSET,
            until_ns,
        )

    def command(self, stage: str, command: Command) -> None:
        """Give a command and let it be taken."""
        self.stage.cell(stage).issue(command, BUILD_ALONE)
        self._settle()

    def set_back(self, dice: random.Random) -> FaultsConfig:
        """To before START: a new market, new faults, nothing under way."""
        for name in GROUP:
            self.stage.state(name)[:] = self.images[name]
        loop = self.stage.loop[0]
        for name in ("exchange_id", "client_of", "connection_of"):
            loop[name][:] = 0
        loop["next_id"] = loop["lost"] = 0
        loop["later"]["due_ns"][:LATER_MAX] = 0
        self.stage.clock[0]["now_ns"] = START_NS
        for name, row in zip(GROUP, self.rows, strict=True):
            row["timer_next_ns"] = row["timer_count"] = row["stamp_ns"] = row["beat_ns"] = row["failure"] = 0
            row["ports"]["wake_ns"] = row["held"] = 0
            row["ports"]["halted"] = 0
            store_word(self.stage.cell(name).address + HALTED, 0)
        faults = faults_of(dice)
        prepare_faults(self.exchange["faults"], faults)
        self.stage.state("router")[0]["router"]["batch"]["window_ns"] = dice.choice((0, 0, 10 * MS))
        self.exchange["cancel_on_disconnect"] = dice.random() < 0.3
        for market in self.exchange["markets"][: self.symbols]:
            market["flow"]["random"] = dice.getrandbits(60)
        self.play[:] = 0
        play = self.play[0]
        play["random"] = dice.getrandbits(60)
        play["pause_share"] = dice.choice((0.0, 0.05, 0.2))
        play["may_pause"] = dice.choice((0, 0b111000, 0b101000, 0b111110)) if play["pause_share"] > 0 else 0
        open_reader(play["approvals"], self.stage.links["risk_router"], 0, 0)
        return faults

    def run(self, seed: int) -> Verdict:
        """One schedule."""
        dice = random.Random(seed)
        self.doomed.clear()
        faults = self.set_back(dice)
        verdict = Verdict(seed, [])
        for command in (Command.START, Command.RUN):
            for name in reversed(GROUP[1:]):
                self.command(name, command)
        for _ in range(dice.choice((1, 2, 3))):
            self.pass_time(dice.choice((0.2, 0.3, 0.4)))
            if dice.random() < 0.2:
                self.doomed |= open_at_venue(self.states)
                ask_cancel_all(self.stage.links["supervisor_cancels"])
        verdict.problems += self._safety()
        self._heal()
        self._come_to_rest(verdict)
        if not verdict.problems:
            self._quit(verdict)
        self._describe(verdict, faults)
        return verdict

    def _heal(self) -> None:
        self.exchange["faults"]["heal_asked"] = 1
        self.play[0]["may_pause"] = 0
        self._set_flow("rate", CALM_EVENTS_PER_S)
        self._set_flow("branching", 0.0)

    def _set_flow(self, name: str, value: float) -> None:
        for market in self.exchange["markets"][: self.symbols]:
            market["flow"][name] = value

    def _safety(self) -> list[str]:
        """What holds at any moment."""
        believed = not self.exchange["faults"]["deny_fill_count"]
        found = always(self.states, self.symbols, limits_hold=believed)
        play = self.play[0]
        if play["under_reserved"] and believed:
            found.append(
                f"risk held less than what could happen, {int(play['under_reserved'])} times, by up to"
                f" {int(play['under_lots'])} lots"
            )
        if play["stale"]:
            found.append(f"{int(play['stale'])} orders were approved on a book that was too old")
        if play["approved"] <= APPROVED_MAX:
            ids = set(play["ids"][: int(play["approved"])].tolist())
            wild = {client_id_of(order) for order in venue_orders(self.states)} - ids
            found += [f"orders {sorted(wild)[:3]} at the exchange were never approved"] if wild else []
        return found + ([self.stage.failure] if self.stage.failure else [])

    def _come_to_rest(self, verdict: Verdict) -> None:
        """Quotes rest again, and both sides agree, in bounded time. The market stands still for the comparison."""
        found: list[str] = []
        for step_s in (*STEPS_S, *[1.0] * self._ordered_patience_s()):
            self.pass_time(step_s)
            verdict.rest_s += step_s
            if self._resting():
                self._set_flow("is_paused", 1)
                self.pass_time(0.2)
                found = at_rest(self.states, self.symbols) + self._outlived()
                if not found:
                    break
                self._set_flow("is_paused", 0)
            else:
                found = [f"no quotes {verdict.rest_s:.0f} s after the healing; {self._why()}"]
        verdict.problems += found + self._safety()

    def _outlived(self) -> list[str]:
        """Orders that a cancel-all should have ended by now; a request may still be under way for a while."""
        outlived = self.doomed & open_at_venue(self.states) if not self._ordered_patience_s() else set()
        return [f"orders {sorted(outlived)} outlived a cancel-all"] if outlived else []

    def _ordered_patience_s(self) -> int:
        """How long the venue may have told us not to come back: that goes before everything, healed or not."""
        return 65 if self.exchange["faults"]["limiter"]["refusals"] else 0

    def _resting(self) -> bool:
        return bool(account_open(self.exchange)) or bool(self.stage.state("risk")[0]["risk"]["halted"])

    def _why(self) -> str:
        router = self.stage.state("router")[0]["router"]
        symbol = self.stage.state("strategy")[0]["desk"]["symbols"][0]
        top = self.stage.state("strategy")[0]["tops"][0]
        return (
            f"phase {int(router['phase'])}, accepting {int(router['accepting'])}, job {int(router['job'])}, reconciled"
            f" {int(symbol['reconciled'])}, book state {int(top['state'])}"
        )

    def _quit(self, verdict: Verdict) -> None:
        """Quotes off, everything cancelled and confirmed."""
        self.command("strategy", Command.QUOTES_OFF)
        self.stage.cell("router").issue(Command.CANCEL_ALL)
        wait_s = 5 + self._ordered_patience_s()
        for _ in range(2 * wait_s):
            self.pass_time(0.5)
            if self.stage.cell("router").acknowledged(Command.CANCEL_ALL):
                break
        else:
            verdict.problems.append(f"cancel-all was not confirmed within {wait_s} s; {self._why()}")
        verdict.problems += nothing_open(self.states, self.symbols) + at_rest(self.states, self.symbols)
        verdict.problems += self._safety()

    def _describe(self, verdict: Verdict, faults: FaultsConfig) -> None:
        account = self.exchange["account"]
        verdict.orders = int(account["ledger"]["placed"].sum())
        verdict.fills = int(account["fill_count"])
        happened = self.exchange["faults"]
        counts = {name: int(happened[name]) for name in happened.dtype.names if name.endswith("_count")}
        verdict.faults = sum(counts.values())
        verdict.notes = {name.removesuffix("_count"): count for name, count in counts.items() if count}
        verdict.notes["halted"] = int(self.stage.state("risk")[0]["risk"]["halted"])
        verdict.digest = zlib.crc32(account["fills"].tobytes(), zlib.crc32(account["ledger"].tobytes()))
        if verdict.problems:
            verdict.problems.append(f"replay: .venv/bin/python -m tests.faults.schedules {verdict.seed}")
            changed = {
                name: value
                for name, value in msgspec.structs.asdict(faults).items()
                if value != getattr(FaultsConfig(), name)
            }
            verdict.problems.append(f"faults: {changed}")


def account_open(exchange: Any) -> int:
    """Orders of ours that rest at the exchange."""
    return int(exchange["account"]["open_count"].sum())


_VENUE_OFFSET = int(stage_module("exchange").STATE.fields["venue"][1])
_RISK_OFFSET = int(stage_module("risk").STATE.fields["risk"][1])


def main(arguments: list[str]) -> int:
    """Replay schedules, each a seed or a range as 1-100; 1 if one of them fails."""
    world = World()
    failed = 0
    for text in arguments:
        first, _, last = text.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            verdict = world.run(seed)
            failed += bool(verdict.problems)
            if verdict.problems or not last:
                sys.stdout.write("\n  ".join([str(verdict), *verdict.problems]) + "\n")
    sys.stdout.write(f"{failed} schedules failed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
