"""Benchmarks, each beside its rivals in one run, with its answer checked.

    harness            rows: interleaved contestants, medians with spread, targets, JSON
    command            what `trader bench` does with them
    budget, prove      budgets of known systems; vectors, allocations, page faults
    publish, pictures  RESULTS.md and what is drawn
    floor, compare     what a core takes for fixed work; two reports as ratios to it
    host               what the figures were measured on, core-to-core floor included
    processes          pinned processes at once, forked, for what crosses cores
    shared             what they share: bytes, rings, a clock
    rivals             rivals in virtual environments of their own
    suite_NAME         `def rows(bench)`: one suite; a new file is a new suite
    parsing            rows of the book suite: frames to integers
    level_file         decoded levels that every book is fed
    replaying, loads   rows of the pipeline suite: backtests beside other engines', latency against load and symbols
    backtest_file      the rows that every backtest plays; backtest_NAME: a rival's, under its own Python

`trader bench [SUITE ...]` runs them; `--smoke` is part of the tests.
"""
