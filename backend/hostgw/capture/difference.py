"""One packet at two taps, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hostgw.capture.describe import address, mac
from hostgw.capture.frames import TCP
from hostgw.capture.journey_rows import ErrorNs, Owner, elapsed, one_stamp, pieces_at
from hostgw.capture.journeys import JourneyView, Sighting
from hostgw.capture.tap_points import TapPoint

DIRECTION = "direction"
"""In or out as the tap's namespace sees it: no part of the packet, so nothing that changes with it."""


class FieldRow(NamedTuple):
    """A field of a packet at two taps. Checksums are none of them: on a veth they are often not worked out yet."""

    name: str
    first: str
    second: str
    differs: bool = False
    note: str = ""


def differences(
    view: JourneyView, places: tuple[int, int], points: Mapping[int, TapPoint], owner: Owner, error_ns: ErrorNs
) -> list[FieldRow]:
    """Return the fields of a packet at two places of its way, and the time between them.

    Args:
        view: the packet, with the times of one clock.
        places: which two of its sightings.
        points: the capture's taps.
        owner: names the owner of a MAC address.
        error_ns: how wrong the times of a tap may be.
    """
    one, other = view.sightings[places[0]], view.sightings[places[1]]
    rows = [FieldRow("time", "", "", note=_between(one, other, points, error_ns))]
    pairs = zip(_fields(one, owner), _fields(other, owner), strict=True)
    rows += [FieldRow(name, a, b, a != b and name != DIRECTION) for (name, a), (_, b) in pairs if a or b]
    pieces = pieces_at(view, places[0]), pieces_at(view, places[1])
    if max(pieces) > 1:
        rows.append(FieldRow("frames", str(pieces[0]), str(pieces[1]), pieces[0] != pieces[1]))
    return rows


def _between(one: Sighting, other: Sighting, points: Mapping[int, TapPoint], error_ns: ErrorNs) -> str:
    if one_stamp(one, other, points):
        return "= one stamp for both taps"
    return f"{elapsed(one, other, points, error_ns)} from the first to the second"


def _fields(sighting: Sighting, owner: Owner) -> Iterator[tuple[str, str]]:
    """Yield each field's name and value; empty where it is absent."""
    frame = sighting.frame
    yield DIRECTION, "out" if sighting.outbound else "in"
    yield "source MAC", _owned(mac(frame.source_mac), owner)
    yield "destination MAC", _owned(mac(frame.destination_mac), owner)
    yield "VLAN", _number(frame.vlan)
    yield "TTL", _number(frame.ttl)
    yield "source", address(frame.source, frame.version)
    yield "destination", address(frame.destination, frame.version)
    yield "source port", _number(frame.source_port)
    yield "destination port", _number(frame.destination_port)
    yield "ICMP id", _number(frame.icmp_id)
    yield "sequence", _number(frame.sequence)
    yield "acknowledged", _number(frame.ack) if frame.protocol == TCP else ""
    yield "IP id", _number(frame.ip_id)
    yield "length", _number(frame.length)


def _owned(text: str, owner: Owner) -> str:
    name = owner(text)
    return text if name == text else f"{text} {name}"


def _number(value: int) -> str:
    return str(value) if value >= 0 else ""
