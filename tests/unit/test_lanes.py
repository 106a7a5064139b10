"""Where lanes stand, and what a packet's way over them is."""

from __future__ import annotations

from hostgw.capture.journeys import BRIDGE, NIC, PORT, Change
from hostgw.capture.lanes import Leap, lane_numbers, lanes, seen_lanes, way
from hostgw.capture.tap_points import TapPoint
from tests.unit.journey_views import BR1, IN1, NIC1, NIC2, POINTS, VETH1, back, outside, there

OPEN, FOLDED = lanes(POINTS, folded=False), lanes(POINTS, folded=True)
EXACT = lambda _tap: 0  # noqa: E731


def labels(found: tuple) -> list[str]:  # type: ignore[type-arg]
    return [f"{lane.host}/{lane.label}" for lane in found]


def test_the_first_host_ends_with_its_nic_and_the_others_begin_with_it() -> None:
    assert labels(OPEN) == [
        "vm1/c1/eth0", "vm1/veth-c1", "vm1/br0", "vm1/eth0",
        "vm2/eth0", "vm2/br0", "vm2/veth-c1", "vm2/c1/eth0", "ext/eth0",
    ]  # fmt: skip


def test_folded_lanes_hold_ports_and_containers() -> None:
    assert labels(FOLDED) == ["vm1/br0", "vm1/eth0", "vm2/eth0", "vm2/br0", "ext/eth0"]
    assert set(FOLDED[0].taps) == {BR1, VETH1, IN1}


def test_ports_are_folded_into_the_bridge_that_their_addresses_are_behind() -> None:
    points = {
        0: TapPoint("vm1", 0, 3, "br0", order=BRIDGE, addresses=frozenset({1})),
        1: TapPoint("vm1", 0, 4, "docker0", order=BRIDGE, addresses=frozenset({2})),
        2: TapPoint("vm1", 0, 5, "veth-d", order=PORT, addresses=frozenset({2})),
        3: TapPoint("vm1", 0, 6, "veth-?", order=PORT),
        4: TapPoint("vm1", 0, 2, "eth0", order=NIC),
    }
    assert [lane.taps for lane in lanes(points, folded=True)] == [(0, 3), (1, 2), (4,)]


def test_without_a_bridge_ports_share_a_lane() -> None:
    points = {tap: point for tap, point in POINTS.items() if tap in (VETH1, IN1, NIC1)}
    assert labels(lanes(points, folded=True)) == ["vm1/c1/eth0+1", "vm1/eth0"]


def test_lanes_that_saw_something() -> None:
    assert labels(seen_lanes(OPEN, frozenset({BR1, NIC2}))) == ["vm1/br0", "vm2/eth0"]


def test_a_packet_goes_from_lane_to_lane() -> None:
    found = way(there(), lane_numbers(OPEN), POINTS, EXACT)
    assert [stop.ttls for stop in found.stops] == [(64,), (64,), (64,), (63,), (63,), (62,), (62,), (62,)]
    assert [leap.time for leap in found.leaps] == ["9µ", "=", "48µ", "13µ", "24µ", "1µ", "16µ"]
    assert (found.end, found.heading) == (7, 1)
    assert [leap.owner for leap in found.leaps][2:5] == ["02:00:00:00:00:04", "", "02:00:00:00:00:06"]


def test_times_within_the_error_are_vague() -> None:
    found = way(there(), lane_numbers(OPEN), POINTS, lambda _tap: 10_000)
    assert [leap.time for leap in found.leaps][3] == "~13µ"


def test_folding_loses_no_time() -> None:
    opened, folded = (way(there(), lane_numbers(each), POINTS, EXACT) for each in (OPEN, FOLDED))
    assert [leap.time for leap in folded.leaps] == ["57µ", "13µ", "24µ"]
    assert sum(int(leap.time.strip("=µ") or 0) for leap in opened.leaps) == 57 + 13 + 24 + 17


def test_an_answer_heads_back() -> None:
    found = way(back(), lane_numbers(FOLDED), POINTS, EXACT)
    assert [(leap.start, leap.end) for leap in found.leaps] == [(3, 2), (2, 1), (1, 0)]
    assert found.heading == -1


def test_translations_are_marked_where_they_are_seen() -> None:
    found = way(outside(), lane_numbers(FOLDED), POINTS, EXACT)
    assert [Change.SNAT in stop.changed for stop in found.stops] == [False, True, False]
    assert found.leaps[1] == Leap(1, 4, "23µ", "02:00:00:00:00:09")


def test_a_packet_seen_once_heads_where_it_climbs_or_descends() -> None:
    numbers = lane_numbers(OPEN)
    view = there()
    headings = [way(view._replace(sightings=(s,)), numbers, POINTS, EXACT).heading for s in view.sightings]
    assert headings == [1] * 8
    answers = [way(back()._replace(sightings=(s,)), numbers, POINTS, EXACT).heading for s in back().sightings]
    assert answers == [-1] * 4


def test_a_lane_that_is_passed_twice_keeps_both_ttls() -> None:
    view = outside()
    again = view.sightings[1]
    hairpin = view._replace(sightings=(view.sightings[0], again, view.sightings[2], again))
    stop = way(hairpin, lane_numbers(FOLDED), POINTS, EXACT).stops[1]
    assert stop.ttls == (63,)
    looped = back()._replace(sightings=(*back().sightings, *there().sightings[3:5]))
    assert len(way(looped, lane_numbers(FOLDED), POINTS, EXACT).stops) == 4


def test_pieces_are_told_at_the_lane() -> None:
    view = there()._replace(pieces=(1, 1, 1, 3, 3, 1, 1, 1))
    assert [stop.pieces for stop in way(view, lane_numbers(FOLDED), POINTS, EXACT).stops] == [1, 3, 3, 1]


def test_sightings_without_a_lane_are_left_out() -> None:
    assert way(there(), {}, POINTS, EXACT).stops == ()
