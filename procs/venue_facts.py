"""What is asked of a venue once, cold, before trading: its instruments."""

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import numpy as np

from procs.errors import OperatorError
from trader.instrument import UnknownSymbolError
from trader.venues.markets import Market

TIMEOUT_S = 5.0
REPLY_BYTES_MAX = 8 << 20


def fetch_instruments(url: str, symbols: Sequence[str], market: Market) -> np.ndarray:
    """INSTRUMENT rows of `symbols` from a venue at http://HOST:PORT, where `market` lists them.

    Raises OperatorError when the venue does not answer, does not list a symbol, or says something else.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", market.exchange_info)
        reply = connection.getresponse()
        body = reply.read(REPLY_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise OperatorError(f"venue {url}: {market.exchange_info} failed: {error}") from None
    finally:
        connection.close()
    if reply.status != 200:
        raise OperatorError(f"venue {url}: {market.exchange_info} answered {reply.status}, allowed 200")
    try:
        rows: np.ndarray = market.venue.module("instruments").parse_instruments(body, list(symbols))
    except (UnknownSymbolError, msgspec.DecodeError) as error:
        raise OperatorError(f"venue {url}: {error}") from None
    rows["market"] = market.number
    return rows
