"""A verification for people: one fact a line, one line a symbol, and a verdict."""

from procs.lobster import CHECKS as LOBSTER_CHECKS
from procs.lobster import VENUE as LOBSTER
from procs.verify import VerifyResult
from trader.venues.table import venue_named


def render(result: VerifyResult) -> str:
    """The result as text."""
    market = f" ({result.market})" if result.market else ""
    fault = f" (last: {result.last_fault})" if result.last_fault else ""
    rows = [
        ("venue", f"{result.venue}{market}"),
        ("checks", LOBSTER_CHECKS if result.venue == LOBSTER else venue_named(result.venue).checks),
        ("messages", f"{result.messages:,}"),
        ("levels", f"{result.levels:,}"),
        ("checked", f"{result.checked:,}"),
        ("mismatched", f"{result.mismatched:,}"),
        ("undecided", f"{result.undecided:,}"),
        ("gaps", f"{result.gaps:,}"),
        ("resyncs", f"{result.resyncs:,}"),
        ("bad frames", f"{result.bad_frames:,}{fault}"),
        ("speed", f"{result.ns_per_message:,.0f} ns per message"),
    ]
    if result.symbols_left_out:
        rows.append(("left out", f"{result.symbols_left_out:,} symbols"))
    for one in result.symbols:
        sides = f"{one.bid_levels:,} bid and {one.ask_levels:,} ask levels"
        checks = f"{one.checked:,} checked, {one.mismatched:,} mismatched"
        rows.append((one.symbol, f"{one.book_state}, {sides}, {checks}"))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if result.proven:
        verdict = "proven: every check agrees"
    elif result.mismatched:
        verdict = "WRONG: a check does not agree"
    else:
        verdict = "NOT PROVEN: nothing disagrees, but " + _lacking(result)
    return "\n".join([*lines, verdict])


def _lacking(result: VerifyResult) -> str:
    """Why a recording without a mismatch proves nothing."""
    if result.checked == 0:
        return "nothing could be checked"
    return "updates are missing" if result.gaps else "frames were refused"
