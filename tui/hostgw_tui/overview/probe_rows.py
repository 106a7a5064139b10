"""What the last round of probes says of a cell of the mesh, and where there was none, how to send one."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.live.view import View
from hostgw.model.ip import Prefix
from hostgw_tui.look import ANSWERS, Line, Part, Sign, Tone, line

NOT_TRIED = line(
    Part("  That was read, not tried: ", Tone.DIM),
    "probe all",
    Part(" in the palette (", Tone.DIM),
    Part(":", Tone.KEY),
    Part(") sends echo requests.", Tone.DIM),
)
NOT_SENT = Sign("?", "not sent", Tone.DIM)


def probe_lines(view: View, host: str, subnet: Prefix) -> Iterator[Line]:
    """Yield the probes from a host to a subnet, each with what came of it."""
    if view.fabric.probes is None:
        return
    from hostgw.probing.cells import by_cell
    from hostgw.probing.verdict import Verdict, trace, verdict
    from hostgw.probing.verdict import line as told

    for result in by_cell(view.fabric.probes, view.mesh).get((host, subnet), ()):
        sign = ANSWERS.get(verdict(result), NOT_SENT)
        yield line(Part("probe     ", Tone.DIM), Part(f"{sign.glyph} {told(result).removeprefix('probe ')}", sign.tone))
        if verdict(result) is Verdict.UNANSWERED:
            yield line(Part("          ", Tone.DIM), trace(result))
