"""The shared segments of one run: made by the supervisor, attached by every process and by monitors.

run                CLOCK | words | instruments | one control cell for each stage | generations
<link>             a ring, slots or a cancel set; each of its own generation (see procs.rewiring)
state.<stage>      the stage's state record, read by monitors
latency.<stage>    its histograms, and one for tick to order
log.<stage>        the events that its compiled code tells people
"""

import functools
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from procs.topology import LINKS, STAGES, WIRE, Full, Link, link_named
from procs.wiring import format_link, latency_bytes, link_bytes, stage_module
from shm.clock import CLOCK
from shm.control import CONTROL_BYTES, ControlCell, load_word, store_word
from shm.histogram import HISTOGRAM, HISTOGRAM_BYTES
from shm.kernel import sources_hash
from shm.log_ring import log_ring_bytes
from shm.segment import Segment, SegmentError, segment_name
from trader.instrument import INSTRUMENT, INSTRUMENTS_MAX

READY, PORT, RECORDING_LINES, RECORDING_DONE, SESSION, EPOCH = range(6)
FIRST_QUOTE_WORD = 14
"""Words of the run: instruments filled; the exchange's port; recorded lines served; all of them served; the newest
generation of any link; the epoch of the order ids from the last replacement on (0: the one that the run began with).

Words 8 to 15 are the snapshots' own (procs.snapshot): budgets, first quote, beginning.
"""

RESTARTS = np.dtype(
    [("count", "i8"), ("stage", "i8"), ("died_ns", "i8"), ("quoting_ns", "i8"), ("recovering", "i8")], align=True
)
"""Of the session: how often a process was replaced; of the last time, its first stage's index in STAGES, when its end
was seen, and how long until an order rested again (0: not yet). The supervisor writes it for those who watch."""

_CLOCK_AT = 0
_WORDS_AT = 128
_INSTRUMENTS_AT = 256
_CELLS_AT = (_INSTRUMENTS_AT + INSTRUMENT.itemsize * INSTRUMENTS_MAX + 127) // 128 * 128
_CELL_OF = {stage.name: index for index, stage in enumerate(STAGES)}
_LINKS_AT = _CELLS_AT + len(STAGES) * CONTROL_BYTES
_REWIRED_AT = _LINKS_AT + 8 * len(LINKS)
_RESTARTS_AT = _REWIRED_AT + 16 * len(STAGES)
_RUN_BYTES = _RESTARTS_AT + RESTARTS.itemsize

_ATTACH_TRIES = 100

SHARED_LINKS = tuple(link for link in LINKS if WIRE not in (link.producer, *link.consumers))
"""Links between processes; a wire link lives inside the process that owns the sockets."""


@functools.cache
def layout_hash() -> int:
    """A number that changes when any message, table, state or step changes: attachers compare it."""
    sources = [sources_hash("procs.wiring"), *(sources_hash(f"procs.stages.{stage.name}") for stage in STAGES)]
    return int(hashlib.blake2b("".join(sources).encode(), digest_size=7).hexdigest(), 16)


