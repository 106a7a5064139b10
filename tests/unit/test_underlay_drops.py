"""Frames that leave one host with a container's address and never reach the next: who is blamed, and on what ground."""

from __future__ import annotations

from msgspec import structs

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import decode
from hostgw.capture.journeys import BRIDGE, NIC, JourneyView
from hostgw.capture.tap_points import TapPoint
from hostgw.checks.underlay_drops import between
from hostgw.fabric import Fabric
from hostgw.live.reasons import never_reached
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.finding import Severity
from hostgw.model.kernel import Neighbour
from hostgw.model.probe import Claims, ProbeResult
from hostgw.wire import Row, Section
from tests.fabrics import altered, healthy
from tests.unit.capture_frames import echo, frame, ipv4
from tests.unit.test_checks_persistence import hardware, with_files
from tests.unit.test_probing import C1, C2, C3, SILENT, ids, judged, result

DMI = "/sys/class/dmi/id/"
ID = "underlay-drops-sources/vm1/eth0"


def vanished() -> ProbeResult:
    return result(**{**SILENT, "requested_at": ("c1 on vm1 eth0", "vm1 br0", "vm1 eth0")})


def known(fabric: Fabric, mac: str = "") -> Fabric:
    """vm1 has resolved vm2, to its own MAC or to another one."""
    address = mac or next(link.mac for link in fabric.hosts["vm2"].root.links.values() if link.name == "eth0")

    def resolved(rows: list[Row]) -> list[Row]:
        return [r for r in rows if not isinstance(r, Neighbour)] + [Neighbour(2, "10.5.7.61", address, "reachable")]

    return altered(fabric, "vm1", Section.NEIGHBOURS, resolved)


def test_what_left_one_nic_and_never_reached_the_next_is_the_underlays() -> None:
    (found,) = judged(known(healthy()), vanished())
    assert (found.id, found.entry, found.severity) == (ID, "U1", Severity.ERROR)
    assert found.summary == "packets of vm1's containers leave by eth0 and never reach vm2: the underlay drops them"
    assert any("knows 10.5.7.61 by the MAC address of vm2" in text for text in found.evidence)
    assert "the machine does not say whose it is (DMI)" in found.evidence


def test_a_reply_that_vanishes_blames_who_sent_it() -> None:
    lost = {**SILENT, "requested_at": ("vm2 eth0", "vm1 eth0"), "replied_at": ("c1 on vm1 eth0", "vm1 eth0")}
    (found,) = judged(known(healthy()), result(C2, C1, **lost))
    assert found.id == ID


def test_many_probes_of_one_sender_are_one_finding() -> None:
    claims = (Claims("vm1", "vm3", "10.5.7.62", ("02:00:00:00:00:03",)),)
    there = {**SILENT, "requested_at": ("vm1 eth0",)}
    (found,) = judged(known(healthy()), vanished(), result(C1, C3, **there), claims=claims)
    assert found.id == ID
    assert "never reach vm2, vm3" in found.summary


def test_a_segment_that_carries_nothing_is_another_matter() -> None:
    """vm1 does not know vm2's MAC address: that its containers' packets vanish says nothing of sources."""
    unknown = altered(healthy(), "vm1", Section.NEIGHBOURS, lambda _: [])
    assert ids(judged(unknown, vanished())) == ["probe-unanswered/vm1/10.239.0.2"]


def test_what_arrives_at_the_next_nic_is_not_the_underlays() -> None:
    arrived = result(**{**SILENT, "requested_at": ("vm1 eth0", "vm2 eth0")})
    assert ids(judged(known(healthy()), arrived)) == ["probe-unanswered/vm2/10.239.1.2"]


def test_the_machine_says_which_cloud_has_to_be_told() -> None:
    made = {f"{DMI}sys_vendor": {"value": "Amazon EC2"}}
    (found,) = judged(with_files(hardware(known(healthy())), "vm1", made), vanished())
    assert (found.id, found.entry) == (ID, "U2")
    assert "vm1 runs on AWS: the source check drops them" in found.evidence


# ---- a captured packet ----

POINTS = {
    0: TapPoint("vm1", 0, 3, "br0", order=BRIDGE, bridge=True),
    1: TapPoint("vm1", 0, 2, "eth0", order=NIC, underlay=True),
    2: TapPoint("vm2", 0, 2, "eth0", order=NIC, underlay=True),
}


def packet(source: str, last: int) -> JourneyView:
    """A packet from vm1 to vm2's container that was seen at the first taps, up to `last`."""
    correlator = Correlator()
    for tap in range(last + 1):
        sent = frame(ipv4(1, echo(1), source, "10.239.1.2", ttl=64 - min(tap, 1)), 1, 2)
        correlator.add(tap, 1_000 + tap, tap == 1, decode(sent))
    found = correlator.get(1)
    assert found
    return correlator.view(found, {tap: point.order for tap, point in POINTS.items()})


def seen_by(fabric: Fabric, view: JourneyView) -> str:
    """Return who was sent to and saw nothing, where the frame's destination MAC is that of vm2."""
    mac = view.last.frame.destination_mac.hex(":")
    rows = lambda held: [structs.replace(r, mac=mac) if r.name == "eth0" else r for r in held]  # noqa: E731
    fabric = altered(fabric, "vm2", Section.LINKS, rows)
    return never_reached(View(fabric, build(fabric)), view, POINTS)


def test_a_packet_that_left_and_never_came() -> None:
    assert seen_by(healthy(), packet("10.239.0.2", 1)) == "vm2"


def test_a_packet_that_never_left_or_came_or_is_the_hosts_own_says_nothing() -> None:
    assert seen_by(healthy(), packet("10.239.0.2", 0)) == ""
    assert seen_by(healthy(), packet("10.239.0.2", 2)) == ""
    assert seen_by(healthy(), packet("10.5.7.60", 1)) == ""


def test_it_becomes_a_finding_of_hosts_that_are_listed() -> None:
    fabric = known(healthy())
    found = between("vm1", "vm2", fabric, build(fabric))
    assert found
    assert found.id == ID
    assert "captured at vm1, never at vm2/eth0 (10.5.7.61)" in found.evidence
    assert between("vm1", "vm9", fabric, build(fabric)) is None
