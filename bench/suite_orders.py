"""Orders: what stands between an intent and the wire."""

from bench.harness import Bench
from bench.order_guards import guard_rows


def rows(bench: Bench) -> None:
    """The router's guards and the hand-over."""
    guard_rows(bench)
