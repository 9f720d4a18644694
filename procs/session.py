"""One whole session: from a checked configuration to a result. What `trader run` does.

The only place that knows everything a run owns outside its processes: its folder, the epoch of its order ids,
its key, its descriptors, its log.
"""

import os
import signal
import time
from contextlib import ExitStack
from types import FrameType

import msgspec
import psutil

from procs.affinity import available_cores, pin, plan_cores
from procs.build import build_hash
from procs.config import RunConfig
from procs.errors import OperatorError
from procs.kill_switch import today
from procs.logs import Collector, LogQueues
from procs.placement import groups
from procs.plan import SUCCESSOR, LaunchPlan
from procs.recorded_market import with_recorded_market
from procs.snapshot import Taker
from procs.state_dir import StateDir, state_dir_of
from procs.summary import Summary, collect
from procs.supervisor import RunError, Supervisor
from procs.topology import problems
from procs.transport.authentication import Credentials
from procs.watcher import Watcher, make_out_dir
from shm.segment import new_run

SNAPSHOT_EVERY_S = 0.25


def run_session(config: RunConfig, watcher: Watcher | None = None) -> Summary:
    """Run until the duration, the recording, a signal or a failure ends it; nothing is left behind.

    Raises OperatorError for what must be mended first; then nothing has been started. A failure during the run
    is in the summary's problems.
    """
    found = problems()
    if found:
        raise OperatorError(*found)
    began = time.monotonic()
    watcher = watcher or Watcher()
    plan, log_queues = make_plan(with_recorded_market(config))
    with ExitStack() as stack:
        collector = Collector(log_queues, plan.out_dir / "log.jsonl", run=plan.run, symbols=plan.config.symbols)
        stack.callback(collector.stop, 1.0)
        # Forked before anything is pinned: what has to be compiled is compiled on every core.
        supervisor = Supervisor(plan, log_queues)
        stack.callback(supervisor.close)
        pin(plan.cores["supervisor"])
        collector.start()
        supervisor.family.on_loading = watcher.loading
        _catch_signals(supervisor, stack)
        summary = _trade(supervisor, watcher, began)
    (plan.out_dir / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    return summary


def make_plan(config: RunConfig) -> tuple[LaunchPlan, LogQueues]:
    """Everything that is decided before the first fork. Raises OperatorError."""
    cores = plan_cores(config.cores, available_cores(), fused=config.placement == "fused")
    run = new_run()
    out_dir = make_out_dir(config)
    kept = StateDir(state_dir_of(config))
    day_pnl_e8, day_peak_e8 = kept.day(today())
    config = msgspec.structs.replace(
        config,
        out_dir=str(out_dir),
        epoch=kept.next_epoch(),
        wall_offset_ns=time.time_ns() - time.monotonic_ns(),
        day_pnl_e8=day_pnl_e8,
        day_peak_e8=day_peak_e8,
        exchange=msgspec.structs.replace(config.exchange, recorded=bool(config.replay)),
    )
    config = msgspec.structs.replace(config, build=build_hash(config))
    (out_dir / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(config)))
    credentials = Credentials.fresh()
    descriptor, verifier = credentials.memory_descriptor(), credentials.verifier()
    del credentials
    names = [group.name for group in groups(config.placement)]
    eventfds = {name: os.eventfd(0, os.EFD_NONBLOCK) for name in (*names, SUCCESSOR)}
    log_queues = LogQueues.create([*names, SUCCESSOR])
    plan = LaunchPlan(run, config, cores, out_dir, eventfds, descriptor, verifier, log_queues.doorbell)
    return plan, log_queues


def _catch_signals(supervisor: Supervisor, stack: ExitStack) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        supervisor.interrupted = signal.Signals(number).name

    def press(number: int, frame: FrameType | None) -> None:
        supervisor.kill_switch.press(signal.Signals(number).name)

    for number, handler in ((signal.SIGINT, interrupt), (signal.SIGTERM, interrupt), (signal.SIGUSR1, press)):
        stack.callback(signal.signal, number, signal.signal(number, handler))


def _trade(supervisor: Supervisor, watcher: Watcher, began: float) -> Summary:
    config = supervisor.plan.config
    try:
        supervisor.start()
    except RunError as failure:
        supervisor.abort(str(failure))
        return Summary.failed(config.placement, str(failure))
    taker = Taker(supervisor.memory, supervisor.plan)
    next_look = 0.0

    def tick() -> None:
        nonlocal next_look
        if time.monotonic() >= next_look:
            next_look = time.monotonic() + SNAPSHOT_EVERY_S
            watcher.snapshot(taker.take())

    traded_from = time.monotonic()
    try:
        supervisor.trade(config.duration_s, tick)
    except RunError as failure:
        cpu = _cpu_percent(supervisor, traded_from)
        supervisor.abort(str(failure))
    except BaseException as error:
        # Whoever watches may fail as well, on a pipe that nobody reads: orders are cancelled all the same.
        supervisor.abort(f"the supervisor: {type(error).__name__}: {error}")
        raise
    else:
        cpu = _cpu_percent(supervisor, traded_from)
        supervisor.stop()
    supervisor.kill_switch.keep_day()
    duration_s = time.monotonic() - traded_from
    return collect(
        supervisor.memory,
        supervisor.plan,
        duration_s=duration_s,
        cpu_percent=cpu,
        began=began,
        failure=supervisor.failure,
        restarts=supervisor.recovery.restarts,
    )


def _cpu_percent(supervisor: Supervisor, since: float) -> dict[str, float]:
    """CPU of each process since it was started, in percent of one core over the trading time.

    `idle_poll`: what was taken of cores that had nothing else to do.
    """
    elapsed = max(time.monotonic() - since, 1e-3)
    percent = {}
    idle_s = sum(idle_poll.cpu_s for idle_poll in supervisor.idle_polls)
    for name, pid in {**supervisor.family.pids, "supervisor": os.getpid()}.items():
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent_s = times.user + times.system - supervisor.cpu_at_run.get(name, 0.0)
        percent[name] = 100 * (spent_s - (idle_s if name == "supervisor" else 0.0)) / elapsed
    if supervisor.idle_polls:
        percent["idle_poll"] = 100 * idle_s / elapsed
    return percent
