"""Journeys as rows: for the live list, and for the hop table that says what changed at each tap. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from hostgw.capture.clocks import UNKNOWN
from hostgw.capture.describe import address, destination, mac, source
from hostgw.capture.journeys import Change, JourneyView, Sighting, Verdict, changes
from hostgw.capture.pyshark_adapter import Info
from hostgw.capture.tap_points import TapPoint
from hostgw.model.kernel import Link

GLYPHS, ASCII_GLYPHS = ("●", "·"), ("o", ".")
"""Seen at a tap, not seen."""

BROADCAST = "ff:ff:ff:ff:ff:ff"

Owner = Callable[[str], str]
ErrorNs = Callable[[int], int]
"""How wrong the times of a tap may be against those of taps on other hosts."""


class ListRow(NamedTuple):
    """A line of the live list."""

    number: int
    time_ns: int
    source: str
    destination: str
    protocol: str
    ttls: str
    """TTL at each tap in the order of the way, as ``64 63 63 62``."""
    taps: str
    """One glyph per tap, in the order of the capture's taps."""
    info: str
    verdict: Verdict
    lost_after: str = ""
    """Name of the last tap that saw a lost packet."""
    ambiguous: int = 0
    """Sightings that another packet could have claimed as well."""


class HopRow(NamedTuple):
    """A sighting in the hop table."""

    tap: int
    name: str
    direction: str
    delta_ns: int | None
    """Since the sighting before; None for the first."""
    delta: str
    """The same as text: ``=`` for one stamp shared by two taps; between hosts with ``±`` the clocks' error, and ``~``
    before what is within it."""
    source_mac: str
    source_owner: str
    destination_mac: str
    destination_owner: str
    source: str
    destination: str
    ttl: int
    changed: tuple[Change, ...]
    pieces: int = 1
    """Frames that the packet was in at this tap."""


def list_row(
    view: JourneyView,
    taps: Sequence[int],
    info: Info,
    verdict: Verdict,
    last: TapPoint | None = None,
    *,
    ascii_only: bool = False,
) -> ListRow:
    """Return the list's line for a journey; `taps` are the columns of glyphs, at `last` it was seen last."""
    first = view.first
    seen_glyph, missing_glyph = ASCII_GLYPHS if ascii_only else GLYPHS
    seen = {sighting.tap for sighting in view.sightings}
    return ListRow(
        number=view.number,
        time_ns=first.time_ns,
        source=source(first.frame),
        destination=destination(first.frame),
        protocol=info.protocol,
        ttls=" ".join(_ttl(view, place) for place, s in enumerate(view.sightings) if s.frame.ttl >= 0),
        taps="".join(seen_glyph if tap in seen else missing_glyph for tap in taps),
        info=f"retransmission: {info.text}" if view.retransmission else info.text,
        verdict=verdict,
        lost_after=last.name if last and verdict is Verdict.LOST else "",
        ambiguous=view.ambiguous,
    )


def merely_answers(verdict: Verdict, request: int) -> bool:
    """Tell whether no more is known of a packet than that it answers `request`: its own end need not be seen."""
    return bool(request) and verdict in (Verdict.IN_FLIGHT, Verdict.UNKNOWN)


def pieces_at(view: JourneyView, place: int) -> int:
    """Return in how many frames a packet was at a tap of its way."""
    return view.pieces[place] if place < len(view.pieces) else 1


def times(pieces: int) -> str:
    """Return ``×3`` for three frames, nothing for one."""
    return f"×{pieces}" if pieces > 1 else ""


def _ttl(view: JourneyView, place: int) -> str:
    return f"{view.sightings[place].frame.ttl}{times(pieces_at(view, place))}"


def hop_rows(
    view: JourneyView,
    points: Mapping[int, TapPoint],
    owner: Owner = str,
    error_ns: ErrorNs = lambda _tap: 0,
) -> list[HopRow]:
    """Return the hop table of a journey.

    Args:
        view: the journey, with the times of one clock (see `Timing`).
        points: the capture's taps.
        owner: names the owner of a MAC address (see `mac_owners`), or returns it as it is.
        error_ns: how wrong the times of a tap may be; those of two taps add up.
    """
    rows = []
    previous: Sighting | None = None
    for place, sighting in enumerate(view.sightings):
        rows.append(_hop(previous, sighting, points, owner, error_ns)._replace(pieces=pieces_at(view, place)))
        previous = sighting
    return rows


def _hop(
    previous: Sighting | None,
    sighting: Sighting,
    points: Mapping[int, TapPoint],
    owner: Owner,
    error_ns: ErrorNs,
) -> HopRow:
    frame, point = sighting.frame, points.get(sighting.tap)
    macs = mac(frame.source_mac), mac(frame.destination_mac)
    delta = None if previous is None else sighting.time_ns - previous.time_ns
    return HopRow(
        tap=sighting.tap,
        name=point.name if point else f"tap {sighting.tap}",
        direction="out" if sighting.outbound else "in",
        delta_ns=delta,
        delta=_delta(previous, sighting, points, error_ns),
        source_mac=macs[0],
        source_owner=owner(macs[0]),
        destination_mac=macs[1],
        destination_owner=owner(macs[1]),
        source=address(frame.source, frame.version),
        destination=address(frame.destination, frame.version),
        ttl=frame.ttl,
        changed=tuple(sorted(changes(previous, sighting), key=list(Change).index)) if previous else (),
    )


