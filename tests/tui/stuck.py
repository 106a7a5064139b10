"""A dashboard whose output is stuck: ``python -m tests.tui.stuck DIRECTORY LEAVE_S STOP_S SAME_S``.

It writes more than a terminal takes that nobody reads; the file `flooding` tells that it is about to, `stopped`
that the engine was stopped. With a file `hang` the engine's stop never returns; with `nohup` a hang-up is ignored.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from hostgw_tui import app
from hostgw_tui.app import HostgwApp
from hostgw_tui.departure import Departure, Patience
from tests.tui.fake import FakeEngine, one_missing


class Flooding(HostgwApp):
    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))
    directory = Path()

    def on_ready(self) -> None:
        self.call_later(self._flood)

    def _flood(self) -> None:
        (self.directory / "flooding").touch()
        while self._driver:
            self._driver.write("x" * 4096)


def main(directory: Path, patience: Patience) -> None:
    def stop() -> None:
        if (directory / "hang").exists():
            threading.Event().wait()
        (directory / "stopped").touch()

    if (directory / "nohup").exists():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    flooding = Flooding(FakeEngine(one_missing(), directory))
    flooding.directory = directory
    with Departure(flooding.leave, stop, sys.stdin.fileno(), patience):
        flooding.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Patience(*(float(word) for word in sys.argv[2:])))
