"""What strategy.py promises: two sides, a lean against inventory, room for volatility."""

from pathlib import Path

from procs.rehearsal import Quotes, rehearse

FILE = Path(__file__).with_name("strategy.py")


def ask_for_quotes(**market: float) -> Quotes:
    """The strategy's quotes on a book of 617,999 against 618,001 ticks."""
    return rehearse(FILE, bid_ticks=617_999, ask_ticks=618_001, **market)


def test_quotes_both_sides_on_every_level() -> None:
    quotes = ask_for_quotes()

    assert len(quotes.bids) == len(quotes.asks) == 3
    assert quotes.bids == sorted(quotes.bids, reverse=True)
    assert quotes.asks == sorted(quotes.asks)
    assert quotes.bids[0][0] < 618_000 < quotes.asks[0][0]


def test_leans_against_what_it_holds() -> None:
    flat, long, short = (ask_for_quotes(position_lots=lots) for lots in (0, 20, -20))

    assert long.bids[0][0] < flat.bids[0][0] < short.bids[0][0]
    assert long.asks[0][0] < flat.asks[0][0] < short.asks[0][0]


def test_widens_with_volatility() -> None:
    calm, wild = ask_for_quotes(volatility_bps=1.0), ask_for_quotes(volatility_bps=5.0)

    assert wild.asks[0][0] - wild.bids[0][0] > calm.asks[0][0] - calm.bids[0][0]


def test_quotes_wide_while_the_estimate_is_warming_up() -> None:
    warm = ask_for_quotes(volatility_bps=1.0, volatility_bps_p95=4.0)
    warming = ask_for_quotes(volatility_bps=1.0, volatility_bps_p95=4.0, warming=True)

    assert warming.asks[0][0] > warm.asks[0][0]
