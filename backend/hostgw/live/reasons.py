"""Why a captured packet was lost: what the prediction of its flow says, where the packet went as predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hostgw.capture.describe import address, describe, mac
from hostgw.capture.expected import as_predicted, compared
from hostgw.capture.frames import ICMP, TCP, UDP, Frame
from hostgw.capture.journeys import JourneyView
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.verdicts import wants_answer
from hostgw.capture.witness import Dropped, said
from hostgw.checks.underlay_drops import between
from hostgw.errors import HostgwError
from hostgw.live.view import View
from hostgw.model.finding import Finding
from hostgw.model.path import Leg, Outcome, Query
from hostgw.paths.nearest import nearest
from hostgw.paths.predict import find_end, predict

PROTOCOLS: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}


class Why(NamedTuple):
    """Why a packet was lost."""

    reason: str = ""
    """Empty where nothing says it."""
    finding: Finding | None = None
    """What is found wrong there."""


def likely(view: View, journey: JourneyView, points: Mapping[int, TapPoint], capture: Capture) -> Why:
    """Return why a packet was lost: by an ICMP error or else the prediction, with the kernel's word.

    Args:
        view: the hosts.
        journey: the packet.
        points: the capture's taps.
        capture: the capture, for what else came in.
    """
    leg = _predicted(view, journey, points, capture)
    reason = _told(journey, capture) or (leg.reason if leg else "")
    if not reason and (receiver := never_reached(view, journey, points)):
        sender = points[journey.last.tap]
        found = between(sender.host, receiver, view.fabric, view.mesh)
        return Why(f"left {sender.name}, never reached {receiver}: the underlay drops it", found)
    return Why(explained(reason, capture.drop_of(journey)), nearest(view.listed, leg) if leg else None)


def never_reached(view: View, journey: JourneyView, points: Mapping[int, TapPoint]) -> str:
    """Return the host whose NIC a container's packet was sent to, and which is watched and saw nothing of it."""
    last, frame = points[journey.last.tap], journey.last.frame
    if not (last.underlay and journey.last.outbound and last.ns == 0):
        return ""
    if not any(subnet.prefix.contains(frame.source) for subnet in view.mesh.subnets):
        return ""
    watched = {point.host for point in points.values() if point.underlay and point.host != last.host}
    seen = {points[sighting.tap].host for sighting in journey.sightings}
    meant = (name for name in watched - seen if _has_mac(view, name, mac(frame.destination_mac)))
    return next(meant, "")


def _has_mac(view: View, name: str, address: str) -> bool:
    host = view.fabric.hosts.get(name)
    return host is not None and any(link.mac == address for link in host.root.links.values())


def _told(journey: JourneyView, capture: Capture) -> str:
    """Return what an ICMP error says of a packet."""
    error = capture.journey(journey.error) if journey.error else None
    if error is None:
        return ""
    frame = error.first.frame
    return f"{address(frame.source, frame.version)} says {describe(frame)}"


def explained(reason: str, drop: Dropped | None) -> str:
    """Return a reason with the kernel's word beside it, or the kernel's word alone."""
    if not reason:
        return said(drop) if drop else ""
    return f"{reason} (kernel: {drop.reason})" if drop else reason


def _predicted(view: View, journey: JourneyView, points: Mapping[int, TapPoint], capture: Capture) -> Leg | None:
    """Return the way on which a packet is lost where it was seen last, if that is predicted."""
    question = capture.journey(journey.request) if journey.request else journey
    frame = question.first.frame if question else None
    if frame is None or frame.version != 4 or frame.protocol not in PROTOCOLS:
        return None
    if not (wants_answer(frame) or frame.protocol == UDP):
        return None
    try:
        source, destination = (find_end(view.fabric, view.mesh, address(end, 4)) for end in _ends(frame))
        found = predict(view.fabric, source, destination, _query(frame))
    except HostgwError:
        return None  # it comes from a machine that is not listed, or goes to one that cannot be read
    leg = found.back if journey.request else found.forward
    if leg is None or leg.outcome is not Outcome.LOST:
        return None
    return leg if as_predicted(compared(leg, journey.sightings, points)) else None


def _ends(frame: Frame) -> tuple[int, int]:
    return frame.source, frame.destination


def _query(frame: Frame) -> Query:
    return Query(PROTOCOLS[frame.protocol], max(0, frame.destination_port), max(0, frame.source_port))