def _delta(
    previous: Sighting | None,
    sighting: Sighting,
    points: Mapping[int, TapPoint],
    error_ns: ErrorNs,
) -> str:
    if previous is None:
        return duration(0)
    return "=" if one_stamp(previous, sighting, points) else elapsed(previous, sighting, points, error_ns)


def one_stamp(previous: Sighting, sighting: Sighting, points: Mapping[int, TapPoint]) -> bool:
    """Tell whether two taps of a host share a stamp, which is no measurement: the kernel stamps on arrival only."""
    return sighting.time_ns == previous.time_ns and _one_clock(previous, sighting, points)


def elapsed(earlier: Sighting, later: Sighting, points: Mapping[int, TapPoint], error_ns: ErrorNs) -> str:
    """Return the time between two sightings; between hosts with its error, and ``~`` before what it does not tell."""
    delta = later.time_ns - earlier.time_ns
    if _one_clock(earlier, later, points):
        return duration(delta)
    error = error_ns(earlier.tap) + error_ns(later.tap)
    shown = "" if error == 0 else "±?" if error >= UNKNOWN.error_ns else f"±{duration(error)}"
    return f"{_vague(delta, error)}{duration(delta)}{shown}"


def brief(earlier: Sighting, later: Sighting, points: Mapping[int, TapPoint], error_ns: ErrorNs) -> str:
    """Return the time between two sightings for an arrow: ``24µ``, ``=`` for one stamp, ``~3µ`` within the error."""
    if one_stamp(earlier, later, points):
        return "="
    delta = later.time_ns - earlier.time_ns
    told = duration(delta).replace("µs", "µ")
    if _one_clock(earlier, later, points):
        return told
    return f"{_vague(delta, error_ns(earlier.tap) + error_ns(later.tap))}{told}"


def _vague(delta: int, error: int) -> str:
    """Return the mark of a time between hosts that their clocks cannot tell; on a segment none is negative."""
    return "~" if abs(delta) <= error or delta < 0 else ""


def _one_clock(a: Sighting, b: Sighting, points: Mapping[int, TapPoint]) -> bool:
    before, here = points.get(a.tap), points.get(b.tap)
    return bool(before and here and before.host == here.host)


def duration(ns: int) -> str:
    """Return a time between taps; microseconds matter, so they are never rounded away below a millisecond."""
    if abs(ns) < 999_500:
        return f"{round(ns / 1000)}µs"
    if abs(ns) < 9_995_000:
        return f"{ns / 1e6:.1f}ms"
    return f"{round(ns / 1e6)}ms" if abs(ns) < 9_995_000_000 else f"{round(ns / 1e9)}s"


ASKED = 1024
"""MAC addresses whose owners are remembered; a capture may show any number."""
Ranked = Mapping[str, tuple[int, str]]
"""Owners by MAC address, each with how far it stands back behind others that share it."""


def mac_owners(places: Mapping[str, Sequence[Link]]) -> Owner:
    """Return what names the owner of a MAC address, such as ``vm1/br0``; an unknown address stays as it is.

    Args:
        places: devices by place: ``vm1`` for a host, ``vm1/c1`` for a container on it.
    """
    return owner_among([ranked(places)])


def ranked(places: Mapping[str, Sequence[Link]]) -> Ranked:
    """Return the owner of each MAC address of devices by place.

    A bridge without an address of its own borrows one from a port: then the bridge is the owner, for hosts and
    containers speak to the bridge. A device comes before the VLANs and bridges' ports that share its address.
    """
    found: dict[str, tuple[int, str]] = {}
    for place, links in places.items():
        for link in links:
            rank = _rank(link)
            if link.mac and link.kind != "loopback" and rank < found.get(link.mac, (9, ""))[0]:
                found[link.mac] = (rank, f"{place}/{link.name}")
    return found


def owner_among(hosts: Iterable[Ranked]) -> Owner:
    """Return what names the owner of a MAC address among the devices of many hosts; few addresses are asked for."""
    known = tuple(hosts)

    @lru_cache(ASKED)
    def owner(address: str) -> str:
        found = [held[address] for held in known if address in held]
        return min(found, key=itemgetter(0))[1] if found else _group(address)

    return owner


def _rank(link: Link) -> int:
    if link.kind == "bridge":
        return 0
    return 2 if link.master or link.kind in ("vlan", "macvlan") else 1


def _group(address: str) -> str:
    if address == BROADCAST:
        return "broadcast"
    return "multicast" if address[1:2] in tuple("13579bdf") else address
