"""Router: the last hop of orders and the first of executions. Session logic without sockets, clocks or threads.

config.py      RouterConfig: timeouts and modes
state.py       ROUTER: order table, connections, reconciliation, and what leaves at the end of a step
outgoing.py    appends reports, frames and requests to what leaves
placing.py     new orders and cancels on their way out
breaker.py     stops new orders while the venue does not answer
batching.py    orders that wait for a batch, or for a token
facts.py       statuses, merged into the order table, told as execution reports
replies.py     what the order API answers
fills.py       executions, each booked once
parking.py     fills and words of orders that nobody knows yet
patience.py    silence: placement timeouts, status queries, repeated cancels, fills that are owed
rest.py        one REST request at a time, and what its reply means
market.py      what spot does otherwise than futures
reconciling.py trades, open orders and positions, compared with the venue's
responses.py   which REST reply means what
schedule.py    which REST request is next
session.py     connections, reconciliation, cancel-all
"""
