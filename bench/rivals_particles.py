"""Measures the `particles` package under its own Python: a bootstrap filter of the same model, known parameters.

    python rivals_particles.py PARTICLES WINDOWS

It learns nothing and gives no quantiles. Prints one line of JSON for bench.results.external.
"""

import json
import sys
import time
import warnings
from typing import Any

import numpy as np

warnings.simplefilter("ignore")

import particles  # noqa: E402
from particles import state_space_models as ssm  # noqa: E402


def main() -> None:
    """One filter over a simulated series, a time for each window; the first tenth is warm-up."""
    count, windows = int(sys.argv[1]), int(sys.argv[2])
    returns = np.random.default_rng(1).standard_normal((windows, 1))
    model: Any = ssm.StochVol(mu=0.0, rho=0.97, sigma=0.2)
    run = particles.SMC(fk=ssm.Bootstrap(ssm=model, data=returns), N=count, resampling="systematic", ESSrmin=0.5)
    samples = np.zeros(windows, dtype=np.int64)
    for index in range(windows):
        start_ns = time.perf_counter_ns()
        next(run)
        samples[index] = time.perf_counter_ns() - start_ns
    known = abs(float(run.logLt)) < 10 * windows
    print(json.dumps({"samples_ns": samples[windows // 10 :].tolist(), "answer": "finite" if known else "not finite"}))


main()
