"""The lane view's lines, as text: what stands where at which width."""

from __future__ import annotations

import pytest

from hostgw.capture.journey_rows import hop_rows, list_row
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.lanes import lane_numbers, lanes, way
from hostgw.capture.pyshark_adapter import Info
from hostgw_tui.look import Tone, plain
from hostgw_tui.output import ascii_text
from hostgw_tui.packets.lane_layout import LaneLayout, extent, gutter_head, heads, lane_layout
from hostgw_tui.packets.lane_rows import gutter, lane_line, seconds, short
from hostgw_tui.packets.rows import hop_table, journey_row, sign_of
from hostgw_tui.packets.texts import hops_title
from tests.unit.journey_views import POINTS, S, back, outside, there

OPEN, FOLDED = lanes(POINTS, folded=False), lanes(POINTS, folded=True)
TWO = {tap: point for tap, point in POINTS.items() if point.host != "ext"}


def laid_out(width: int, fold: bool | None = None, first: int = 0) -> LaneLayout:
    return lane_layout(width, OPEN, FOLDED, fold, first)


def drawn(view: JourneyView, layout: LaneLayout, verdict: Verdict = Verdict.ANSWERED, error: int = 0) -> str:
    found = way(view, lane_numbers(layout.lanes), POINTS, lambda _tap: error, lambda mac: f"vm{mac[-1]}/eth0")
    left = gutter(view, S, sign_of(verdict), layout.addresses, Tone.OK)
    return plain(lane_line(left, found, layout, verdict, Tone.OK)).rstrip()


def test_80_columns() -> None:
    layout = laid_out(79)
    top, below = (plain(each).rstrip() for each in heads(layout, gutter_head(layout)))
    assert layout.folded
    assert top == "                 vm1 ─────────────────── vm2 ─────────────────── ext ───────"
    assert below == "     TIME PACKET br0         eth0        eth0        br0         eth0"
    assert drawn(there(), layout) == "✓  0.000 req 1   ●64───57µ──▶●63───13µ──▶●63───24µ──▶●62"
    assert drawn(back(), layout) == "✓  0.000 rep 1   ●62◀───5µ───●63◀──13µ───●63◀──12µ───●64"


def test_a_packet_that_is_lost_or_under_way() -> None:
    layout = laid_out(79)
    assert drawn(there(upto=4), layout, Verdict.LOST).endswith("●64───57µ──▶●63──✗ lost")
    assert drawn(there(upto=4), layout, Verdict.IN_FLIGHT).endswith("●64───57µ──▶●63──◌")
    assert drawn(there(), layout, Verdict.UNANSWERED).endswith("▶●62─✗ silent")
    view = back()
    cut = view._replace(sightings=view.sightings[:2])
    assert drawn(cut, layout, Verdict.LOST).endswith("   ✗ lost──●63◀──12µ───●64")
    alone = view._replace(sightings=view.sightings[-1:])
    assert drawn(alone, layout, Verdict.LOST).endswith("●62──✗ lost")


def test_snat_is_marked_by_a_letter_and_by_a_word_where_there_is_room() -> None:
    assert "●64───254µ──▶●63S────────────────23µ───────────────▶●62" in drawn(outside(), laid_out(82))
    assert "▶●63 SNAT──" in drawn(outside(), laid_out(119, fold=True))


def test_addresses_from_120_columns() -> None:
    assert laid_out(118, fold=True).addresses == 2
    assert laid_out(117, fold=True).addresses == 0
    assert laid_out(119, fold=False).addresses == 0
    assert "10.239.0.2      10.239.1.2      ●64" in drawn(there(), laid_out(119, fold=True))


def test_whom_a_frame_is_sent_to_where_there_is_room() -> None:
    assert "vm4/eth0 57µ" in drawn(there(), laid_out(199, fold=True))


@pytest.mark.parametrize(("width", "folded"), [(60, True), (77, True), (97, True), (98, False), (140, False)])
def test_folded_by_itself(width: int, folded: bool) -> None:
    assert laid_out(width).folded is folded
    few = lane_layout(width, OPEN[:4], FOLDED[:2], None, 0)
    assert few.folded is (width < 78)


def test_lanes_scroll_behind_the_gutter_and_under_their_host() -> None:
    layout = laid_out(60, fold=False, first=3)
    assert extent(layout) == "lanes 4-7 of 9, ← →"
    top, below = (plain(each).rstrip() for each in heads(layout, gutter_head(layout)))
    assert top == "                 vm1 ───── vm2 ─────────────────────────"
    assert below == "     TIME PACKET eth0      eth0      br0       veth-c1"
    assert drawn(there(), layout) == "✓  0.000 req 1   ●63──13µ─▶●63──24µ─▶●62──1µ──▶●62──16µ─▶"
    assert laid_out(60, fold=False, first=99).first == 5
    assert laid_out(60, fold=False, first=-1).first == 0


def test_a_leap_over_others_is_dotted() -> None:
    view = back()
    looped = view._replace(sightings=(*view.sightings[:2], *outside().sightings[2:]))
    assert "┄" not in drawn(view, laid_out(79))
    assert drawn(looped, laid_out(79)).endswith("●63◀──12µ───●64  ┄135µ┄▶●62SD")


def test_pieces_and_doubt() -> None:
    view = there()._replace(pieces=(1, 1, 1, 3, 3, 1, 1, 1))
    assert "●63×3─" in drawn(view, laid_out(79))
    assert sign_of(Verdict.LOST, 0, 2, "vm1/br0").word == "ambiguous (2)"
    assert hops_title(7, False, " · lost after vm1/br0", 2) == "hops of packet 7 · ambiguous (2) · lost after vm1/br0"
    rows = hop_table(hop_rows(view, POINTS), raw_macs=False)
    assert plain(rows[4].cells[7]) == "63×3"
    listed = list_row(view._replace(ambiguous=1), (), Info(0, "ICMP", ""), Verdict.LOST, POINTS[0])
    assert listed.ttls == "64 64 64 63×3 63×3 62 62 62"
    assert plain(journey_row(listed, S).cells[5]) == "✗ ambiguous (1)"


def test_ascii_is_as_wide() -> None:
    text = drawn(there(), laid_out(79))
    assert ascii_text(text) == "+  0.000 req 1   *64---57u-->*63---13u-->*63---24u-->*62"


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0.000"), (99_999 * 10**6, "99.999"), (123_456 * 10**6, "123.46"), (-5, "0.000"), (1234 * 10**9, "1234s")],
)
def test_seconds(ns: int, text: str) -> None:
    assert seconds(ns) == text
    assert len(text) <= 6


def test_short_names() -> None:
    assert short(there().first.frame) == "req 1"
    assert short(back().first.frame) == "rep 1"
