"""Why a captured packet was lost: what the prediction of its flow says, where the packet went as predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hostgw.capture.describe import address, describe
from hostgw.capture.expected import as_predicted, compared
from hostgw.capture.frames import ICMP, TCP, UDP, Frame
from hostgw.capture.journeys import JourneyView
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.verdicts import wants_answer
from hostgw.capture.witness import Dropped, said
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
    return Why(explained(reason, capture.drop_of(journey)), nearest(view.listed, leg) if leg else None)


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
