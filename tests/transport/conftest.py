"""What the transport suite's tests share: a way to say how far a long one has come."""

import pytest

from tests.transport.crew import Report


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Writes a line to the terminal in a slow test; nothing in a quick one."""
    plugins = request.config.pluginmanager
    terminal, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
    if terminal is None or capture is None or request.node.get_closest_marker("slow") is None:
        return lambda line: None

    def write(line: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"  {line}")

    return write
