"""iceoryx2 under its own Python: half a round trip of 64 bytes between two pinned processes that poll.

    python rivals_iceoryx2.py TRIPS CORE CORE

Prints one line of JSON: samples_ns and answer. Its files, in /dev/shm and in the folder for temporary ones, bear its
process id; it removes them at the end, and those of runs that were killed.
"""

import ctypes
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import iceoryx2 as iox

WAIT_S = 10.0
PREFIX = "trader_bench_iox2_"
PLACES = (Path("/dev/shm"), Path(tempfile.gettempdir()))
HELLO = -100
"""What is published before the other side's port stands is lost: a greeting is repeated until it is answered."""


class Message(ctypes.Structure):
    """Eight words, 64 bytes."""

    _fields_ = [("words", ctypes.c_int64 * 8)]


def configuration() -> Any:
    """Where this run keeps its files."""
    own = f"{PREFIX}{os.getpid()}"
    config = iox.config.default()
    config.global_cfg.prefix = iox.FileName.new(f"{own}_")
    config.global_cfg.root_path = iox.Path.new(f"{PLACES[1] / own}/")
    return config


def remove_files() -> None:
    """Those of this run, and of every run whose process is gone."""
    for path in (path for place in PLACES for path in place.glob(f"{PREFIX}*")):
        owner = path.name.removeprefix(PREFIX).partition("_")[0]
        if owner == str(os.getpid()) or not Path("/proc", owner).exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def port(config: Any, name: str, *, sends: bool) -> tuple[Any, Any]:
    """A publisher or a subscriber of a service; node and service are kept alive with it."""
    node = iox.NodeBuilder.new().config(config).create(iox.ServiceType.Ipc)
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
    config = configuration()
    child = os.fork()
    os.sched_setaffinity(0, {other if child == 0 else core})
    publisher, keep_publisher = port(config, "there" if child else "back", sends=True)
    subscriber, keep_subscriber = port(config, "back" if child else "there", sends=False)
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
    remove_files()
    try:
        main()
    finally:
        remove_files()
