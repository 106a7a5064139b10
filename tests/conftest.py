"""What every test needs of the process that runs it."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Hear the signals that nohup and background shells have their children ignore: tests send them to theirs."""
    for number, handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    os.environ["XDG_CONFIG_HOME"] = "/nonexistent"  # whoever runs the tests may have settings of their own
