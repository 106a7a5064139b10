"""Which flow a packet belongs to, whichever way it goes and however its addresses are translated on it. Pure."""

from __future__ import annotations

from zlib import crc32

from hostgw.capture.frames import Frame
from hostgw.capture.journeys import JourneyView

Flow = tuple[int, tuple[int, int], tuple[int, int]]
"""Protocol (of what is no IP, the ethertype) and both ends in a fixed order: address, and port or ICMP id."""
FLOWLESS: Flow = (-1, (-1, -1), (-1, -1))
"""Of what has neither addresses nor a protocol."""


def flow(frame: Frame) -> Flow:
    """Return the flow of a frame as it is at a tap; that of an ICMP error is the flow of the packet it speaks of."""
    if frame.quoted is not None:
        return flow(frame.quoted)
    if frame.source < 0:
        return FLOWLESS if frame.ethertype < 0 else (frame.ethertype, *FLOWLESS[1:])
    kind = frame.protocol if frame.version > 0 else frame.ethertype
    ports = (frame.icmp_id, frame.icmp_id) if frame.icmp_id >= 0 else (frame.source_port, frame.destination_port)
    one, other = sorted(((frame.source, ports[0]), (frame.destination, ports[1])))
    return kind, one, other


def flows(view: JourneyView) -> frozenset[Flow]:
    """Return the flows of a packet: more than one where its addresses were translated on the way."""
    return frozenset(flow(sighting.frame) for sighting in view.sightings)


def flow_number(view: JourneyView, numbers: int) -> int:
    """Return a number below `numbers` that packets of one flow share, in both directions and in every capture."""
    return crc32(repr(min(flows(view))).encode()) % numbers
