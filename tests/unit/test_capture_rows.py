from __future__ import annotations

import msgspec

from hostgw.capture.clocks import Timing
from hostgw.capture.correlate import Correlator
from hostgw.capture.expected import Pair, as_predicted, compared
from hostgw.capture.frames import decode
from hostgw.capture.journey_rows import duration, hop_rows, list_row, mac_owners
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, Change, JourneyView, Verdict
from hostgw.capture.pyshark_adapter import Info
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.trace import Trace, traced
from hostgw.live.tracing import Traced, Tracing
from hostgw.model.kernel import Link
from hostgw.model.path import End, Hop, Leg, Outcome, Prediction, Query
from hostgw.report.trace import times, trace_text
from tests.unit.capture_frames import echo, frame, ipv4

S = 1_000_000_000
PREDICTION = Prediction(End("10.239.0.2", "vm1"), End("192.0.2.9"), Query(), Leg((), Outcome.UNKNOWN, "made up"))
POINTS = {
    0: TapPoint("vm1", 0, 7, "veth1", order=PORT),
    1: TapPoint("vm1", 0, 3, "br0", order=BRIDGE, bridge=True),
    2: TapPoint("vm1", 0, 2, "eth0", order=NIC, underlay=True),
    3: TapPoint("ext", 0, 2, "eth0", order=NIC),
    4: TapPoint("vm2", 1, 2, "eth0", container="c1", order=CONTAINER),
}


def journey() -> JourneyView:
    c = Correlator()
    body = echo(1, identifier=77)
    out = echo(1, identifier=99)
    c.add(0, S, False, decode(frame(ipv4(1, body, "10.239.0.2", "192.0.2.9"), 1, 2)))
    c.add(1, S, False, decode(frame(ipv4(1, body, "10.239.0.2", "192.0.2.9"), 1, 2)))
    c.add(2, S + 254_000, True, decode(frame(ipv4(1, out, "10.5.7.60", "192.0.2.9", ttl=63), 3, 4)))
    c.add(3, S + 277_000, False, decode(frame(ipv4(1, out, "10.5.7.60", "192.0.2.9", ttl=63), 3, 4)))
    found = c.get(1)
    assert found is not None
    return c.view(found, {tap: point.order for tap, point in POINTS.items()})


def test_list_row() -> None:
    row = list_row(journey(), range(5), Info(0, "ICMP", "echo"), Verdict.ANSWERED)
    assert (row.source, row.destination, row.protocol, row.ttls) == ("10.239.0.2", "192.0.2.9", "ICMP", "64 64 63 63")
    assert row.taps == "●●●●·"
    assert list_row(journey(), range(5), Info(0, "", ""), Verdict.UNKNOWN, ascii_only=True).taps == "oooo."


def test_list_row_of_a_lost_packet_names_its_last_tap() -> None:
    rows = [list_row(journey(), (), Info(0, "", ""), each, POINTS[3]) for each in (Verdict.LOST, Verdict.GAP)]
    assert [row.lost_after for row in rows] == ["ext/eth0", ""]


def test_hop_rows_say_what_changed() -> None:
    owner = mac_owners({"vm1": [Link(2, "eth0", mac="02:00:00:00:00:03")]})
    rows = hop_rows(journey(), POINTS, owner)
    assert [row.name for row in rows] == ["vm1/veth1", "vm1/br0", "vm1/eth0", "ext/eth0"]
    assert [row.changed for row in rows] == [(), (), (Change.MAC, Change.TTL, Change.SNAT, Change.ICMP_ID), ()]
    assert [row.delta for row in rows] == ["0µs", "=", "254µs", "23µs"]
    assert [row.delta_ns for row in rows] == [None, 0, 254_000, 23_000]
    assert (rows[2].source_owner, rows[2].source_mac) == ("vm1/eth0", "02:00:00:00:00:03")
    assert rows[2].destination_owner == "02:00:00:00:00:04"


def test_times_between_hosts_carry_their_error() -> None:
    rows = hop_rows(journey(), POINTS, error_ns=lambda _tap: 20_000)
    assert [row.delta for row in rows] == ["0µs", "=", "254µs", "~23µs±40µs"]


