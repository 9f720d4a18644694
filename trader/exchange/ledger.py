"""Money of the account: one ledger per symbol, fees, and the profit of what was closed.

Positions are in lots, money in 1e-8 of the quote currency. One writer: account.fill and account.close.
"""

import numpy as np

from shm.kernel import kernel

UNIT_E8 = 100_000_000

LEDGER = np.dtype(
    [
        ("position_lots", "i8"),
        ("cash_e8", "i8"),  # received minus paid for all fills, without fees
        ("fees_e8", "i8"),  # paid; negative: rebates
        ("realized_e8", "i8"),  # profit of closed lots at average cost, without fees
        ("cost_e8", "i8"),  # what the open position cost, never negative
        ("fills", "i8"),
        ("maker_fills", "i8"),
        ("volume_lots", "i8"),
        ("open_orders", "i8"),
        ("placed", "i8"),
        ("canceled", "i8"),
        ("expired", "i8"),
        ("rejected", "i8"),  # order requests refused
        ("cancels_refused", "i8"),
        ("ids_reused", "i8"),  # orders whose client order id one of the orders that are kept had before
        ("order_lots_most", "i8"),
        ("open_orders_most", "i8"),
        ("long_lots_most", "i8"),  # the position at worst, at any instant: every open buy filled
        ("short_lots_most", "i8"),  # every open sell filled; positive is short
    ],
    align=True,
)


@kernel
def fee_of(value_e8, rate_e8):
    """Fee of a notional at a rate, both in 1e-8, rounded to the nearest 1e-8, halves up. Negative: a rebate."""
    whole = value_e8 // UNIT_E8
    rest = value_e8 - whole * UNIT_E8
    return whole * rate_e8 + (rest * rate_e8 + UNIT_E8 // 2) // UNIT_E8


@kernel
def move_position(ledger, signed_lots, value_e8):
    """Change the position by a fill worth `value_e8`: the profit of the lots that it closed, at average cost."""
    held = ledger.position_lots
    ledger.position_lots = held + signed_lots
    if held == 0 or (held > 0) == (signed_lots > 0):
        ledger.cost_e8 += value_e8
        return 0
    closed = min(abs(held), abs(signed_lots))
    cost = ledger.cost_e8 // abs(held) * closed + ledger.cost_e8 % abs(held) * closed // abs(held)
    proceeds = value_e8 // abs(signed_lots) * closed
    opened = value_e8 - proceeds
    ledger.cost_e8 = ledger.cost_e8 - cost if abs(held) > closed else opened
    return proceeds - cost if held > 0 else cost - proceeds
