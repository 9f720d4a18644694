"""From BOOT to RUNNING: one process's stages bound to the run's memory, their states filled, their journals open."""

import os
import time
from dataclasses import dataclass, field

import msgspec
import numpy as np

from procs.config import RunConfig
from procs.counters import carry_counters
from procs.event_loop import Wire
from procs.exchange_market import exchange_instruments
from procs.journal import JournalWriter, open_journal
from procs.kept_beliefs import KeptBeliefs
from procs.placement import Group
from procs.plan import SUCCESSOR, LaunchPlan
from procs.rewiring import journal_folder
from procs.run_segments import EPOCH, READY, RunSegments
from procs.state_dir import StateDir, state_dir_of
from procs.topology import WIRE, Full, inboxes, link_named, outboxes
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import (
    Station,
    bind,
    doorbell_address,
    last_frame,
    latency_bytes,
    memory_links,
    slot_frame_bytes,
    stage_module,
)
from shm.clock import now_ns
from shm.control import ControlCell, store_word
from shm.doorbell import DOORBELL_DESCRIPTOR
from shm.log_ring import open_log_writer
from trader.messages import Message

_BOOT_S = 60.0


@dataclass
class Booted:
    """A process's stations in flow order, the wires of those that own sockets, their journals."""

    segments: RunSegments
    cells: list[ControlCell]
    stations: list[Station] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    journals: list[JournalWriter] = field(default_factory=list)
    keep: list[np.ndarray] = field(default_factory=list)
    beliefs: KeptBeliefs | None = None


def boot(plan: LaunchPlan, group: Group, segments: RunSegments, generation: int) -> Booted:
    """Bind every stage of a process. Raises TimeoutError without instruments, OSError without a journal."""
    booted = Booted(segments, [segments.cell(stage) for stage in group.stages])
    instruments = _instruments(plan, group, segments)
    config = _config(plan, group, segments, generation)
    links = segments.links_of() | _wire_links(group, booted)
    for stage, cell in zip(group.stages, booted.cells, strict=True):
        state = segments.state(stage)
        left = state.copy() if generation > 1 else state
        state.view(np.uint8)[:] = 0
        stage_module(stage).start(state, config, instruments)
        if stage == "volatility" and config.volatility.keep and not config.replay:
            # Before the journal's first snapshot: a replay begins with what was put back.
            kept = StateDir(state_dir_of(config))
            booted.beliefs = KeptBeliefs(kept, config.volatility, config.symbols, state)
            booted.beliefs.restore()
        # Before it is bound: a writer that opens slots wipes what its predecessor did not finish.
        published = _published(stage, segments, len(config.symbols)) if generation > 1 else []
        station = bind(
            stage,
            links,
            symbols=len(config.symbols),
            state=state,
            clock=segments.clock_address,
            control=cell.address,
            latency=segments.address(f"latency.{stage}"),
            doorbell_of=lambda other: doorbell_of(plan, group, segments, other),
        )
        if generation > 1:
            carry_counters(stage, state, left)
        if generation > 1 and hasattr(station.module, "inherit"):
            station.module.inherit(state, published, left)
        for noun in (f"latency.{stage}", *(link.name for link in inboxes(stage) + outboxes(stage))):
            if noun in segments.segments:
                segments.segments[noun].map_now()
        log_ring = segments.segments[f"log.{stage}"].bytes_view()
        open_log_writer(station.row["ports"]["hot_log"], log_ring, plan.log_doorbell)
        booted.stations.append(station)
        if config.journal.enabled and stage != "exchange":
            folder = journal_folder(plan.out_dir, generation)
            folder.mkdir(exist_ok=True)
            now = int(now_ns(segments.clock_address))
            booted.journals.append(open_journal(config, folder, plan.run, station, now, generation=generation))
    store_word(doorbell_address(booted.cells[0].address) + DOORBELL_DESCRIPTOR, plan.eventfds.get(group.name, -1))
    return booted


def doorbell_of(plan: LaunchPlan, group: Group, segments: RunSegments, stage: str) -> int:
    """Address of the doorbell of the process that a stage lives in, seen from `group`; 0 for the wire."""
    if stage == WIRE:
        return 0
    home = group if stage in group.stages else plan.home_of(stage)
    return doorbell_address(segments.cell(home.stages[0]).address)


def _config(plan: LaunchPlan, group: Group, segments: RunSegments, generation: int) -> RunConfig:
    config = msgspec.structs.replace(plan.config, epoch=segments.word(EPOCH) or plan.config.epoch)
    router = config.router
    if group.name == SUCCESSOR:
        router = msgspec.structs.replace(router, cancel_only=True)
    elif generation > 1 and "router" in group.stages and "risk" not in group.stages:
        # Risk lives: its position is the sum of fills, and those that the dead router has not told are told now.
        # What was listed at the last reconciliation has been told, or is part of the position that was adopted then.
        listed = segments.state("router")[0]["router"]["trades_from"][: len(config.symbols)].tolist()
        after = tuple(trade_id + 1 if trade_id > 1 else trade_id for trade_id in listed)
        router = msgspec.structs.replace(router, trades_from=after)
    return msgspec.structs.replace(config, router=router)


def _published(stage: str, segments: RunSegments, symbols: int) -> list[Message]:
    """What a dead predecessor published last in its slots; not what it was just writing."""
    found: list[Message] = []
    for link in outboxes(stage):
        if link.when_full is not Full.LATEST:
            continue
        for symbol_id in range(symbols):
            frame = last_frame(segments.segments[link.name].bytes_view(), slot_frame_bytes(link), symbol_id)
            if frame:
                found.append(msgspec.msgpack.decode(frame, type=link.carries[0]))
    return found


def _instruments(plan: LaunchPlan, group: Group, segments: RunSegments) -> np.ndarray:
    """The venue's instruments; the exchange has its own, everyone else waits for what it says."""
    if "exchange" in group.stages:
        return exchange_instruments(plan.config)
    parent, give_up = os.getppid(), time.monotonic() + _BOOT_S
    while not segments.word(READY):
        if time.monotonic() > give_up or os.getppid() != parent:
            raise TimeoutError("the instruments did not arrive")
        time.sleep(0.001)
    return segments.instruments()[: len(plan.config.symbols)]


def _wire_links(group: Group, booted: Booted) -> dict[str, int]:
    """Rings between this process's stages and its sockets, in its own memory."""
    names = {
        link.name: link
        for stage in group.stages
        for link in (*inboxes(stage), *outboxes(stage))
        if WIRE in (link.producer, *link.consumers)
    }
    addresses, booted.keep = memory_links(names, symbols=1, mapped=True)
    memory = dict(zip(names, booted.keep, strict=True))
    clock = booted.segments.clock_address
    for stage in group.stages:
        entrance, exit_ = f"{stage}_wire_in", f"{stage}_wire_out"
        if entrance in names:
            inbox = WireInbox(link_named(entrance), addresses[entrance], clock)
            orders = booted.segments.address("latency.router") + latency_bytes("router") if stage == "router" else 0
            is_client = stage != "exchange"
            outbox = WireOutbox(addresses[exit_], memory[exit_], clock, is_client=is_client, order_histogram=orders)
            booted.wires.append(Wire(stage, inbox, outbox))
    return addresses
