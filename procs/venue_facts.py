"""What is asked of a venue once, cold, before trading: its instruments."""

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import numpy as np

from procs.errors import OperatorError
from trader.instrument import UnknownSymbolError
from trader.venues.binance.instruments import parse_instruments

TIMEOUT_S = 5.0
REPLY_BYTES_MAX = 8 << 20
EXCHANGE_INFO = "/fapi/v1/exchangeInfo"


def fetch_instruments(url: str, symbols: Sequence[str]) -> np.ndarray:
    """INSTRUMENT rows of `symbols` from a venue at http://HOST:PORT.

    Raises OperatorError when the venue does not answer, does not list a symbol, or says something else.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", EXCHANGE_INFO)
        reply = connection.getresponse()
        body = reply.read(REPLY_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise OperatorError(f"venue {url}: {EXCHANGE_INFO} failed: {error}") from None
    finally:
        connection.close()
    if reply.status != 200:
        raise OperatorError(f"venue {url}: {EXCHANGE_INFO} answered {reply.status}, allowed 200")
    try:
        return parse_instruments(body, list(symbols))
    except (UnknownSymbolError, msgspec.DecodeError) as error:
        raise OperatorError(f"venue {url}: {error}") from None
