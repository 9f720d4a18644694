"""The wallet of a futures account, as GET /fapi/v3/balance tells it. No margin is bound here: all of it is free."""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.account_queries import mark_doubled_ticks
from trader.exchange.market_data import aim
from trader.exchange.outbox import OK, TEMPLATE_BYTES, begin, commit
from trader.exchange.text import write

WALLET = (
    b'[{"accountAlias":"simulated","asset":"USDT","balance":"#eC","crossWalletBalance":"#eC","crossUnPnl":"#eD",'
    b'"availableBalance":"#eE","maxWithdrawAmount":"#eE","marginAvailable":true,"updateTime":#iB}]'
)


@kernel
def send_wallet(exchange, connection_id):
    """Answer with the wallet, and what open positions would change of it. Takes the whole exchange record."""
    never_inlined()
    cursor = begin(exchange.outbox, TEMPLATE_BYTES, 1 << connection_id)
    if cursor == 0:
        return
    wallet_e8, unrealized_e8 = exchange.account.wallet_e8, 0
    for other in range(exchange.symbol_count):
        ledger = exchange.account.ledger[other]
        wallet_e8 += ledger.realized_e8 - ledger.fees_e8
        value_e8 = (
            ledger.position_lots * mark_doubled_ticks(exchange, other) * exchange.instruments[other].tick_value_e8
        )
        unrealized_e8 += value_e8 // 2 - (ledger.cost_e8 if ledger.position_lots >= 0 else -ledger.cost_e8)
    values = aim(exchange, 0, exchange.event_ms).values
    values[2] = wallet_e8
    values[3] = unrealized_e8
    values[4] = max(wallet_e8 + unrealized_e8, 0)
    cursor = write(cursor, WALLET, exchange.writer)
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, cursor)
