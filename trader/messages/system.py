"""What is not of the market: commands, timers, gaps, and what crosses a wire."""

from trader.messages.base import Message


class Control(Message, tag=14):
    """A command of the supervisor (Command), as the duty cycle hands it over."""

    command: int
    argument: int


class Timer(Message, tag=15):
    """The stage's own period has passed; sent by its duty cycle."""

    count: int


class Gap(Message, tag=16):
    """`missed` messages were dropped on the inbox `inbox` before the next one."""

    inbox: int
    missed: int


class WireIn(Message, tag=17):
    """Something arrived on a connection (`kind`: WireKind). Transport to feed, router and exchange.

    `status`: HTTP status of a RESPONSE, close code of a LOST. `payload`: a frame's text, a reply's body, the
    path of an accepted connection, or `METHOD path\\nheaders\\n\\nbody` of a REQUEST that a server received.
    """

    connection_id: int
    kind: int
    status: int
    payload: bytes


class WireOut(Message, tag=18):
    """Something to do on a connection (`kind`: WireKind). Feed, router and exchange to transport.

    `payload`: a frame's text, a reply's body, the path to CONNECT to, or `METHOD path\\nheaders\\n\\nbody` of
    a REQUEST. `delay_ns`: do it that much later (0: now).
    """

    connection_id: int
    kind: int
    status: int
    delay_ns: int
    payload: bytes
