"""What changed, as lines for people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from hostgw.live.differences import Difference, Event, finding_text
from hostgw.model.finding import Finding
from hostgw_tui.look import Line, Part, Tone, line

SIGNS = {"+": Tone.OK, "-": Tone.WARN, "~": Tone.NOTE}


def since(finding: Finding, events: Sequence[Event]) -> str:
    """Return since when a finding is there; empty when it was there when the hosts were first read."""
    named = (finding.host, "+", finding_text(finding))
    came = next((e for e in reversed(events) if (e.what.host, e.what.sign, e.what.text) == named), None)
    return f"since {time.strftime('%H:%M:%S', time.localtime(came.at))}" if came else ""


def event_lines(events: Sequence[Event]) -> Iterator[Line]:
    """Yield events, the newest first."""
    for event in reversed(events):
        when = time.strftime("%H:%M:%S", time.localtime(event.at))
        yield line(Part(f"{when} ", Tone.DIM), *difference_line(event.what))


def difference_line(what: Difference) -> Line:
    """Return what changed; a finding that came is bad news, and one that went is good."""
    finding = what.text.startswith(("error ", "warning "))
    tone = {"+": Tone.BAD, "-": Tone.OK}.get(what.sign, Tone.NOTE) if finding else SIGNS[what.sign]
    return line(Part(f"{what.sign} ", tone), Part(f"{what.host} ", Tone.NAME), what.text)


def difference_lines(found: Iterable[Difference]) -> tuple[Line, ...]:
    """Return differences, or that there are none."""
    return tuple(map(difference_line, found)) or (line("Nothing differs."),)
