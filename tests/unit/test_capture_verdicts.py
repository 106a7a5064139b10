"""Delivered, lost, unanswered, gap, unknown: what eight taps on two hosts can tell, and what they must not claim."""

from __future__ import annotations

import pytest

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, CONTAINER, NIC, PORT, JourneyView, Verdict
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.verdicts import TapSight, verdict
from tests.unit.capture_frames import arp, echo, frame, ipv4, number, tcp, udp

S = 1_000_000_000
ARP = b"\x08\x06"
C1, C2, NIC1, NIC2, BR1, BR2 = (
    number(text) for text in ("10.239.0.2", "10.239.1.2", "10.5.7.60", "10.5.7.61", "10.239.0.1", "10.239.1.1")
)
WAY = [(0, True), (1, False), (2, False), (3, True), (4, False), (5, True), (6, True), (7, False)]
"""Tap and direction of a packet from c1 on vm1 to c2 on vm2."""


def points(*, only_exit: bool = True) -> dict[int, TapPoint]:
    """Return the taps: container, port, bridge and NIC on each host."""
    found = []
    for host, name, own, nic, bridge in (("vm1", "c1", C1, NIC1, BR1), ("vm2", "c2", C2, NIC2, BR2)):
        root, near = frozenset({nic, bridge}), frozenset({own, nic, bridge})
        words = {"near": near, "held": root}
        found += [
            TapPoint(host, 1, 2, "eth0", name, CONTAINER, addresses=frozenset({own}), held=frozenset({own}), near=near),
            TapPoint(host, 0, 4, "veth1", None, PORT, addresses=frozenset({own}), **words),
            TapPoint(host, 0, 3, "br0", None, BRIDGE, bridge=True, addresses=frozenset({own, bridge}), **words),
            TapPoint(host, 0, 2, "eth0", None, NIC, True, addresses=frozenset({nic}), only_exit=only_exit, **words),
        ]
    return dict(enumerate([*found[:4], *reversed(found[4:])]))


def taps(*, closed: tuple[int, ...] = (), missed: tuple[int, ...] = (), only_exit: bool = True) -> dict[int, TapSight]:
    known = points(only_exit=only_exit)
    return {tap: TapSight(point, tap not in closed, (S,) if tap in missed else ()) for tap, point in known.items()}


def seen(body: bytes, *way: tuple[int, bool], broadcast: bool = False) -> JourneyView:
    """Return the journey of a packet that was seen so."""
    c = Correlator()
    orders = {tap: point.order for tap, point in points().items()}
    for step, (tap, outbound) in enumerate(way):
        raw = body if body[12:14] == ARP else frame(body, 1, 2)
        c.add(tap, S + step, outbound, decode(b"\xff" * 6 + raw[6:] if broadcast else raw))
    return c.view(next(c.newest(1)), orders)


def judged(view: JourneyView, after: int = 4 * S, **how: object) -> Verdict:
    return verdict(view, S + after, taps(**how), 2 * S)  # type: ignore[arg-type]


ECHO = ipv4(1, echo(1))
DATAGRAM = ipv4(17, udp(1, 2))
OUTSIDE = ipv4(1, echo(1), destination="192.0.2.9")


def test_what_is_refused_where_it_arrives_is_not_lost() -> None:
    arrived = seen(DATAGRAM, *WAY)._replace(error=9)
    assert judged(arrived) is Verdict.DELIVERED
    assert judged(seen(DATAGRAM, *WAY[:4])._replace(error=9)) is Verdict.LOST


def test_all_the_way() -> None:
    assert judged(seen(ECHO, *WAY)) is Verdict.UNANSWERED
    assert judged(seen(ECHO, *WAY), S) is Verdict.IN_FLIGHT
    assert judged(seen(DATAGRAM, *WAY)) is Verdict.DELIVERED
    assert judged(seen(DATAGRAM, *WAY), S) is Verdict.DELIVERED


