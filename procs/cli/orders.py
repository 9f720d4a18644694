"""`trader orders` and `trader limits`: what a running system has at the venue, and how near it is to its limits."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from procs.order_views import LimitView, OrderView
    from procs.pace_views import PaceView
    from procs.run_segments import RunSegments

NEAR = 0.8
"""From this share of a limit on its row is marked."""

RUN = click.option(
    "--run", metavar="RUN", help="Which run, by name or by its supervisor's pid.  [default: the only one]"
)
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@contextmanager
def _attached(run: str | None) -> Iterator["RunSegments"]:
    """A running system's segments. Raises OperatorError when there is none, or several and none is named."""
    from procs.errors import OperatorError
    from procs.monitor import chosen_run
    from procs.run_segments import RunSegments
    from shm.segment import SegmentError

    name = chosen_run(run)
    try:
        segments = RunSegments.attach(name)
    except SegmentError as error:
        raise OperatorError(f"run {name} cannot be read: {error}") from None
    try:
        yield segments
    finally:
        segments.close()


@click.command()
@RUN
@JSON
def orders(run: str | None, as_json: bool) -> None:
    """List the live orders of a running system: state, price, size, what is filled, age.

    Reads its shared memory and writes nothing. UNKNOWN orders are listed too: their exposure counts until the
    venue has said what became of them. Exit code 0, also when no order is live; 2 when no system runs.
    """
    from procs.order_views import orders_in

    with _attached(run) as segments:
        found = orders_in(segments)
    if as_json:
        _print_json([dataclasses.asdict(order) for order in found])
    elif found:
        _print_orders(found)
    else:
        click.echo("no live order")


@click.command()
@RUN
@JSON
def limits(run: str | None, as_json: bool) -> None:
    """Show every limit of a running system that something counts against: configured, in force, used; and its pace.

    In force is less than configured while tail-risk advice tightens it. A row of which 80 % or more is used is
    marked with !. Of each kind of request: how many a second may hold, were let through, had to wait or were denied.
    Exit code 0 while trading is ACTIVE, 1 while it is REDUCING or HALTED, 2 when no system runs.
    """
    from procs.order_views import limits_in
    from procs.pace_views import paces_in

    with _attached(run) as segments:
        found, paces = limits_in(segments), paces_in(segments)
    if as_json:
        rows = [dataclasses.asdict(limit) | {"utilisation": limit.utilisation} for limit in found.limits]
        told = [dataclasses.asdict(pace) for pace in paces]
        _print_json(dataclasses.asdict(found) | {"limits": rows, "paces": told})
    else:
        causes = ", ".join((*found.halts, *found.reductions))
        click.echo(f"trading {found.trading}" + (f": {causes}" if causes else ""))
        _print_limits(found.limits)
        _print_paces(paces)
    sys.exit(0 if found.trading == "ACTIVE" else 1)


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _print_orders(found: list["OrderView"]) -> None:
    click.echo(
        f"{'order':>20} {'symbol':<10} {'side':<4} {'price':>12} {'size':>10} {'filled':>10} {'state':<8} {'age':>9}"
    )
    for order in found:
        cancel = "  cancel asked" if order.cancel else ""
        click.echo(
            f"{order.client_order_id:>20} {order.symbol:<10} {order.side:<4} {order.price:>12} {order.size:>10} "
            f"{order.filled:>10} {order.state:<8} {order.age_s:>8.3f}s{cancel}"
        )


def _print_paces(found: tuple["PaceView", ...]) -> None:
    click.echo(f"{'of':<10} {'requests':<24} {'a second':>16} {'at once':>16} {'let through':>16} {'held':>6}")
    for pace in found:
        click.echo(
            f"{pace.stage:<10} {pace.endpoint:<24} {pace.per_s:>16,.10g} {pace.burst:>16,} "
            f"{pace.passed:>16,} {pace.refused:>6,}"
        )


def _print_limits(found: tuple["LimitView", ...]) -> None:
    click.echo(f"{'of':<10} {'limit':<24} {'configured':>16} {'in force':>16} {'used':>16} {'':>6}")
    for limit in found:
        mark = " !" if limit.utilisation >= NEAR else ""
        click.echo(
            f"{limit.scope:<10} {limit.name:<24} {limit.configured:>16,.10g} {limit.effective:>16,.10g} "
            f"{limit.used:>16,.10g} {limit.utilisation:>6.1%}{mark}"
        )
