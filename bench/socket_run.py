"""A run of the main job whose sockets are timed: `python -m bench.socket_run PLACEMENT DEPTHS RECORDING OUT`.

    exchange's process                                     router's process
    depth frame of a recording  --- socket ---> feed ... router
      |<------------------ order frame ---------------------+      ours
    as many bytes               --- socket ---> a listener of picows, nothing else
      |<------------------ as many bytes as an order -------+      the echo, in turn with ours, in the same loop

Everything is what `trader run` starts: every stamp, log, journal, check and limit. Only the two processes with these
sockets are told to note times (and, fused, to poll). Ours counts where a depth frame caused an order.
"""

import asyncio
import json
import mmap
import sys
import time
from pathlib import Path
from typing import Any

import picows

from procs import launch, supervisor
from procs.event_loop import EventLoop, Wire
from procs.exchange_market import RECORDING_CONNECTION
from procs.placement import Waiting, waiting
from procs.plan import LaunchPlan
from procs.recording import Recording
from procs.run_segments import PORT, RECORDING_DONE
from procs.session import run_session
from procs.settings import load_config
from procs.transport import WireSink
from procs.transport.client import ClientTransport
from procs.transport.server import ServerTransport
from trader.enums import WireKind

FRAME = int(WireKind.FRAME)
STRATEGY = str(Path(__file__).with_name("requoting_strategy.py"))
DEPTH, ORDER = b'"e":"depthUpdate"', b'"method":"order.place"'
ORDER_BYTES = 320
"""Of the echo's answer until an order has been seen; then as long as that."""

ANSWER_NS_MAX = 3_000_000
"""A depth frame without an order by then has caused none."""

REST_NS = {"fused": 300_000, "process": 1_500_000}
"""Between two exchanges of frames: acknowledgements, executions, the journal's page faults."""

WARM_UP = 200
"""Times that are left out, and no more than are wanted."""

RATES = {"orders_per_s_max": 1_000_000, "orders_burst_max": 1_000_000, "duplicate_ms": 1}
PACING = {"orders_per_s": 100_000, "orders_burst": 10_000}

port_of_echo = mmap.mmap(-1, 8)
"""Shared by all processes of the run: where the echo's server listens."""


def run_process(plan: LaunchPlan, name: str, generation: int) -> int:
    """A stage process of this run: what procs.launch runs, with times noted."""
    original = launch.StageProcess
    launch.StageProcess = TimedProcess  # type: ignore[misc]
    try:
        return launch.run_process(plan, name, generation)
    finally:
        launch.StageProcess = original  # type: ignore[misc]


class TimedProcess(launch.StageProcess):
    """One process: the exchange plays and notes, the router's answers echoes as well; the others are as ever."""

    depths = 0
    """How many times are wanted; set before anything is forked."""

    def ladder(self) -> Waiting:
        """Fused, the two ends of the timed sockets poll; everything else waits as it would."""
        if self.plan.config.placement == "fused" and self.group.owns_sockets:
            return waiting("spin", owns_core=True)
        return super().ladder()

    async def serve_sockets(self) -> None:
        """Beside the stages, the echo's client."""
        if "router" in self.group.stages:
            echo = asyncio.get_running_loop().create_task(answer_echoes())
            await super().serve_sockets()
            echo.cancel()
        else:
            await super().serve_sockets()

    async def serve_exchange(self, loop: EventLoop, wire: Wire) -> None:
        """Play depth frames and echoes in turn."""
        player = Player(self, loop, wire)
        await player.play()

    def transport(self, loop: EventLoop, wire: Wire) -> ClientTransport | ServerTransport:
        """The exchange's sockets note when a frame leaves and an order comes."""
        made = super().transport(loop, wire)
        return (
            TimedServer(made.sink, made.host, made.port, made.verifier) if isinstance(made, ServerTransport) else made
        )


class TimedServer(ServerTransport):
    """Notes when it hands frames to a socket, and when an order is there."""

    left_ns = 0
    """When the newest frames left."""

    def __init__(self, sink: WireSink, host: str, port: int, verifier: Any) -> None:
        self.heard = TimedSink(sink)
        super().__init__(self.heard, host, port, verifier)

    def send(self, connection_id: int, frames: memoryview, count: int) -> None:
        """As ever, the time noted before."""
        self.left_ns = time.perf_counter_ns()
        super().send(connection_id, frames, count)


class TimedSink:
    """Notes the first order since it was last asked."""

    def __init__(self, sink: WireSink) -> None:
        self._sink = sink
        self.order_ns = 0
        self.order_bytes = ORDER_BYTES

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn."""
        self._note(kind, payload)
        self._sink.frame(connection_id, kind, status, payload)

    def queue(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn with another close behind it."""
        self._note(kind, payload)
        self._sink.queue(connection_id, kind, status, payload)

    def _note(self, kind: int, payload: bytes | memoryview) -> None:
        if self.order_ns == 0 and kind == FRAME:
            now_ns = time.perf_counter_ns()
            if ORDER in bytes(payload):
                self.order_ns, self.order_bytes = now_ns, len(payload)


