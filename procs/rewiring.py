"""A process that lives goes over to the fresh segments of links whose other end was replaced.

    supervisor   fresh segments made, generations stored, SESSION + 1
    1            every writer of such a link: fills the new segment from now on, tells so
    2            every reader: takes the old ring to its end, as soon as who filled it has told so or is dead;
                 then reads the new one, and tells so
    supervisor   sees everybody done: a successor may be forked

Nothing that stands in a ring is lost to a reader that lives: reports and refusals least of all. A successor attaches
the newest generations only, and by their numbers. Runs in the warm lane, between two slices of the compiled loop.
"""

from pathlib import Path

from procs.journal import JournalWriter
from procs.run_segments import SESSION, SHARED_LINKS, RunSegments
from procs.topology import SUPERVISOR, Link, inboxes, outboxes
from procs.wiring import Station, is_taken, rebind_inbox, rebind_outbox
from shm.segment import Segment


def journal_folder(out_dir: Path, generation: int) -> Path:
    """Where the journals of a generation stand: the first one's in `journal`, all others' in folders of their own."""
    folder = out_dir / "journal"
    return folder if generation == 1 else folder / f"generation-{generation}"


class Rewiring:
    """One process's links. Make it when the segments have been attached; `tend` it between slices."""

    def __init__(self, segments: RunSegments, out_dir: Path) -> None:
        self.segments = segments
        self.out_dir = out_dir
        self.session = segments.word(SESSION)
        self.failed: list[str] = []
        """Stages whose journal could not begin the generation: nothing that they do now can be replayed."""
        self._unread: list[tuple[Station, Link]] = []
        self._old: list[Segment] = []

    def tend(self, stations: list[Station], journals: list[JournalWriter], now_ns: int) -> None:
        """Whatever can be done now. Costs one load while nothing was replaced."""
        session = self.segments.word(SESSION)
        if session == self.session:
            return
        if not self._is_under_way(session, stations):
            self._begin(session, stations, journals, now_ns)
        self._unread = [pair for pair in self._unread if not self._read_new(session, *pair)]
        if self._unread:
            return
        for old in self._old:
            old.close()
        self._old.clear()
        self.session = session
        for station in stations:
            self.segments.tell_rewired(station.name, session)

    def _is_under_way(self, session: int, stations: list[Station]) -> bool:
        return all(self.segments.fills_no_old(station.name, session) for station in stations)

    def _begin(self, session: int, stations: list[Station], journals: list[JournalWriter], now_ns: int) -> None:
        """Step 1; and the journals begin a generation, so that each one's journals have one kind of links only."""
        for link in SHARED_LINKS:
            if self.segments.generation_of(link.name) == self.segments.segments[link.name].generation:
                continue
            self._old.append(self.segments.segments[link.name])
            self.segments.segments[link.name] = self.segments.attach_link(link.name)
            for station in stations:
                if link in outboxes(station.name):
                    rebind_outbox(station, link, self.segments.address(link.name))
                if link in inboxes(station.name):
                    self._unread.append((station, link))
        folder = journal_folder(self.out_dir, session)
        self.failed = [journal.header.stage for journal in journals if not journal.begin(folder, session, now_ns)]
        for station in stations:
            self.segments.tell_writers_rewired(station.name, session)

    def _read_new(self, session: int, station: Station, link: Link) -> bool:
        """Step 2 for one inbox; False: there is still something to come, or to take."""
        if link.producer != SUPERVISOR and not self.segments.fills_no_old(link.producer, session):
            return False
        if not is_taken(station, link):
            return False
        rebind_inbox(station, link, self.segments.address(link.name))
        return True
