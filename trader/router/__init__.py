"""Router: the last hop of orders and the first of executions. Session logic without sockets, clocks or threads.

config.py      RouterConfig: timeouts and modes
state.py       ROUTER: order table, connections, reconciliation, and what leaves at the end of a step
outgoing.py    appends reports, frames and requests to what leaves
placing.py     new orders and cancels on their way out
facts.py       replies and statuses, merged into the order table, told as execution reports
fills.py       executions, each booked once
patience.py    silence: placement timeouts, status queries, repeated cancels, fills that are owed
rest.py        one REST request at a time, and what its reply means
market.py      what spot does otherwise than futures
session.py     connections, reconciliation, cancel-all
"""
