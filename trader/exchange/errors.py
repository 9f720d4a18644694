"""Error codes of the venue and their messages.

Codes are the real venue's (Binance USD-M error list), with texts shortened where they carry a variable. Spot says some
of them by other codes, one code for several: SPOT_CODES.
"""

import numpy as np

from shm.kernel import kernel

NONE = 0
UNAVAILABLE = -1001
TOO_MANY_REQUESTS = -1003
OUTCOME_UNKNOWN = -1006
TIMED_OUT = -1007
TOO_MANY_NEW_ORDERS = -1015
UNSUPPORTED = -1020
BAD_SIGNATURE = -1022
MISSING_PARAMETER = -1102
BAD_PRECISION = -1111
BAD_TIME_IN_FORCE = -1115
BAD_TYPE = -1116
BAD_SIDE = -1117
BAD_SYMBOL = -1121
NOT_TRADING = -1122
BAD_JSON = -1135
ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
NOT_AUTHENTICATED = -2015
INSUFFICIENT_BALANCE = -2019
TOO_MANY_ORDERS = -2025
QUANTITY_TOO_SMALL = -4004
QUANTITY_TOO_LARGE = -4005
PRICE_NOT_ON_TICK = -4014
BAD_CLIENT_ID = -4015
PRICE_TOO_HIGH = -4016
QUANTITY_NOT_ON_STEP = -4023
PRICE_TOO_LOW = -4024
DUPLICATE_CLIENT_ID = -4116
NOTIONAL_TOO_SMALL = -4164
NO_SUCH_PATH = -5000
POST_ONLY_WOULD_TAKE = -5022

MESSAGES = b"""\
1001 Internal error; unable to process your request. Please try again.
1003 Too many requests; wait until retryAfter.
1006 An unexpected response was received from the message bus. Execution status unknown.
1007 Timeout waiting for response from backend server. Send status unknown; execution status unknown.
1015 Too many new orders; wait until retryAfter.
1020 This operation is not supported.
1022 Signature for this request is not valid.
1102 A mandatory parameter was not sent, was empty/null, or malformed.
1111 Precision is over the maximum defined for this asset.
1115 Invalid timeInForce.
1116 Invalid orderType.
1117 Invalid side.
1121 Invalid symbol.
1122 Invalid symbol status.
1135 Invalid JSON request.
2010 The order was rejected.
2011 Unknown order sent.
2013 Order does not exist.
2015 Invalid API-key, IP, or permissions for action.
2025 Reach max open order limit.
4004 Quantity less than min quantity.
4005 Quantity greater than max quantity.
4014 Price not increased by tick size.
4015 Client order id is not valid.
4016 Price is higher than the multiplier cap.
4023 Quantity not increased by step size.
4024 Price is lower than the multiplier floor.
4116 ClientOrderId is duplicated.
4164 Order's notional must be no smaller than the minimum (unless you choose reduce only).
5000 Path or method is invalid.
5022 Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be \
recorded in the order history
"""
"""One line each: the code without its sign, a space, the text."""

_SPOT: dict[int, tuple[int, str]] = {
    INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    POST_ONLY_WOULD_TAKE: (-2010, "Order would immediately match and take."),
    DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    QUANTITY_TOO_SMALL: (-1013, "Filter failure: LOT_SIZE"),
    QUANTITY_TOO_LARGE: (-1013, "Filter failure: LOT_SIZE"),
    QUANTITY_NOT_ON_STEP: (-1013, "Filter failure: LOT_SIZE"),
    PRICE_NOT_ON_TICK: (-1013, "Filter failure: PRICE_FILTER"),
    PRICE_TOO_HIGH: (-1013, "Filter failure: PRICE_FILTER"),
    PRICE_TOO_LOW: (-1013, "Filter failure: PRICE_FILTER"),
    NOTIONAL_TOO_SMALL: (-1013, "Filter failure: NOTIONAL"),
    NOT_TRADING: (-1013, "Market is closed."),
    BAD_CLIENT_ID: (-1100, "Illegal characters found in parameter 'newClientOrderId'."),
}
SPOT_CODES = np.array([(code, said) for code, (said, _) in _SPOT.items()], dtype=np.int64)
SPOT_MESSAGES_FROM = 10_000
"""Added to a code without its sign, the number of what spot says instead."""

MESSAGES += "".join(f"{SPOT_MESSAGES_FROM - code} {text}\n" for code, (_, text) in _SPOT.items()).encode()


@kernel
def spot_code(code):
    """What spot says for a code: its own code for it, and the number of the message."""
    for index in range(len(SPOT_CODES)):
        if SPOT_CODES[index, 0] == code:
            return SPOT_CODES[index, 1], code - SPOT_MESSAGES_FROM
    return code, code