def test_the_probe_s_times_since_the_start() -> None:
    view = journey()
    pairs = (*(Pair(None, sighting) for sighting in view.sightings[:2]), Pair(None, None), Pair(None, view.last))
    timing = Timing({}, dict.fromkeys(POINTS, 20_000))
    probe = Traced(view, None, timing, Verdict.ANSWERED, pairs, ())
    found = Tracing(PREDICTION, POINTS, (probe,), Capture(lambda _host, _request: None, {}))
    assert list(times(found, probe, pairs)) == ["0µs", "=", "", "277µs±40µs"]
    text = "\n".join(trace_text(found, str))
    assert "   =\n" in text
    assert "  277µs±40µs" in text


def test_of_taps_of_one_host_the_order_tells_nothing_of_hosts_it_does() -> None:
    told = [("vm1", "veth1", "in", "10.239.0.2", 64), ("vm1", "br0", "in", "10.239.0.2", 64),
            ("vm1", "eth0", "out", "10.5.7.60", 63), ("ext", "eth0", "in", "10.5.7.60", 63)]  # fmt: skip
    hops = tuple(Hop(h, i, None, d, "", "", source, "192.0.2.9", ttl, 1500, "") for h, i, d, source, ttl in told)
    leg = Leg(hops, Outcome.DELIVERED, "", "ext", None)
    first, second, third, fourth = journey().sightings
    assert as_predicted(compared(leg, (first, second, third, fourth), POINTS))
    assert as_predicted(compared(leg, (second, first, third, fourth), POINTS))
    assert not as_predicted(compared(leg, (first, second, fourth, third), POINTS))
    assert not as_predicted(compared(leg, (second, third, fourth), POINTS))


def test_durations() -> None:
    found = [duration(ns) for ns in (0, 400, 1500, 999_000, 1_500_000, 40_000_000, 12_000_000_000, -7_000)]
    assert found == ["0µs", "0µs", "2µs", "999µs", "1.5ms", "40ms", "12s", "-7µs"]


def test_owner_of_a_borrowed_mac_is_the_bridge() -> None:
    shared, nic = "02:00:00:00:00:01", "02:00:00:00:00:02"
    links = [
        Link(7, "veth1", "veth", mac=shared, master=3),
        Link(3, "br0", "bridge", mac=shared),
        Link(9, "eth0.7", "vlan", mac=nic),
        Link(2, "eth0", mac=nic),
        Link(1, "lo", "loopback", mac="00:00:00:00:00:00"),
    ]
    owner = mac_owners({"vm1": links, "vm1/c1": [Link(2, "eth0", "veth", mac="02:00:00:00:00:09")]})
    assert [owner(shared), owner(nic), owner("02:00:00:00:00:09")] == ["vm1/br0", "vm1/eth0", "vm1/c1/eth0"]
    assert owner("ff:ff:ff:ff:ff:ff") == "broadcast"
    assert owner("01:00:5e:00:00:01") == "multicast"
    assert owner("02:aa:00:00:00:00") == "02:aa:00:00:00:00"
    assert owner("00:00:00:00:00:00") == "00:00:00:00:00:00"


def test_trace_document_has_the_shape_of_the_design() -> None:
    view = journey()
    found = msgspec.to_builtins(Trace((traced(view, None, Verdict.LOST, POINTS, reason="time exceeded"),)))
    assert found["schema"] == 1
    first = found["journeys"][0]
    assert (first["verdict"], first["lost_after"]) == ("lost", {"host": "ext", "interface": "eth0"})
    assert first["reply"] == {"sightings": ()}
    sighting = first["request"]["sightings"][2]
    assert list(sighting) == [
        "host", "interface", "namespace", "direction", "time_ns", "error_ns", "source_mac", "destination_mac",
        "source", "destination", "ttl", "changed",
    ]  # fmt: skip
    assert sighting["changed"] == ("mac", "ttl", "snat", "icmp-id")
