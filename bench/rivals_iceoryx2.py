"""iceoryx2 under its own Python: half a round trip of 64 bytes between two pinned processes that poll.

    python rivals_iceoryx2.py TRIPS CORE CORE

Prints one line of JSON: samples_ns and answer.
"""

import ctypes
import json
import os
import sys
import time
from typing import Any

import iceoryx2 as iox

WAIT_S = 10.0
HELLO = -100
"""What is published before the other side's port stands is lost: a greeting is repeated until it is answered."""


class Message(ctypes.Structure):
    """Eight words, 64 bytes."""

    _fields_ = [("words", ctypes.c_int64 * 8)]


def port(name: str, *, sends: bool) -> tuple[Any, Any]:
    """A publisher or a subscriber of a service; node and service are kept alive with it."""
    node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
    service = node.service_builder(iox.ServiceName.new(name)).publish_subscribe(Message).open_or_create()
    made = service.publisher_builder().create() if sends else service.subscriber_builder().create()
    return made, (node, service)


def send(publisher: Any, number: int) -> None:
    """Publish one message."""
    words = (ctypes.c_int64 * 8)(*range(number, number + 8))
    publisher.loan_uninit().write_payload(Message(words=words)).send()


def await_number(subscriber: Any, wait_s: float = WAIT_S) -> int:
    """Poll until a message comes; its number, or -1 when its words do not follow from it."""
    deadline_s = time.monotonic() + wait_s
    while (sample := subscriber.receive()) is None:
        if time.monotonic() > deadline_s:
            raise TimeoutError("no message came")
    words = sample.payload().contents.words
    return int(words[0]) if words[7] == words[0] + 7 else -1


def greet(publisher: Any, subscriber: Any) -> None:
    """Publish greetings until the other side says something."""
    for _ in range(1_000):
        send(publisher, HELLO)
        try:
            await_number(subscriber, 0.01)
            return
        except TimeoutError:
            continue
    raise TimeoutError("nobody answered")


def await_echo(subscriber: Any) -> int:
    """The next number that is no greeting."""
    while (number := await_number(subscriber)) == HELLO:
        pass
    return number


def main() -> None:
    """Fork, pin, measure."""
    trips, core, other = map(int, sys.argv[1:4])
    iox.set_log_level(iox.LogLevel.Error)
    there, back = f"there-{os.getpid()}", f"back-{os.getpid()}"
    child = os.fork()
    os.sched_setaffinity(0, {other if child == 0 else core})
    publisher, keep_publisher = port(there if child else back, sends=True)
    subscriber, keep_subscriber = port(back if child else there, sends=False)
    if child == 0:
        greet(publisher, subscriber)
        for _ in range(trips + 1):
            send(publisher, await_echo(subscriber))
        os._exit(0)
    await_number(subscriber)
    send(publisher, HELLO)
    samples, right = [], 0
    for number in range(trips + 1):
        start_ns = time.perf_counter_ns()
        send(publisher, number)
        echo = await_echo(subscriber)
        samples.append((time.perf_counter_ns() - start_ns) / 2)
        right += echo == number
    os.waitpid(child, 0)
    answer = "every message came back" if right == trips + 1 else "messages were lost or changed"
    print(json.dumps({"samples_ns": samples[1:], "answer": answer}))
    del publisher, subscriber, keep_publisher, keep_subscriber


if __name__ == "__main__":
    main()
