"""Why a captured packet was lost: what the prediction of its flow says, where the packet went as predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hostgw.capture.describe import address, describe
from hostgw.capture.expected import as_predicted, compared
from hostgw.capture.frames import ICMP, TCP, UDP, Frame
from hostgw.capture.journeys import JourneyView
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.capture.verdicts import wants_answer
from hostgw.capture.witness import Dropped, said
from hostgw.errors import UsageError
from hostgw.live.view import View
from hostgw.model.path import Outcome, Query
from hostgw.paths.predict import find_end, predict

PROTOCOLS: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}


def likely_reason(view: View, journey: JourneyView, points: Mapping[int, TapPoint], capture: Capture) -> str:
    """Return why a packet was lost: by an ICMP error or else the prediction, with the kernel's word; or nothing.

    Args:
        view: the hosts.
        journey: the packet.
        points: the capture's taps.
        capture: the capture, for what else came in.
    """
    return explained(_told(journey, capture) or _predicted(view, journey, points), capture.drop_of(journey))


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


def _predicted(view: View, journey: JourneyView, points: Mapping[int, TapPoint]) -> str:
    """Return why it is lost where it was seen last, if that is predicted; answers are not predicted by themselves."""
    frame = journey.first.frame
    asks = not journey.request and (wants_answer(frame) or frame.protocol == UDP)
    if frame.version != 4 or frame.protocol not in PROTOCOLS or not asks:
        return ""
    try:
        source, destination = (find_end(view.fabric, view.mesh, address(end, 4)) for end in _ends(frame))
        leg = predict(view.fabric, source, destination, _query(frame)).forward
    except UsageError:
        return ""  # it comes from a machine that is not listed
    seen = as_predicted(compared(leg, journey.sightings, points))
    return leg.reason if seen and leg.outcome is Outcome.LOST else ""


def _ends(frame: Frame) -> tuple[int, int]:
    return frame.source, frame.destination


def _query(frame: Frame) -> Query:
    return Query(PROTOCOLS[frame.protocol], max(0, frame.destination_port), max(0, frame.source_port))
