"""What help says on the packets screen: marks of lanes, verdicts, filter words."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.capture.journeys import Verdict
from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.packets.rows import VERDICTS

MARKS = (
    ("●63", "seen at this tap, with this TTL; ●63×3 in three frames"),
    ("24µ", "on an arrow: the time to the next tap that saw it"),
    ("=", "both taps share one stamp: no time was measured"),
    ("~13µ", "between hosts, and less than their clocks can tell"),
    ("S D", "the source or the destination was translated here"),
    ("┄5µ┄▶", "it comes from farther away, over other taps"),
)
MEANINGS = {
    Verdict.IN_FLIGHT: "more may be seen of it yet",
    Verdict.DELIVERED: "it reached the namespace of its destination",
    Verdict.ANSWERED: "its answer was seen",
    Verdict.UNANSWERED: "it asks for an answer, and none was seen",
    Verdict.LOST: "the next tap on its way did not see it",
    Verdict.GAP: "a tap on its way did not see it, later ones did",
    Verdict.UNKNOWN: "no tap could tell, or one dropped frames",
}
WORDS = (
    ("verdict:lost", "also answered, unanswered, delivered, gap, ..."),
    ("proto:tcp", "protocol"),
    ("host:vm1", "a tap of this host saw it; tap:br0 one of this name"),
    ("addr:10.239.1.2", "address or prefix, before or after translation"),
    ("port:80", "either port"),
    ("flow:12", "the flow of packet 12, both ways; o types it"),
    ("!word", "turned round; several words must all match"),
)


def packet_lines() -> Iterator[Line]:
    """Yield the lines."""
    yield cell("Hop table", Tone.STRONG)
    yield line(Part("  space     ", Tone.KEY), "mark a tap, then move: both taps side by side")
    yield ()
    yield cell("Lanes and ladder", Tone.STRONG)
    yield from (line(Part(f"  {mark:<10}", Tone.NAME), meaning) for mark, meaning in MARKS)
    yield ()
    yield cell("Verdicts", Tone.STRONG)
    for verdict, meaning in MEANINGS.items():
        sign = VERDICTS[verdict]
        yield line(Part(f"  {sign.glyph} {sign.word:<13}", sign.tone), meaning)
    yield ()
    yield cell("Filter", Tone.STRONG)
    yield from (line(Part(f"  {word:<17}", Tone.CODE), meaning) for word, meaning in WORDS)
