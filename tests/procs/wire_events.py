"""What the transport tests share: a sink that remembers, and a client and a server over a real loopback port."""

import asyncio
import contextlib
import gc

import uvloop

from procs.transport.authentication import Credentials
from procs.transport.client import ClientTransport
from procs.transport.server import ServerTransport
from trader.enums import WireKind

PATIENCE_S = 5.0


class Events:
    """A sink that remembers (connection_id, kind, status, payload) and may answer at once."""

    def __init__(self, answer=None):
        self.seen = []
        self.answer = answer
        self._news = asyncio.Event()

    def frame(self, connection_id, kind, status, payload):
        event = (connection_id, WireKind(kind), status, bytes(payload))
        self.seen.append(event)
        self._news.set()
        if self.answer is not None:
            self.answer(*event)

    def queue(self, connection_id, kind, status, payload):
        self.frame(connection_id, kind, status, payload)

    def of(self, kind):
        return [event for event in self.seen if event[1] == kind]

    async def until(self, kind, count=1):
        """Wait for `count` events of a kind; return the newest."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[-1]


class Pair:
    """A server, a client of it, what each heard, and what went wrong behind their backs."""

    def __init__(self, server, client, credentials):
        self.server, self.client, self.credentials = server, client, credentials
        self.heard_by_server, self.heard_by_client = server.sink, client.sink
        self.failures = []

    async def connect(self, connection_id=1, path=b"/stream?streams=a/b"):
        self.client.act(connection_id, WireKind.CONNECT, 0, 0, memoryview(path))
        await self.heard_by_client.until(WireKind.CONNECTED)


@contextlib.asynccontextmanager
async def pair(*, authenticate=(), credentials=None, answer=None, **server_options):
    """An open Pair. `answer(pair, event...)` is called for each event of the server's."""
    key = Credentials.fresh()
    server = ServerTransport(Events(), "127.0.0.1", 0, key.verifier(), **server_options)
    await server.open()
    url = f"http://127.0.0.1:{server.port}"
    client = ClientTransport(Events(), url, credentials or key, authenticate=authenticate)
    await client.open()
    both = Pair(server, client, key)
    if answer is not None:
        server.sink.answer = lambda *event: answer(both, *event)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: both.failures.append(context))
    try:
        yield both
    finally:
        await client.close()
        await server.close()
        gc.collect()  # what nobody asked after is reported when it is collected
    assert not both.failures


def run(coroutine):
    """Run a test on the event loop that the stages use."""
    return uvloop.run(coroutine)