class Player:
    """The exchange's side: plays a recording, a depth frame at a time, and echoes of the same sizes between them."""

    def __init__(self, process: TimedProcess, loop: EventLoop, wire: Wire) -> None:
        assert isinstance(wire.transport, TimedServer)
        self.process, self.server = process, wire.transport
        self.sink = loop.sink(wire)
        self.config = process.plan.config
        self.rest_ns = REST_NS[self.config.placement]
        self.echo = EchoServer()
        self.ours: list[int] = []
        self.theirs: list[int] = []

    async def play(self) -> None:
        """Until so many depth frames have caused an order, or the recording is over; the times go to a file."""
        while self.server.port == 0:
            await asyncio.sleep(0.001)
        server = await picows.ws_create_server(lambda request: self.echo, "127.0.0.1", 0)
        port_of_echo[:8] = server.sockets[0].getsockname()[1].to_bytes(8, "little")
        self.process.segments.set_word(PORT, self.server.port)
        await self.process.market_client.wait()
        await self.echo.connected.wait()
        warm_up = min(WARM_UP, TimedProcess.depths)
        for _, payload in Recording(self.config.replay):
            await self._frame(payload)
            if len(self.ours) >= TimedProcess.depths + warm_up:
                break
        times = {"ours": self.ours[warm_up:], "theirs": self.theirs[warm_up:]}
        Path(self.config.out_dir, "sockets.json").write_text(json.dumps(times))
        server.close()
        self.process.segments.set_word(RECORDING_DONE, 1)

    async def _frame(self, payload: bytes) -> None:
        heard = self.server.heard
        heard.order_ns = 0
        self.sink.frame(RECORDING_CONNECTION, FRAME, 0, payload)
        left_ns = self.server.left_ns
        if DEPTH not in payload:
            await self._until(lambda: False, self.rest_ns)
            return
        if await self._until(lambda: heard.order_ns, ANSWER_NS_MAX):
            self.ours.append(heard.order_ns - left_ns)
            await self._until(lambda: False, self.rest_ns)
            self.theirs.append(await self._one_echo(payload))
        await self._until(lambda: False, self.rest_ns)

    async def _one_echo(self, payload: bytes) -> int:
        self.echo.answered_ns = 0
        asked_ns = time.perf_counter_ns()
        self.echo.ask(self.server.heard.order_bytes, payload)
        await self._until(lambda: self.echo.answered_ns, 10 * ANSWER_NS_MAX)
        return self.echo.answered_ns - asked_ns

    async def _until(self, condition: Any, at_most_ns: int) -> bool:
        """Poll the sockets until something is so, or some time has passed; whether it is so."""
        end_ns = time.perf_counter_ns() + at_most_ns
        while not condition():
            if time.perf_counter_ns() > end_ns:
                return False
            await asyncio.sleep(0)
        return True


class EchoServer(picows.WSListener):
    """The echo's server, beside the exchange: asks, and notes when it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = asyncio.Event()
        self.answered_ns = 0
        self._ws: Any = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """The router's process is there."""
        self._ws = transport
        self.connected.set()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """An answer."""
        self.answered_ns = time.perf_counter_ns()

    def ask(self, answer_bytes: int, payload: bytes) -> None:
        """Send a frame; its first bytes, which nobody reads else, say how long the answer is to be."""
        self._ws.send(picows.WSMsgType.TEXT, answer_bytes.to_bytes(4, "little") + payload[4:])


class EchoClient(picows.WSListener):
    """The echo's client, in the loop of the router: answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self._answer = b""

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """A frame of the size of a depth frame: one of the size of an order goes back."""
        payload = frame.get_payload_as_memoryview()
        length = int.from_bytes(payload[:4], "little")
        if len(self._answer) != length:
            self._answer = b"x" * length
        transport.send(picows.WSMsgType.TEXT, self._answer)


async def answer_echoes() -> None:
    """Connect to the echo's server once it is there, and answer until cancelled."""
    while not (port := int.from_bytes(port_of_echo[:8], "little")):
        await asyncio.sleep(0.001)
    transport, _ = await picows.ws_connect(EchoClient, f"ws://127.0.0.1:{port}/")
    await transport.wait_disconnected()


def main(placement: str, depths: str, recording: str, out_dir: str) -> None:
    """One run; the last line that is printed says how it went."""
    flags = {
        "replay": recording, "placement": placement, "speed": 1.0, "strategy": {"file": STRATEGY}, "out_dir": out_dir,
        "risk": RATES, "router": {"pacing": PACING},
    }  # fmt: skip
    TimedProcess.depths = int(depths)
    supervisor.run_process = run_process
    summary = run_session(load_config(None, flags, profile="replay"))
    print(json.dumps({"problems": list(summary.problems), "ok": summary.ok}))


if __name__ == "__main__":
    main(*sys.argv[1:])
