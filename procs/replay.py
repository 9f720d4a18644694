"""Replays a recorded run in one process and compares every output frame of every stage.

The journals say what each stage took, in which order and when; raw frames, timers, commands and cancels are in
them, everything else is produced again by the replayed stages. A stage waits until the frame that it took
then has been produced now, so any schedule gives the same result. The first frame that differs is named.

Where a stage was replaced, every stage's journal begins another generation, each at its own moment. The first one is
compared; a stage that took a frame which its producer sent in the next one is compared up to there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from procs.errors import OperatorError
from procs.journal import JournalFile, describe, read_journal, target
from procs.ports import MISMATCH_NONE, RING
from procs.replay_cycle import (
    BLOCKED,
    DIFFERENT,
    FAILED,
    FINISHED,
    MISSING,
    PROGRESS,
    WAITING,
    count_inputs,
    discard,
    replay_slice,
)
from procs.run_segments import layout_hash
from procs.topology import LINKS, TRADING, WIRE, Full, Link, inboxes
from procs.wiring import Station, bind, memory_links, stage_module
from shm.journal import KIND_NAMES, SEQUENCE_MASK
from shm.kernel import address_of_array, new_record
from shm.ring import READER, format_ring, open_reader, open_writer, ring_bytes

INPUTS_A_SLICE = 4096
QUEUE_BYTES = 4 << 20


@dataclass
class StageReplay:
    """What a stage's replay came to."""

    stage: str
    inputs: int = 0
    outputs: int = 0
    difference: str = ""
    left_out: int = 0
    """Inputs of its journal that are not compared, because what sent them is in no journal of this generation."""


@dataclass
class ReplayResult:
    """Of all stages; `identical` when every output frame of every stage is the recorded one."""

    run_dir: Path
    stages: list[StageReplay] = field(default_factory=list)
    cut: str = ""
    """Why only a part of the run was compared, and which; empty when it was all of it."""

    @property
    def identical(self) -> bool:
        """Whether the whole run was compared and nothing differs."""
        return not self.cut and not self.first_difference

    @property
    def verdict(self) -> str:
        """The result in one line."""
        return self.first_difference or (f"identical {self.cut}" if self.cut else "identical")

    @property
    def first_difference(self) -> str:
        """The first message that differs, or nothing."""
        return next((f"{stage.stage}: {stage.difference}" for stage in self.stages if stage.difference), "")


class _Player:
    """One stage in replay: its station over the log, and how far it is."""

    def __init__(self, stage: str, files: list[JournalFile], links: dict[str, int], symbols: int) -> None:
        self.files = files
        self.stage = stage
        module = stage_module(stage)
        state = new_record(module.STATE)
        if files[0].state.size != state.nbytes:
            raise OperatorError(
                f"journal {files[0].path}: state of {files[0].state.size} bytes, this program has {state.nbytes}"
            )
        state.view(np.uint8)[:] = files[0].state
        if hasattr(module, "relink"):
            module.relink(state)
        clock = np.zeros(8, dtype=np.int64)
        self.station: Station = bind(stage, links, symbols=symbols, state=state, clock=clock.ctypes.data)
        self.log = np.concatenate([file.log for file in files] + [np.zeros(64, dtype=np.uint8)])
        log = self.station.row["ports"]["log"]
        log["base"], log["position"], log["capacity"] = address_of_array(self.log), 0, self.log.size
        self.station.keep.append(clock)
        self.progress = new_record(PROGRESS)
        self.reason = 0
        self.left_out = 0

    def advance(self, inputs_max: int) -> bool:
        """Go on as far as possible; whether anything moved."""
        before = int(self.progress[0]["inputs"])
        replay_slice(self.station.address, self.progress[0], inputs_max)
        self.reason = int(self.progress[0]["reason"])
        return int(self.progress[0]["inputs"]) > before

    def end_here(self) -> None:
        """Compare no further: what comes next in the log was sent after its producer's journal of this generation."""
        log = self.station.row["ports"]["log"]
        self.left_out = int(count_inputs(int(log["base"]), int(log["position"]), int(log["capacity"])))
        log["capacity"] = log["position"]

    @property
    def awaits(self) -> str:
        """The stage that sent what this one waits for."""
        return inboxes(self.stage)[(int(self.progress[0]["key"]) >> 48) & 0xFF].producer

    @property
    def stopped(self) -> bool:
        """Whether this stage will not go on."""
        return self.reason in (FINISHED, DIFFERENT, MISSING, FAILED)

    def result(self) -> StageReplay:
        """Inputs, outputs and the difference in words."""
        ports = self.station.row["ports"]
        done = StageReplay(self.stage, int(self.progress[0]["inputs"]), int(ports["compared"]), left_out=self.left_out)
        key = int(self.progress[0]["key"])
        if int(ports["mismatch"]) != MISMATCH_NONE:
            outbox = self.station.module.OUTBOXES[int(ports["mismatch_outbox"])]
            done.difference = (
                f"{outbox} sequence {int(ports['mismatch_sequence'])} differs from the recorded frame,"
                f" sent on {describe(key)}"
            )
        elif self.reason == MISSING:
            # The step sent less than it did then: what it left over stands where the next input should.
            outbox = self.station.module.OUTBOXES[(key >> 48) & 0xFF]
            kind = KIND_NAMES.get(key >> 56, "record")
            done.difference = f"{outbox} sequence {key & SEQUENCE_MASK}: the recorded {kind} was not repeated"
        elif self.reason == FAILED:
            done.difference = f"its step failed on {describe(key)}"
        elif self.reason != FINISHED:
            done.difference = f"waits for {describe(key)}, which no replayed stage sent"
        return done


