"""There and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import structs

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Link
from hostgw.model.path import End, Leg, Outcome, Prediction, Query
from hostgw.paths.netfilter import Flow
from hostgw.paths.netfilter.flow import ACK, ECHO_REPLY, SYN
from hostgw.paths.predict.ends import node_of
from hostgw.paths.predict.journey import Ended, Travel
from hostgw.paths.predict.link import NOTHING, Heard, cross
from hostgw.paths.predict.node import Node
from hostgw.paths.predict.stack import Departure, arrived, sent, source_for
from hostgw.paths.predict.wire import in_from

Begin = Callable[[], Departure]
Walk = Callable[[Travel, Begin], tuple[Leg, Node]]
STATELESS = frozenset({"udp"})
"""Protocols of which conntrack takes any packet for the first of a connection."""


def predict(
    fabric: Fabric, source: End, destination: End, query: Query | None = None, heard: Heard = NOTHING
) -> Prediction:
    """Return the way of a packet and of its answer; `heard` is what ARP was answered where that was asked.

    Raises:
        UsageError: the source is no listed host or container of one.
    """
    asked = query or Query()
    start = node_of(fabric, source)
    if start is None:
        remedy = "A path begins at a listed host or container."
        raise UsageError(f"{source} is not on a listed host", "", remedy)
    if source.any_address:
        chosen = source_for(start, address_number(destination.address)) or source.address
        source = structs.replace(source, address=chosen)
    ports = (asked.source_port, asked.port) if asked.protocol != "icmp" else (0, 0)
    flow = Flow(
        address_number(source.address),
        address_number(destination.address),
        protocol=asked.protocol,
        sport=ports[0],
        dport=ports[1],
    )
    travel = Travel(flow, length=asked.length, whole=asked.whole)
    walk = partial(_walked, fabric, heard)
    forward, end = walk(travel, lambda: sent(travel, start))
    known = forward.outcome is not Outcome.OUTSIDE or node_of(fabric, destination) is None
    back = _answered(walk, travel, forward, end, _echoed(asked)) if known else None
    return Prediction(source, destination, asked, forward, back)


def _walked(fabric: Fabric, heard: Heard, travel: Travel, begin: Begin) -> tuple[Leg, Node]:
    """Follow a packet from where it begins to its end; return its way, and where that was."""
    try:
        departure = begin()
        while True:  # each round takes one from its TTL
            arrival = cross(travel, fabric, departure, heard)
            departure = arrived(travel, arrival.node, arrival.link)
    except Ended as end:
        return travel.leg(end), end.node


def _answered(walk: Walk, question: Travel, forward: Leg, end: Node, echoed: int) -> Leg | None:
    """Return the way of the answer, which may be fragmented; None when there is nobody to give one.

    Args:
        walk: follows a packet.
        question: the packet that is answered.
        forward: its way.
        end: where that ended.
        echoed: bytes of the answer; 0 for few.
    """
    back = Travel(_answer(question.flow), question=question.memory, length=echoed)
    if forward.outcome is Outcome.DELIVERED:
        return walk(back, lambda: sent(back, end))[0]
    link = question.left_by
    if forward.outcome is not Outcome.OUTSIDE or link is None:
        return None
    back.frame = (question.frame[1], question.frame[0])
    return walk(back, lambda: _from_outside(back, end, link))[0]


def _echoed(query: Query) -> int:
    """Return the length of the answer: an echo reply holds what the request held (RFC 792)."""
    return query.length if query.protocol == "icmp" else 0


def _from_outside(back: Travel, host: Node, link: Link) -> Departure:
    """Take the answer of a machine that is not listed: it knows the way to the host's own address."""
    to = address_text(back.flow.destination)
    if not any(address.address == to for address in host.state.addresses):
        raise Ended(Outcome.UNKNOWN, f"whether the outside has a route back to {to} is not known here", host)
    in_from(back, host.host, link)
    back.seen(host, link, "in", "the answer from outside comes to the host's own address")
    return arrived(back, host, link)


def _answer(flow: Flow) -> Flow:
    """Return the answer to a packet as it arrived; who did not see the question takes it for none."""
    return Flow(
        flow.destination,
        flow.source,
        protocol=flow.protocol,
        sport=flow.dport,
        dport=flow.sport,
        state="NEW" if flow.protocol in STATELESS else "INVALID",
        icmp_type=ECHO_REPLY,
        tcp_flags=SYN | ACK,
    )
