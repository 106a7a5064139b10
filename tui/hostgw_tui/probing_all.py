"""What the app does of active checks: probes between all hosts, asked for by a person, told when they are through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from hostgw.errors import HostgwError
from hostgw_tui.changing import beside
from hostgw_tui.engine import Engine
from hostgw_tui.shell import READ_S, Shell

if TYPE_CHECKING:
    from hostgw.model.probe import Probes


class ProbingAll(Shell):
    """An app that has probes sent, one round at a time."""

    engine: Engine
    _probing = False

    class Probed(Message):
        """A round is through, or could not begin."""

        def __init__(self, text: str, good: bool) -> None:
            super().__init__()
            self.text, self.good = text, good

    def action_probe_all(self) -> None:
        """Send probes between the containers of all hosts; what they show joins the findings."""
        if self.engine.is_recording:
            self.tell("this is a recording: no host can be asked", "warning")
            return
        if self._probing:
            self.tell("probes are on their way")
            return
        self._probing = True
        self.tell("probing between all hosts; that may take half a minute …", timeout=READ_S)
        beside(self._probe_all)

    def _probe_all(self) -> None:
        try:
            self.engine.probe_all()
        except HostgwError as error:
            self.post_message(self.Probed(str(error), good=False))
        else:
            self.post_message(self.Probed(*told(self.engine.view().fabric.probes)))

    @on(Probed)
    def _probed(self, message: Probed) -> None:
        self._probing = False
        self.tell(message.text, "information" if message.good else "warning", READ_S)
        self.look_again()

    def look_again(self) -> None:
        """Have hosts report counters again where a screen shows them: a round ends that."""
        raise NotImplementedError


def told(probes: Probes | None) -> tuple[str, bool]:
    """Return in a sentence what came of a round, and whether all of it is well."""
    from hostgw.probing.verdict import Verdict, verdict

    if probes is None or not (probes.results or probes.skipped):
        return "nothing could be probed: no two hosts are up", False
    odd = sum(verdict(result) is not Verdict.ANSWERED for result in probes.results)
    skipped = f"; not probed: {len(probes.skipped)}" if probes.skipped else ""
    if odd:
        return f"{odd} of {len(probes.results)} probes went wrong{skipped}: see the findings", False
    return f"all {len(probes.results)} probes were answered as they should be{skipped}", not skipped
