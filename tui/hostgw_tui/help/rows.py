"""Help: the keys of a screen and the glyphs, made from the registry and the tables of verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw_tui.actions import EVERYWHERE, TITLES, Action, keys_text, of
from hostgw_tui.look import ANSWERS, STANDINGS, Line, Part, Tone, cell, line
from hostgw_tui.packets.help_lines import packet_lines

MOVING = (
    ("↑ ↓ j k", "move the cursor; ← → in the matrix"),
    ("g G", "first and last row; page up and page down by pages"),
    ("tab", "next table of the screen; shift+tab the one before"),
)

PAUSE = "app.pause"
"""What it does with a recording is another thing."""


def help_lines(scope: str, recording: bool = False) -> Iterator[Line]:
    """Yield the help of a screen; of a recording, first what moves its time."""
    own = [action for action in of(scope) if action.scope != EVERYWHERE]
    shared = [action for action in of(scope) if action.scope == EVERYWHERE]
    if recording:
        yield cell("In this recording", Tone.STRONG)
        yield from (_key(keys_text(pause), "let time go on, or stand still") for pause in shared if pause.name == PAUSE)
        moving = [action for action in of("replay") if action.keys]
        yield from (_key(keys_text(action), action.tooltip.removeprefix("of a recording: ")) for action in moving)
        yield ()
    yield cell(f"On {TITLES[scope]}", Tone.STRONG)
    yield from (_action(action) for action in own if action.keys)
    yield ()
    yield cell("Everywhere", Tone.STRONG)
    yield from (_action(action) for action in shared if action.keys and not (recording and action.name == PAUSE))
    yield from (_key("G" if recording and keys == "g G" else keys, what) for keys, what in MOVING)
    yield ()
    if scope == "packets":
        yield from packet_lines()
    else:
        yield from _standings()
    yield ()
    yield cell("A key never changes a host by itself: f and u open a preview, and only a in it applies.", Tone.DIM)


def _standings() -> Iterator[Line]:
    yield cell("Verdicts", Tone.STRONG)
    for standing, sign in STANDINGS.items():
        yield line(Part(f"  {sign.glyph} {sign.word:<13}", sign.tone), MEANINGS[standing.value])
    yield cell("  and where the route is ok, after probe all (in the palette):", Tone.DIM)
    for verdict, sign in ANSWERS.items():
        yield line(Part(f"  {sign.glyph} {sign.word:<13}", sign.tone), PROBED[verdict])


MEANINGS = {
    "own": "the host's own subnet",
    "ok": "the route leads to the owner",
    "missing": "no route, or only by a detour",
    "wrong": "another next hop than the owner",
    "off-segment": "the next hop is on no shared segment",
    "blocked": "blackhole, unreachable or prohibit",
    "shadowed": "a longer prefix takes a part elsewhere",
    "duplicate": "several routes, a wrong one among them",
    "looped": "the own subnet is routed away",
    "tunnelled": "by a tunnel, so not host-gw",
    "unknown": "the host could not be read",
    "none": "no route is expected",
}


PROBED = {
    "answered": "echo requests to a container there are answered",
    "unanswered": "they are not",
    "source-rewritten": "they arrive with another source (SNAT)",
    "detour": "by more hosts than need be",
    "large-vanish": "large ones are lost without a word",
    "partly-answered": "not all are answered",
}


def _action(action: Action) -> Line:
    return _key(keys_text(action), action.tooltip)


def _key(keys: str, what: str) -> Line:
    return line(Part(f"  {keys:<10}", Tone.KEY), what)