@dataclass
class RunSegments:
    """All segments of a run, by noun."""

    run: str
    segments: dict[str, Segment] = field(default_factory=dict)

    @classmethod
    def create(cls, run: str, *, symbols: int, generation: int = 1) -> "RunSegments":
        """Make them all. Raises SegmentError; then what was made is gone again."""
        made = cls(run)
        sizes = {"run": _RUN_BYTES}
        sizes |= {link.name: link_bytes(link, symbols=symbols) for link in SHARED_LINKS}
        for stage in STAGES:
            sizes[f"state.{stage.name}"] = stage_module(stage.name).STATE.itemsize
            sizes[f"latency.{stage.name}"] = latency_bytes(stage.name) + HISTOGRAM_BYTES
            sizes[f"log.{stage.name}"] = log_ring_bytes()
        try:
            for noun, size in sizes.items():
                name = segment_name(run, generation, noun)
                made.segments[noun] = Segment.create(name, size, layout_hash=layout_hash(), generation=generation)
        except BaseException:
            made.unlink()
            raise
        for link in SHARED_LINKS:
            format_link(link, made.segments[link.name].bytes_view())
            made._set_generation(link.name, generation)
        made.set_word(SESSION, generation)
        return made

    @classmethod
    def attach(cls, run: str, *, generation: int = 1) -> "RunSegments":
        """Map an existing run's segments, of each link the newest generation. Raises SegmentError."""
        nouns = ["run", *(f"{kind}.{stage.name}" for stage in STAGES for kind in ("state", "latency", "log"))]
        names = {noun: segment_name(run, generation, noun) for noun in nouns}
        found = cls(run, {noun: Segment.attach(name, layout_hash=layout_hash()) for noun, name in names.items()})
        for link in SHARED_LINKS:
            found.segments[link.name] = found.attach_link(link.name)
        return found

    def attach_link(self, link: str) -> Segment:
        """Map a link's newest generation, and no other. Raises SegmentError."""
        for _ in range(_ATTACH_TRIES):
            generation = self.generation_of(link)
            name = segment_name(self.run, generation, link)
            try:
                return Segment.attach(name, layout_hash=layout_hash(), generation=generation)
            except SegmentError:
                # Renewed and unlinked since its generation was read: look again.
                if generation == self.generation_of(link):
                    raise
        raise SegmentError(f"link {link}: renewed {_ATTACH_TRIES} times while it was to be mapped")

    def follow(self) -> None:
        """Map what was renewed meanwhile, for a monitor that keeps no address of a link. Raises SegmentError."""
        for link in SHARED_LINKS:
            if self.generation_of(link.name) != self.segments[link.name].generation:
                old, self.segments[link.name] = self.segments[link.name], self.attach_link(link.name)
                old.close()

    def renew(self, links: Collection[str], dead: Collection[str]) -> int:
        """Give these links fresh segments of the next generation and unlink the old ones; returns that generation.

        For the supervisor, when the processes of all `dead` stages have ended. What a dead producer published last in
        slots goes over. Raises SegmentError without memory; then nothing has changed.
        """
        generation = self.word(SESSION) + 1
        made: dict[str, Segment] = {}
        try:
            for link in links:
                made[link] = self._renewed(link_named(link), generation, dead)
        except BaseException:
            for segment in made.values():
                segment.unlink()
                segment.close()
            raise
        for link, segment in made.items():
            old, self.segments[link] = self.segments[link], segment
            self._set_generation(link, generation)
            old.unlink()
            old.close()
        for stage in dead:
            self.tell_rewired(stage, generation)
        self.set_word(SESSION, generation)
        return generation

    def _renewed(self, link: Link, generation: int, dead: Collection[str]) -> Segment:
        old = self.segments[link.name]
        name = segment_name(self.run, generation, link.name)
        segment = Segment.create(name, old.content_bytes, layout_hash=layout_hash(), generation=generation)
        if link.when_full is Full.LATEST and link.producer in dead:
            segment.bytes_view()[:] = old.bytes_view()
        format_link(link, segment.bytes_view())
        return segment

    def generation_of(self, link: str) -> int:
        """The newest generation of a link."""
        return int(load_word(self._link_word(link)))

    def _set_generation(self, link: str, generation: int) -> None:
        store_word(self._link_word(link), generation)

    def _link_word(self, link: str) -> int:
        return self.address("run") + _LINKS_AT + 8 * [row.name for row in LINKS].index(link)

    def fills_no_old(self, stage: str, generation: int) -> bool:
        """Whether a stage writes nothing any more to what was replaced by this generation or an earlier one."""
        return int(load_word(self._rewired_word(stage))) >= generation

    def is_rewired(self, stage: str, generation: int) -> bool:
        """Whether a stage neither writes nor reads anything older."""
        return int(load_word(self._rewired_word(stage) + 8)) >= generation

    def tell_writers_rewired(self, stage: str, generation: int) -> None:
        """`fills_no_old` from now on."""
        store_word(self._rewired_word(stage), generation)

    def tell_rewired(self, stage: str, generation: int) -> None:
        """`fills_no_old` and `is_rewired` from now on."""
        self.tell_writers_rewired(stage, generation)
        store_word(self._rewired_word(stage) + 8, generation)

    def _rewired_word(self, stage: str) -> int:
        return self.address("run") + _REWIRED_AT + 16 * [row.name for row in STAGES].index(stage)

    def restarts(self) -> np.ndarray:
        """The session's RESTARTS record, an array of one."""
        return self._run_view(_RESTARTS_AT, RESTARTS, 1)

    @classmethod
    def attach_log(cls, run: str, layout_hash: int, *, generation: int = 1) -> "RunSegments":
        """Map what the log's collector needs of a run: the clock and the log rings. Raises SegmentError."""
        nouns = ["run", *(f"log.{stage.name}" for stage in STAGES)]
        names = {noun: segment_name(run, generation, noun) for noun in nouns}
        return cls(run, {noun: Segment.attach(name, layout_hash=layout_hash) for noun, name in names.items()})

    def address(self, noun: str) -> int:
        """Address of a segment's content."""
        return self.segments[noun].address

    @property
    def clock_address(self) -> int:
        """Address of the run's CLOCK."""
        return self.address("run") + _CLOCK_AT

    def clock(self) -> np.ndarray:
        """The run's CLOCK record."""
        return self._run_view(_CLOCK_AT, CLOCK, 1)

    def instruments(self) -> np.ndarray:
        """The instruments, INSTRUMENTS_MAX rows; those with symbol_length 0 are unused."""
        return self._run_view(_INSTRUMENTS_AT, INSTRUMENT, INSTRUMENTS_MAX)

    def _run_view(self, offset: int, dtype: np.dtype, count: int) -> np.ndarray:
        content = self.segments["run"].bytes_view()
        return content[offset : offset + dtype.itemsize * count].view(dtype)

    def word(self, index: int) -> int:
        """One of the run's words, 0 until it is set."""
        return int(load_word(self.address("run") + _WORDS_AT + 8 * index))

    def set_word(self, index: int, value: int) -> None:
        """Publish one of the run's words."""
        store_word(self.address("run") + _WORDS_AT + 8 * index, value)

    def cell(self, stage: str) -> ControlCell:
        """A stage's control cell."""
        return ControlCell(self.address("run") + _CELLS_AT + _CELL_OF[stage] * CONTROL_BYTES)

    def state(self, stage: str) -> np.ndarray:
        """A stage's state record, an array of one."""
        return (
            self.segments[f"state.{stage}"]
            .bytes_view()[: stage_module(stage).STATE.itemsize]
            .view(stage_module(stage).STATE)
        )

    def histogram(self, stage: str, offset: int) -> np.ndarray:
        """One of a stage's histograms."""
        content = self.segments[f"latency.{stage}"].bytes_view()
        return content[offset : offset + HISTOGRAM_BYTES].view(HISTOGRAM)[0]

    def links_of(self, links: tuple[Link, ...] = SHARED_LINKS) -> dict[str, int]:
        """Addresses of the shared links by name."""
        return {link.name: self.address(link.name) for link in links}

    def close(self) -> None:
        """Unmap everything."""
        for segment in self.segments.values():
            segment.close()

    def unlink(self) -> None:
        """Remove every name."""
        for segment in self.segments.values():
            segment.unlink()
