"""`path`: the predicted way there and back, as data and text."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.capture.journey_rows import Owner
from hostgw.model.path import Leg, Outcome, Prediction, Query
from hostgw.report.columns import aligned
from hostgw.report.model import PathReport

HEAD = ("tap", "", "MAC", "source", "TTL", "changed")
TTL = 4


def path_report(found: Prediction) -> PathReport:
    """Return a prediction as the document."""
    return PathReport(found.source, found.destination, found.query, found.works, found.forward, found.back)


def path_text(found: Prediction, owner: Owner) -> Iterator[str]:
    """Yield the lines of a prediction for people; `owner` names MAC addresses."""
    yield f"{found.source} -> {found.destination}, {kind(found.query)}"
    yield from _leg("there", found.forward, owner)
    if found.back:
        yield from _leg("back", found.back, owner)
    yield ""
    yield f"predicted: {conclusion(found)}"


def kind(query: Query) -> str:
    """Return what goes: ``icmp``, ``tcp port 80``, ``icmp of 1500 bytes with DF``."""
    port = f" port {query.port}" if query.port else ""
    size = f" of {query.length} bytes" if query.size else ""
    return f"{query.protocol}{port}{size}{' with DF' if query.whole else ''}"


def conclusion(found: Prediction) -> str:
    """Return in one line what is predicted."""
    if not found.works:
        ending = found.back or found.forward
        return f"{'not known' if ending.outcome is Outcome.UNKNOWN else 'no answer'}: {ending.reason}"
    outside = found.forward.outcome is Outcome.OUTSIDE
    return "answered, as far as the listed hosts decide it" if outside else "answered"


def _leg(name: str, leg: Leg, owner: Owner) -> Iterator[str]:
    yield ""
    yield f"{name}: {leg.outcome.value}, MTU {leg.mtu}: {leg.reason}" if leg.hops else f"{name}: {leg.reason}"
    yield from aligned([HEAD, *_rows(leg, owner)], right=(TTL,)) if leg.hops else ("",)


def _rows(leg: Leg, owner: Owner) -> Iterator[tuple[str, ...] | str]:
    for hop in leg.hops:
        macs = f"{_short(owner, hop.source_mac)} > {_short(owner, hop.destination_mac)}"
        yield hop.place, hop.direction, macs, hop.source, str(hop.ttl), " ".join(hop.changed)
        if hop.direction == "out" and hop.because.startswith(("route", "conntrack")):
            yield f"      {hop.because}"


def _short(owner: Owner, address: str) -> str:
    """Return who owns a MAC, where only the device is new: the host stands in the first column."""
    return owner(address) if address else "?"
