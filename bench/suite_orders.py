"""Orders: what stands between an intent and the wire, and how many orders a second the host carries there and back."""

import functools

from bench.harness import Bench
from bench.order_churn import NONE_LOST, churn
from bench.order_guards import guard_rows
from bench.order_risk import risk_rows
from bench.results import RATE
from bench.socket_to_socket import socket_rows


def rows(bench: Bench) -> None:
    """Risk's checks and estimates, the router's guards and the hand-over; orders through sockets in both placements."""
    risk_rows(bench)
    guard_rows(bench)
    socket_rows(bench)
    for name, placement, seconds in (("order_rate", "fused", 60), ("order_rate_processes", "process", 15)):
        run = functools.partial(churn, bench.size(seconds, 1), placement)
        bench.row(name, unit=RATE, target=10_000, ours=run, answer=NONE_LOST, repeats=1, warms_up=False)
