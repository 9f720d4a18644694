"""Row of the orders suite: orders placed and cancelled through real sockets, as many as the host can, none lost.

`trader run` with the paper profile, the exchange in a process of its own, and a strategy that never rests; the rates of
risk and router are raised as far as they go.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.cores import on_all_cores
from bench.results import Result, rate
from trader.risk.limits import RiskConfig

ROOT = Path(__file__).resolve().parent.parent
STRATEGY = Path(__file__).with_name("churning_strategy.py")
NONE_LOST = "every order is accounted for"
RAISED = {"orders_per_s_max": 100_000, "orders_burst_max": 10_000, "duplicate_ms": 1, "open_orders_side_max": 32}
PROFILE = """
symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"]
[risk]
{risk}
[router.pacing]
orders_per_s = 100_000
orders_burst = 10_000
[strategy]
requote_ticks = 1
refusal_pause_ms = 1
[journal]
enabled = true
"""
TIMEOUT_S = 300.0


def churn(seconds: int, placement: str) -> Result:
    """Orders a second over a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        config, result = Path(folder, "bench.toml"), Path(folder, "result.json")
        raised = [f"{key} = {value}" for key, value in RAISED.items() if key in RiskConfig.__struct_fields__]
        config.write_text(PROFILE.format(risk="\n".join(raised)))
        command = [sys.executable, "-m", "procs.cli", "run", "--config", str(config), "--strategy", str(STRATEGY)]
        command += ["--duration", f"{seconds}s", "--placement", placement, "--out", str(Path(folder, "run"))]
        command += ["--json", str(result)]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": folder}
        with on_all_cores():
            said = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        if not result.exists():
            return rate(0, 1, said.stdout[-300:] + said.stderr[-300:])
        found = json.loads(result.read_bytes())
    return rate(found["orders"]["placed"], int(found["duration_s"] * 1e9), verdict(found))


def verdict(found: dict) -> str:
    """NONE_LOST, or what a run's result says is wrong."""
    orders, problems = found["orders"], list(found["problems"])
    ended = orders["acked"] + orders["rejected"]
    if orders["placed"] == 0 or orders["placed"] != ended or orders["unknown"]:
        problems.append(f"{orders['placed']} placed, {ended} answered, {orders['unknown']} unknown")
    return NONE_LOST if not problems else "; ".join(problems)