@pytest.mark.parametrize("last", range(1, 7))
def test_lost_after_every_tap_that_another_should_follow(last: int) -> None:
    view = seen(ECHO, *WAY[:last])
    assert judged(view) is Verdict.LOST
    assert judged(view, S) is Verdict.IN_FLIGHT
    assert judged(view, missed=(7,)) is Verdict.UNKNOWN
    assert judged(view, missed=(last - 1,)) is Verdict.UNKNOWN


def test_without_a_tap_that_should_see_it_nothing_is_claimed() -> None:
    beyond = (4, 5, 6, 7)
    assert judged(seen(ECHO, *WAY[:4]), closed=beyond) is Verdict.UNANSWERED
    assert judged(seen(DATAGRAM, *WAY[:4]), closed=beyond) is Verdict.UNKNOWN
    assert judged(seen(ECHO, *WAY[:6]), closed=(6, 7)) is Verdict.UNANSWERED
    assert judged(seen(DATAGRAM, *WAY[:6]), closed=(6, 7)) is Verdict.DELIVERED


def test_what_goes_outside_is_lost_only_in_front_of_the_only_nic() -> None:
    assert judged(seen(OUTSIDE, *WAY[:4])) is Verdict.UNANSWERED
    assert judged(seen(OUTSIDE, *WAY[:3])) is Verdict.LOST
    assert judged(seen(OUTSIDE, *WAY[:3]), only_exit=False) is Verdict.UNANSWERED
    assert judged(seen(OUTSIDE, *WAY[:3]), closed=(3,)) is Verdict.UNANSWERED


def test_the_hosts_own_addresses_are_reached_where_its_stack_takes_them() -> None:
    for address in ("10.5.7.60", "10.239.0.1"):
        to_host = ipv4(17, udp(1, 2), destination=address)
        assert judged(seen(to_host, *WAY[:3])) is Verdict.DELIVERED
    remote = ipv4(17, udp(1, 2), destination="10.239.1.1")
    assert judged(seen(remote, *WAY[:5])) is Verdict.DELIVERED
    assert judged(seen(remote, *WAY[:4])) is Verdict.LOST


def test_between_ports_of_a_bridge_the_bridge_sees_nothing() -> None:
    neighbour = ipv4(17, udp(1, 2), destination="10.239.0.3")
    known = taps()
    behind = known[2].point
    wider = {name: frozenset({*getattr(behind, name), number("10.239.0.3")}) for name in ("addresses", "near")}
    near = wider["near"]
    known = {tap: sight._replace(point=with_near(sight.point, near)) for tap, sight in known.items()}
    known[2] = known[2]._replace(point=with_near(behind, near, wider["addresses"]))
    assert verdict(seen(neighbour, *WAY[:2]), 5 * S, known, 2 * S) is Verdict.UNKNOWN


def with_near(point: TapPoint, near: frozenset[int], addresses: frozenset[int] | None = None) -> TapPoint:
    fields = {name: getattr(point, name) for name in point.__struct_fields__}
    same = point.host == "vm1"
    return TapPoint(**{**fields, "near": near if same else point.near, "addresses": addresses or point.addresses})


def test_broadcasts_and_arp_are_never_lost() -> None:
    assert judged(seen(ipv4(17, udp(67, 68), destination="10.239.0.255"), *WAY[:2], broadcast=True)) is Verdict.UNKNOWN
    assert judged(seen(arp(1, "10.239.0.2", "10.239.1.2"), *WAY[:3])) is Verdict.UNANSWERED


def test_a_bridge_that_missed_a_routed_packet_is_a_gap() -> None:
    way = [step for step in WAY if step[0] != 5]
    assert judged(seen(DATAGRAM, *way)) is Verdict.GAP
    assert judged(seen(DATAGRAM, *way), closed=(5,)) is Verdict.DELIVERED


def test_a_first_segment_wants_an_answer_and_others_do_not() -> None:
    assert judged(seen(ipv4(6, tcp(1, 2, 0, 0, 2)), *WAY)) is Verdict.UNANSWERED
    assert judged(seen(ipv4(6, tcp(1, 2, 0, 0, 16)), *WAY)) is Verdict.DELIVERED
