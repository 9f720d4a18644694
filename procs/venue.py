"""`trader venue`: the simulated exchange alone, so that another program can trade on it.

The same step, state and transport as in a run, in this one process, in memory of its own. It needs a key file:
who holds it may place orders; the market data are open to everyone who can reach the port.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from procs.config import RunConfig
from procs.errors import OperatorError
from procs.event_loop import EventLoop, Wire
from procs.exchange_market import exchange_instruments
from procs.topology import LINKS
from procs.transport.authentication import Credentials, CredentialsError, Verifier, generate
from procs.transport.server import ServerTransport
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import bind, memory_links, stage_module
from shm.clock import CLOCK, calibrate
from shm.control import CONTROL_BYTES, ControlCell
from shm.kernel import new_record
from trader.enums import Command

STAGE = "exchange"
LOOPBACK = "127.0.0.1"


class VenueProcess:
    """The exchange's station, its clock and its wire, in ordinary memory."""

    def __init__(self, config: RunConfig) -> None:
        names = {link.name: link for link in LINKS if STAGE in (link.producer, *link.consumers)}
        self.links, self.keep = memory_links(names, symbols=len(config.symbols))
        self.clock = new_record(CLOCK)
        calibrate(self.clock)
        self.cells = np.zeros(CONTROL_BYTES // 8 + 16, dtype=np.int64)
        self.cell = ControlCell((self.cells.ctypes.data + 127) & ~127)
        self.state = new_record(stage_module(STAGE).STATE)
        stage_module(STAGE).start(self.state, config, exchange_instruments(config))
        clock = int(self.clock.ctypes.data)
        self.station = bind(
            STAGE, self.links, symbols=len(config.symbols), state=self.state, clock=clock, control=self.cell.address
        )
        memory = dict(zip(names, self.keep, strict=True))
        inbox = WireInbox(names["exchange_wire_in"], self.links["exchange_wire_in"], clock)
        outbox = WireOutbox(self.links["exchange_wire_out"], memory["exchange_wire_out"], clock, is_client=False)
        self.wire = Wire(STAGE, inbox, outbox)
        self.doorbell = np.zeros(32, dtype=np.int64)

    def heal(self) -> None:
        """End the faults of [exchange.faults] now."""
        self.state[0]["venue"]["faults"]["heal_asked"] = 1

    async def serve(
        self, host: str, port: int, verifier: Verifier, told: Callable[[int], None], tick: Callable[[], None]
    ) -> None:
        """Serve until SIGINT or SIGTERM; `told` hears the port once it is bound, `tick` ten times a second."""
        eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        doorbell = (int(self.doorbell.ctypes.data) + 127) & ~127
        loop = EventLoop(
            [self.station], [self.wire], doorbell=doorbell, eventfd=eventfd, clock=int(self.clock.ctypes.data)
        )
        transport = ServerTransport(loop.sink(self.wire), host, port, verifier)
        self.wire.transport = transport
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.heal)
        self.cell.issue(Command.START)
        announced = False

        def housekeeping() -> bool:
            nonlocal announced
            if not announced and transport.port:
                announced = True
                told(transport.port)
            tick()
            return not stopping.is_set() and not self.station.row["failure"]

        try:
            await loop.run(housekeeping)
        except OSError as error:
            raise OperatorError(f"--port {port}: {error.strerror}, allowed a free port, or 0 for any") from None
        finally:
            os.close(eventfd)


def venue_key(path: Path) -> Credentials:
    """The key file that clients must hold; made, with mode 0600, where there is none. Raises OperatorError."""
    try:
        return Credentials.from_file(path) if path.exists() else generate(path)
    except CredentialsError as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        raise OperatorError(f"--key {path}: {error.strerror}, allowed a file in a writable folder") from None


def serve_venue(config: RunConfig, *, host: str, port: int, key_file: Path, show: Callable[[str], None]) -> None:
    """Serve the simulated exchange until interrupted. Raises OperatorError."""
    if host != LOOPBACK:
        show(f"warning: {host} can be reached from outside this host")
    verifier = venue_key(key_file).verifier()
    wall_offset_ns = time.time_ns() - time.monotonic_ns()
    show("loading the exchange")
    venue = VenueProcess(msgspec.structs.replace(config, wall_offset_ns=wall_offset_ns))

    def told(bound: int) -> None:
        show(f"venue on http://{host}:{bound} and ws://{host}:{bound}, key file {key_file}; Ctrl-C ends it")

    last = 0.0

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last >= 1.0:
            last = time.monotonic()
            show(_line(venue.state, config))

    uvloop.run(venue.serve(host, port, verifier, told, tick))
    if venue.station.row["failure"]:
        raise OperatorError(f"the exchange's step returned {int(venue.station.row['failure'])}")


def _line(state: np.ndarray, config: RunConfig) -> str:
    """One line of what the venue has seen of its account."""
    account = state[0]["venue"]["account"]
    parts = []
    for symbol_id, symbol in enumerate(config.symbols):
        ledger = account["ledger"][symbol_id]
        parts.append(
            f"{symbol} orders {int(ledger['placed'])} open {int(ledger['open_orders'])} fills {int(ledger['fills'])}"
            f" position {int(ledger['position_lots'])} lots"
        )
    return "  ".join(parts)