def replay_run(
    run_dir: Path, *, batch: int = INPUTS_A_SLICE, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> ReplayResult:
    """Replay the journals in RUN_DIR/journal. `batch`: inputs of a stage before the next has its turn.

    Raises OperatorError for journals that are missing, damaged, of another program or of another CPU target.
    """
    folder = Path(run_dir) / "journal"
    journals = {stage: read_journal(folder, stage) for stage in TRADING}
    for files in journals.values():
        _comparable(files[0])
    cut = _why_cut(folder, journals)
    symbols = journals["feed"][0].header.symbols
    links, keep, queues = _links(symbols)
    players = [_Player(stage, files, links, symbols) for stage, files in journals.items()]
    for player in players:
        _bind_queues(player, queues)
    sinks = [_sink(links[link.name]) for link in LINKS if WIRE in link.consumers and link.name in links]
    total = sum(file.count for files in journals.values() for file in files)
    while not all(player.stopped for player in players):
        moved = False
        for player in players:
            moved |= player.advance(batch)
            for sink in sinks:
                discard(sink[0])
        on_progress(
            sum(int(player.progress[0]["inputs"]) + int(player.station.row["ports"]["compared"]) for player in players),
            total,
        )
        if not moved and all(player.reason in (WAITING, BLOCKED) or player.stopped for player in players):
            if not cut or not _end_those_who_wait(players):
                break
        if any(player.reason in (DIFFERENT, MISSING, FAILED) for player in players):
            break
    del keep
    results = [player.result() for player in players]
    # After a real difference, the stages that were merely left waiting have nothing of their own to report.
    if any(player.reason in (DIFFERENT, MISSING, FAILED) for player in players):
        for player, result in zip(players, results, strict=True):
            if player.reason not in (DIFFERENT, MISSING, FAILED):
                result.difference = ""
    return ReplayResult(Path(run_dir), results, cut)


def _end_those_who_wait(players: list[_Player]) -> bool:
    """End stages that wait for one whose journal is over, every frame of it repeated; whether there was any."""
    over = {player.stage for player in players if player.reason == FINISHED}
    waiting = [player for player in players if player.reason == WAITING and player.awaits in over]
    for player in waiting:
        player.end_here()
    return bool(waiting)


def _why_cut(folder: Path, journals: dict[str, list[JournalFile]]) -> str:
    """Why the first generation's journals are not the whole run, in words; empty when they are."""
    generations = [path.name.removeprefix("generation-") for path in folder.glob("generation-*")]
    if generations:
        last = max(int(generation) for generation in generations)
        return f"up to where a stage was replaced; generations 2 to {last} of its journals are not compared"
    killed = [stage for stage, files in journals.items() if not files[-1].closed]
    return f"up to where the journal of {killed[0]} breaks off" if killed else ""


def _comparable(file: JournalFile) -> None:
    if file.header.target != target():
        raise OperatorError(
            f"journal {file.path}: recorded on {file.header.target}, this host is {target()}: not comparable"
        )
    if file.header.schema != f"{layout_hash():x}":
        raise OperatorError(f"journal {file.path}: recorded by program {file.header.schema}, this is {layout_hash():x}")


def _links(symbols: int) -> tuple[dict[str, int], list[np.ndarray], dict[str, int]]:
    """Every link in memory; slots have a queue beside them, and nothing is lossy."""
    wanted = {link.name: link for link in LINKS if "exchange" not in (link.producer, *link.consumers)}
    addresses, keep = memory_links(wanted, symbols=symbols)
    queues = {}
    for name, link in wanted.items():
        if link.when_full is Full.LATEST or link.lossy:
            raw = np.zeros(ring_bytes(QUEUE_BYTES) + 128, dtype=np.uint8)
            content = raw[-raw.ctypes.data % 128 :][: ring_bytes(QUEUE_BYTES)]
            format_ring(content, QUEUE_BYTES, consumers=len(link.consumers))
            keep.append(raw)
            queues[name] = content.ctypes.data
            if link.lossy:
                addresses[name] = content.ctypes.data
    return addresses, keep, queues


def _bind_queues(player: _Player, queues: dict[str, int]) -> None:
    row = player.station.row
    for index, link in enumerate(inboxes(player.stage)):
        if link.when_full is Full.LATEST:
            open_reader(row["inboxes"][index]["ring"], queues[link.name], link.consumers.index(player.stage), 0)
    for index, name in enumerate(player.station.module.OUTBOXES):
        box = row["ports"]["outboxes"][index]
        link = _link(name)
        if link.when_full is Full.LATEST:
            open_writer(box["ring"], queues[name])
            box["mirrored"] = 1
        elif box["kind"] == RING and link.when_full is Full.DROP:
            box["policy"] = Full.WAIT.value


def _link(name: str) -> Link:
    return next(link for link in LINKS if link.name == name)


def _sink(ring: int) -> np.ndarray:
    reader = new_record(READER)
    open_reader(reader[0], ring, 0, 0)
    return reader
