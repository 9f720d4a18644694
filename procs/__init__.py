"""Processes: the only package that knows both the bytes (shm) and the trade (trader).

Imports go downward only:

    cli                            commands and flags
    session, backtest, replay      one whole run: live, on a virtual clock, again from its journals
    supervisor, monitor            starts and watches; looks
    launch, nursery                a stage's process, and the server that it is forked from
    placement, wiring              which stages share a process; the table bound to memory
    topology                       STAGES and LINKS: the system as one table
    stages                         one file a stage: state, step, outboxes
    ports, duty_cycle, journal     what every stage is served by
    transport                      sockets: bytes in and out, signatures
    config, settings               what a run is made of; profile < file < flags
    affinity, state_dir, errors    cores; what outlives a run; what an operator can mend
"""
