"""pyzmq over ipc: `python rivals_pyzmq.py TRIPS CORE CORE`, under its own environment's Python; half round trips."""

import json
import os
import sys
import tempfile
import time

import zmq

PAYLOAD = bytes(24)


def echo(address: str, trips: int, core: int) -> None:
    """The other side: sends everything back."""
    os.sched_setaffinity(0, {core})
    socket = zmq.Context().socket(zmq.PAIR)
    socket.connect(address)
    for _ in range(trips):
        socket.send(socket.recv())
    socket.close(linger=1000)


def main(trips: int, core: int, other: int) -> None:
    """Measure and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"ipc://{folder}/pair"
        child = os.fork()
        if child == 0:
            echo(address, trips, other)
            os._exit(0)
        os.sched_setaffinity(0, {core})
        socket = zmq.Context().socket(zmq.PAIR)
        socket.bind(address)
        samples, right = [], 0
        for _ in range(trips):
            start_ns = time.perf_counter_ns()
            socket.send(PAYLOAD)
            right += socket.recv() == PAYLOAD
            samples.append((time.perf_counter_ns() - start_ns) // 2)
        os.waitpid(child, 0)
        socket.close()
    came_back = "every message came back" if right == trips else f"{right} of {trips} came back"
    print(json.dumps({"samples_ns": samples, "answer": came_back}))


main(*(int(argument) for argument in sys.argv[1:4]))
