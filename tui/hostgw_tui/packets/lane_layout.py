"""How wide the parts of the lane view are, and its two header lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from hostgw.capture.lanes import Lane
from hostgw_tui.look import Line, Part, Tone, line
from hostgw_tui.widgets.layout import fitted

LEAST_LANE, MOST_LANE = 10, 24
"""Cells of a lane: the least hold the TTL and a time."""
LEAST_RUNG, MOST_RUNG = 9, 26
"""The same in a ladder."""
GUTTER = 17
"""Cells of verdict, time and what the packet is."""
TIME_GUTTER = 10
"""Cells of a ladder's gutter."""
ADDRESS = 16
"""Cells of an address in the gutter, its blank among them."""
ADDRESSES_FROM = 118
"""Cells of the view from which addresses are shown; a terminal of 120 leaves so many beside a scrollbar."""
FOLDED_BELOW, ALWAYS_FOLDED_BELOW = 98, 78
"""Cells below which lanes that do not fit are folded, and below which all are."""


class LaneLayout(NamedTuple):
    """Where everything stands."""

    lanes: tuple[Lane, ...]
    folded: bool
    width: int
    gutter: int
    """Cells at the left that stay."""
    lane: int
    """Cells of a lane."""
    first: int = 0
    """The first lane that is shown."""
    addresses: int = 0
    """How many of a packet's two addresses are in the gutter."""

    @property
    def shown(self) -> int:
        """How many lanes fit."""
        return max(1, min(len(self.lanes), (self.width - self.gutter) // self.lane))

    @property
    def last_first(self) -> int:
        """The first lane when scrolled as far as it goes."""
        return len(self.lanes) - self.shown

    def x(self, lane: int) -> int:
        """Return where a lane stands, from the end of the gutter."""
        return (lane - self.first) * self.lane


def lane_layout(
    width: int, opened: tuple[Lane, ...], folded: tuple[Lane, ...], fold: bool | None, first: int
) -> LaneLayout:
    """Return the layout for a view of `width` cells.

    Args:
        width: cells.
        opened: a lane for each tap.
        folded: the same with ports and containers within their bridges.
        fold: whether to fold; None leaves it to the width.
        first: the first lane to show.
    """
    if fold is None:
        fits = len(opened) * LEAST_LANE <= width - GUTTER
        fold = width < ALWAYS_FOLDED_BELOW or (width < FOLDED_BELOW and not fits)
    chosen = folded if fold else opened
    count = max(1, len(chosen))
    fitting = (n for n in (2, 1) if width - GUTTER - n * ADDRESS >= count * LEAST_LANE)
    addresses = next(fitting, 0) if width >= ADDRESSES_FROM else 0
    gutter = GUTTER + addresses * ADDRESS
    return scrolled(LaneLayout(chosen, fold, width, gutter, LEAST_LANE, addresses=addresses), first, MOST_LANE)


def ladder_layout(
    width: int, opened: tuple[Lane, ...], folded: tuple[Lane, ...], fold: bool | None, first: int
) -> LaneLayout:
    """Return the layout of a ladder; as for lines, but lanes that do not fit are always folded by themselves."""
    if fold is None:
        fold = len(opened) * LEAST_RUNG > width - TIME_GUTTER
    return scrolled(LaneLayout(folded if fold else opened, fold, width, TIME_GUTTER, LEAST_RUNG), first, MOST_RUNG)


def scrolled(layout: LaneLayout, first: int, most: int) -> LaneLayout:
    """Return a layout whose lanes take what room there is, up to `most` cells, scrolled as far as that goes."""
    wide = (layout.width - layout.gutter) // max(1, len(layout.lanes))
    grown = layout._replace(lane=max(layout.lane, min(most, wide)))
    return grown._replace(first=max(0, min(first, grown.last_first)))


def heads(layout: LaneLayout, left: Line) -> tuple[Line, Line]:
    """Return the header: hosts, whose names stay while their lanes are scrolled, and interfaces.

    `left` heads the gutter.
    """
    seen = layout.lanes[layout.first : layout.first + layout.shown]
    groups = [(host, len(list(own))) for host, own in groupby(seen, key=lambda lane: lane.host)]
    hosts = [part for host, count in groups for part in _group(host, count * layout.lane)]
    return line(Part(" " * layout.gutter), *hosts), line(*left, *_labels(seen, layout.lane))


def _group(host: str, width: int) -> tuple[Part, ...]:
    name = fitted((Part(f"{host} ", Tone.NAME),), min(width, len(host) + 1))
    used = sum(len(part.text) for part in name)
    return (*name, Part("─" * max(0, width - used - 1) + " " * (width > used), Tone.DIM))


def gutter_head(layout: LaneLayout) -> Line:
    """Return what heads the gutter of lines."""
    texts = ("     TIME PACKET ", *("SOURCE", "DESTINATION")[: layout.addresses])
    widths = (GUTTER, *[ADDRESS] * layout.addresses)
    return tuple(Part(text.ljust(width), Tone.DIM) for text, width in zip(texts, widths, strict=True))


def _labels(seen: Sequence[Lane], width: int) -> list[Part]:
    cells = (fitted((Part(lane.label, Tone.STRONG),), width - 1) for lane in seen)
    return [part for cell in cells for part in (*cell, Part(" "))]


def extent(layout: LaneLayout) -> str:
    """Return for a title which lanes are shown; empty when all of them are."""
    if layout.shown >= len(layout.lanes):
        return ""
    return f"lanes {layout.first + 1}-{layout.first + layout.shown} of {len(layout.lanes)}, ← →"
