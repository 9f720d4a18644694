"""Simulated exchange: the venue's side of the wire, pure and compiled; shares no code with what it checks.

    config            what an operator may set
    errors            the venue's error codes and messages
    templates         what is sent, by number; texts_usdm, texts_spot: in the words of each market
    text              JSON from templates; numbers and words read
    outbox            what one step has to say: frames, each with the set of connections that shall get it
    connections       who is connected, with which streams and rights
    requests          scanner of order API requests, of HTTP requests and of their parameters
    matching          price-time order book in integer ticks and lots
    order_flow        seeded background orders: clustered arrivals, clustered volatility
    market_data       depth, best-quote and trade frames, the snapshot
    ledger, account   money, our orders and fills: the oracle of every check
    reports           replies of the order API, events of the user stream
    ladders           which prices there is room for
    balances          what a spot account has, free and locked
    executions        one fill, one end of an order of ours
    validation        an order request as ticks, lots and codes, or an error
    order_entry       placing, matching, canceling
    recording         scanner of a recorded market's frames
    recorded_book     its book; recorded_snapshot: its depth snapshot
    queue             conservative fills of our orders against it
    playback          one recorded frame: passed on, applied, met by our orders
    watched           a recorded market without orders: any venue's frames to all who subscribe
    exchange_info, account_queries, rest    the HTTP requests
    session           what clients do
    fault_config      what may go wrong, and how often
    faults            its dice, what happens of itself, its end
    order_faults      faults of single requests; rate_limits: limits and bans
    mangling, held    messages held back, told twice, cut, never told
    venue             the whole: state, start, one kernel per kind of message

Wire: Binance USD-M futures or Binance spot. No file, socket or clock is known here; time comes in with every call.
"""
