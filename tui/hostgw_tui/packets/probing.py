"""Probes from the packets screen: choose two containers, ping, tell what came back."""

from __future__ import annotations

from concurrent.futures import Future

from textual import on
from textual.message import Message

from hostgw.errors import HostgwError
from hostgw.live.places import Place, containers
from hostgw.wire import ProbeReply
from hostgw_tui.look import Line
from hostgw_tui.packets.dialogs import ProbeDialog
from hostgw_tui.packets.rows import probe_lines
from hostgw_tui.widgets.main_screen import MainScreen


class Probing(MainScreen):
    """A main screen that can send probes."""

    class Probed(Message):
        """A probe has come back."""

        def __init__(self, lines: tuple[Line, ...]) -> None:
            super().__init__()
            self.lines = lines

    def action_probe(self) -> None:
        """Choose two containers and ping."""
        places = list(containers(self.view.fabric))
        if len(places) < 2:
            self.hostgw.tell("a probe needs two containers with addresses")
            return
        self.app.push_screen(ProbeDialog(places), self._probe)

    def _probe(self, chosen: tuple[Place, Place] | None) -> None:
        if chosen is None:
            return
        start, end = chosen
        names = f"{start[0]}/{start[2]}", f"{end[0]}/{end[2]} ({end[3]})"
        try:
            future = self.hostgw.engine.probe(start[0], start[1], end[3])
        except HostgwError as error:
            self.hostgw.tell(str(error), "error")
            return
        self.hostgw.tell(f"probe sent: {names[0]} to {names[1]}", timeout=1.5)
        future.add_done_callback(lambda done: self._probed(*names, done))

    def _probed(self, source: str, destination: str, future: Future[ProbeReply]) -> None:
        """Take the answers; called from a thread of the engine."""
        error = future.exception()
        reply = ProbeReply(0, (), str(error)) if error else future.result()
        self.post_message(self.Probed(tuple(probe_lines(source, destination, reply))))

    @on(Probed)
    def _show_probe(self, message: Probed) -> None:
        self.hostgw.read("probe", message.lines)
