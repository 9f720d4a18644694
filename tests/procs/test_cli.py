"""The command line: explains itself at once, refuses with exit code 2 and one line a problem, and never a traceback."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from procs.cli import COMMANDS, main
from procs.cli import progress as progress_module
from procs.cli.flags import cores_of, speed_of, tree_of
from procs.cli.progress import Loading
from procs.errors import OperatorError

ROOT = Path(__file__).resolve().parents[2]
LIGHT = "import sys\nfrom procs.cli import main\nassert not {'numba', 'numpy', 'msgspec', 'rich'} & set(sys.modules)"


@pytest.fixture
def runner() -> CliRunner:
    """Runs commands in this process."""
    return CliRunner()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_explains_itself_and_each_of_its_flags(runner: CliRunner, command: click.Command) -> None:
    result = runner.invoke(main, [str(command.name), "--help"])

    assert result.exit_code == 0
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert all(option.help for option in options)
    assert all(option.opts[0] in result.output for option in options)


def test_help_lists_the_commands_in_their_own_order(runner: CliRunner) -> None:
    output = runner.invoke(main, ["--help"]).output

    listed = [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line.strip()]
    assert [name for name in listed if name in main.commands] == [command.name for command in COMMANDS]


def test_help_loads_nothing_that_takes_long() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, cwd=ROOT)


def test_help_answers_at_once() -> None:
    best_s = min(_help_seconds() for _ in range(3))

    assert best_s < 0.3


def _help_seconds() -> float:
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "procs.cli", "--help"], check=True, capture_output=True, cwd=ROOT)
    return time.monotonic() - started_s


# fmt: off
REFUSED = [
    (["run", "--duration", "30"],             "--duration: found '30' (the unit is missing)"),
    (["run", "--duration", "-3s"],            "--duration: found '-3s'"),
    (["run", "--core", "book"],               "--core book: found 'book', allowed STAGE=N"),
    (["run", "--core", "book=999"],           "cores.book: found 999, allowed"),
    (["run", "--core", "bok=0"],              "cores.bok: found no such stage, allowed feed, book"),
    (["run", "--core", "book=0", "--core", "book=1"], "allowed one core a stage"),
    (["run", "--speed", "fast"],              "--speed: found 'fast', allowed a number such as 20, or max"),
    (["run", "--speed", "20"],                "speed: found 20, allowed 1 without a recording"),
    (["run", "--speed", "nan"],               "speed: found nan, allowed a finite number"),
    (["run", "--placement", "threads"],       "placement: found 'threads', allowed process, fused"),
    (["run", "--wait", "sleep"],              "wait: found 'sleep', allowed auto, spin, yield, futex"),
    (["run", "--replay", "nowhere.gz"],       "replay: found no file 'nowhere.gz'"),
    (["run", "--strategy", "nowhere.py"],     "strategy.file: found no file 'nowhere.py'"),
    (["run", "--config", "nowhere.toml"],     "nowhere.toml: found nothing to read"),
    (["run", "--profile", "live"],            "profile: found 'live', allowed paper, replay"),
    (["run", "--json", "nowhere/x.json"],     "--json: found no folder 'nowhere'"),
    (["book", "nowhere.gz"],                  "nowhere.gz: found nothing to read"),
    (["bench", "nope", "--smoke"],            "suite 'nope': found no such suite, allowed"),
]
# fmt: on


@pytest.mark.parametrize(
    ("arguments", "told"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_one_line_and_exit_code_2(runner: CliRunner, arguments: list[str], told: str) -> None:
    result = runner.invoke(main, arguments)

    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_every_problem_of_a_file_is_told_on_a_line_of_its_own(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[risk]\nposition_lots_max = -3\norder_lots_max = 0\n")

    result = runner.invoke(main, ["run", "--config", str(file)])

    assert result.exit_code == 2
    assert [line.partition(": found")[0] for line in result.stderr.splitlines()] == [
        "trader: risk.order_lots_max",
        "trader: risk.position_lots_max",
    ]


def test_a_wrong_strategy_is_refused_before_anything_starts(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "strategy.py"
    file.write_text("import numpy as np\nSTATE = np.dtype([('x', 'i8')])\ndef quote(state, book): ...\n")

    result = runner.invoke(main, ["run", "--strategy", str(file)])

    assert result.exit_code == 2
    assert "belief" in result.stderr
    assert not Path("runs").is_dir() or not any(Path("runs").glob("*/strategy.py"))


def test_topology_draws_every_stage_and_link(runner: CliRunner) -> None:
    from procs.topology import LINKS, STAGES

    result = runner.invoke(main, ["topology"])

    assert result.exit_code == 0
    assert all(stage.name in result.output for stage in STAGES)
    assert all(link.name in result.output for link in LINKS)


def test_init_writes_a_strategy_and_overwrites_nothing(runner: CliRunner, tmp_path: Path) -> None:
    first = runner.invoke(main, ["init", str(tmp_path / "mine")])
    again = runner.invoke(main, ["init", str(tmp_path / "mine")])

    assert first.exit_code == 0
    assert f"trader run --strategy {tmp_path / 'mine' / 'strategy.py'}" in first.output
    assert again.exit_code == 2
    assert "nothing was written" in again.stderr


def test_a_recording_is_verified(runner: CliRunner, tmp_path: Path, trader_data: Path) -> None:
    file = trader_data / "binance" / "usdm_btcusdt_20240808.gz"

    result = runner.invoke(main, ["book", str(file), "--verify", "--json", str(tmp_path / "book.json")])

    told = json.loads((tmp_path / "book.json").read_bytes())
    assert result.exit_code == 0
    assert (told["checked"], told["mismatched"], told["gaps"]) == (6545, 0, 0)


def test_the_version_is_told(runner: CliRunner) -> None:
    assert runner.invoke(main, ["--version"]).exit_code == 0


@pytest.mark.parametrize(("text", "speed"), [("max", 0.0), ("1", 1.0), ("0.5", 0.5), ("20", 20.0)])
def test_speeds_are_read(text: str, speed: float) -> None:
    assert speed_of(text) == speed


def test_cores_may_be_given_again_for_other_stages() -> None:
    assert cores_of(["book=1", "feed=0", "book=1"]) == {"book": 1, "feed": 0}
    with pytest.raises(OperatorError, match="found book=1 as well"):
        cores_of(["book=1", "book=0"])


def test_flags_that_were_not_given_leave_no_trace() -> None:
    assert tree_of({"a": None, "b.c": 1, "b.d": 0.0, "cores": {}}) == {"b": {"c": 1, "d": 0.0}}


def test_progress_is_silent_when_it_is_quick() -> None:
    file = io.StringIO()
    loading = Loading(file=file)
    for done in range(4):
        loading.update("stage book", done, 3)

    assert file.getvalue() == ""


def test_progress_of_a_real_wait_names_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "QUIET_S", 0.0)
    file = io.StringIO()
    loading = Loading(file=file)
    loading.update("stage feed", 0, 2)
    loading.update("stage book", 1, 2)
    loading.update("", 2, 2)

    assert file.getvalue().splitlines() == [
        "compiling 1/2: stage feed",
        "compiling 2/2: stage book",
        "compiling: 2 done in 0 s",
    ]
