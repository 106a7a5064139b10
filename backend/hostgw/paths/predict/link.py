"""How a frame crosses a link: who answers for the next hop, by which ports, and where the frame comes up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NoReturn

from msgspec import structs

from hostgw.fabric import Fabric, Host
from hostgw.mesh.bridges import TUNNELS
from hostgw.model.ip import address_text
from hostgw.model.kernel import Link, Neighbour
from hostgw.model.path import Outcome
from hostgw.paths.netfilter import Verdict, passages
from hostgw.paths.predict.journey import Ended, Travel, lost
from hostgw.paths.predict.node import (
    Holder,
    Node,
    holds,
    is_known,
    is_wire,
    on_bridge,
    on_wire,
    other_end,
    share_segment,
)
from hostgw.paths.predict.stack import Departure, before_bridge
from hostgw.paths.predict.wire import in_from, out_to, wire_port

UNSURE = frozenset({"failed", "incomplete"})
Asked = tuple[str, int, str]
"""A question by ARP: host, ifindex, address."""
Heard = Mapping[Asked, tuple[str, ...]]
"""Which MACs answered questions; what was not asked is not in it."""
NOTHING: Heard = MappingProxyType({})
PROXY = "net/ipv4/conf/{}/proxy_arp"


@dataclass(frozen=True)
class Segment:
    """The link behind a device."""

    others: tuple[Holder, ...]
    """Who is on it beside the sender."""
    near: Holder | None = None
    """The host's end of the sender's veth, when that is a port of a bridge."""
    open: bool = False
    """There may be machines on it that are not listed."""


@dataclass(frozen=True)
class Arrival:
    """A packet that came up to a namespace by a device."""

    node: Node
    link: Link


def cross(travel: Travel, fabric: Fabric, departure: Departure, heard: Heard = NOTHING) -> Arrival:
    """Carry a packet from a device to who takes it there; `heard` is what was answered by ARP.

    Raises:
        Ended: nobody does, or a machine that is not listed.
    """
    node, link = departure.node, departure.link
    travel.left_by = link
    if link.kind in TUNNELS:
        raise Ended(Outcome.UNKNOWN, f"{link.name} on {node} is a tunnel, and not followed", node)
    segment = _segment(fabric, node, link)
    entry = _neighbour(departure)
    macs = (entry.mac,) if entry and entry.mac else heard.get(question(departure))
    if macs is None and segment.open and entry is None:
        travel.asks.append(question(departure))
    if macs:
        target = _by_mac(departure, macs, segment)
    else:
        target = _by_arp(departure, segment, fabric, asked=macs is not None or entry is not None)
    travel.frame = (link.mac, target.link.mac if target else macs[0] if macs else "")
    travel.seen(node, link, "out", departure.because)
    if target is None:
        _beyond(travel, departure, segment, fabric)
    return _carried(travel, departure, segment, target)


def _beyond(travel: Travel, departure: Departure, segment: Segment, fabric: Fabric) -> NoReturn:
    """End the way where nobody on the listed hosts takes the frame."""
    if segment.open:
        _into_bridge(travel, departure, segment)
        _onto_wire(travel, departure, segment)
    node, hop = departure.node, address_text(departure.next_hop)
    if not segment.open and len(segment.others) == 1:
        end = segment.others[0]
        text = f"{end.link.name} on {end.node} is in no bridge, and nothing behind it takes what is for {hop}"
        raise Ended(Outcome.LOST, text, end.node, astray=True)
    if any(holds(holder, departure.next_hop) for holder in segment.others):
        raise Ended(Outcome.LOST, f"{node} sends what is for {hop} to a MAC that no listed host has", node, astray=True)
    silent = next((h.name for h in fabric.hosts.values() if h.address == hop and not h.readable), "")
    if silent:
        raise Ended(Outcome.UNKNOWN, f"{hop} takes it, which is {silent}, and that could not be read", node)
    raise Ended(Outcome.OUTSIDE, f"{hop} takes it, which is no listed host", node)


# ---- who is there ----


def _segment(fabric: Fabric, node: Node, link: Link) -> Segment:
    """Return the link behind a device."""
    if link.kind == "bridge" and node.ns == 0:
        return _bridged(fabric, node.host, link, node)
    end = other_end(node, link)
    if end is None:
        return Segment(tuple(on_wire(fabric, node.host)), open=True) if is_wire(node, link) else Segment(())
    bridge = end.node.state.links.get(end.link.master)
    if bridge is None or bridge.kind != "bridge":
        return Segment((end,))
    return replace(_bridged(fabric, end.node.host, bridge, node), near=end)


def _bridged(fabric: Fabric, host: Host, bridge: Link, sender: Node) -> Segment:
    """Return who is on a bridge, and beyond it where a port of it leads to the wire."""
    here = tuple(holder for holder in on_bridge(host, bridge) if holder.node.key != sender.key)
    if wire_port(host, bridge) is None:
        return Segment(here)
    return Segment((*here, *on_wire(fabric, host)), open=True)


def _neighbour(departure: Departure) -> Neighbour | None:
    """Return the neighbour entry of the next hop; one without a MAC says that ARP fails."""
    hop = address_text(departure.next_hop)
    entries = (n for n in departure.node.state.neighbours if n.index == departure.link.index and n.address == hop)
    found = next(entries, None)
    return structs.replace(found, mac="") if found and found.state in UNSURE else found


def _by_mac(departure: Departure, macs: tuple[str, ...], segment: Segment) -> Holder | None:
    """Return who has the MAC that the frame goes to; None for a machine we do not know."""
    if len(set(macs)) > 1:
        hop = address_text(departure.next_hop)
        text = f"{_answering(macs, segment)} answer ARP for {hop}: who is first decides"
        raise Ended(Outcome.UNKNOWN, text, departure.node)
    found = [holder for holder in segment.others if holder.link.mac == macs[0]]
    right = [holder for holder in found if holds(holder, departure.next_hop)]
    return next(iter(right or found), None)


def _answering(macs: tuple[str, ...], segment: Segment) -> str:
    """Return who has these MACs: several devices of a host (with arp_ignore 0 each answers for all), or machines."""
    found = [holder for holder in segment.others if holder.link.mac in macs]
    if len({holder.node.key for holder in found}) == 1 and {holder.link.mac for holder in found} == set(macs):
        return f"{' and '.join(holder.link.name for holder in found)} of {found[0].node}"
    return f"{len(set(macs))} machines"


def _by_arp(departure: Departure, segment: Segment, fabric: Fabric, *, asked: bool) -> Holder | None:
    """Return who answers ARP for the next hop; None when that can only be a machine we do not know.

    `asked` is true when nobody answered. What a listed host holds elsewhere, no stranger has here.
    """
    node, link, hop = departure.node, departure.link, departure.next_hop
    held = [holder for holder in segment.others if holds(holder, hop)]
    answering = [x for x in held if x.node.host.name == node.host.name or share_segment(Holder(node, link), x)]
    if len({holder.link.mac for holder in answering}) > 1:
        names = " and ".join(str(holder.node) for holder in answering)
        raise Ended(Outcome.UNKNOWN, f"{names} hold {address_text(hop)}: who answers ARP first decides", node)
    found = [] if asked and segment.open else answering
    found += [x for x in segment.others if _answers_for_others(x, node)]
    if found or (segment.open and not held and not asked and not is_known(fabric, hop)):
        return next(iter(found), None)
    raise lost(f"nobody answers ARP for {address_text(hop)} on {link.name} of {node}", node)


def question(departure: Departure) -> Asked:
    """Return what is asked by ARP: host, ifindex, address."""
    return departure.node.host.name, departure.link.index, address_text(departure.next_hop)


def _answers_for_others(holder: Holder, asking: Node) -> bool:
    """Tell whether a host answers its containers whatever they ask for (proxy_arp)."""
    own = holder.node.host.name == asking.host.name and holder.node.ns == 0
    return own and holder.node.state.sysctls.get(PROXY.format(holder.link.name)) == "1"


# ---- how it gets there ----


def _carried(travel: Travel, departure: Departure, segment: Segment, target: Holder) -> Arrival:
    """Let the frame pass the ports between, and come up where it is taken."""
    _into_bridge(travel, departure, segment)
    if target.node.host.name != departure.node.host.name:
        _onto_wire(travel, departure, segment)
        in_from(travel, target.node.host, target.link)
    elif target.port:
        _out_by(travel, segment, target)
    elif segment.near:
        before_bridge(travel, target.node, target.link)
    travel.seen(target.node, target.link, "in", _taken(travel, target))
    return Arrival(target.node, target.link)


def _into_bridge(travel: Travel, departure: Departure, segment: Segment) -> None:
    if segment.near:
        travel.seen(segment.near.node, segment.near.link, "in", f"other end of {departure.link.name}")
        _forwards(segment.near.link, segment.near.node)


def _out_by(travel: Travel, segment: Segment, target: Holder) -> None:
    """Leave a bridge by the port of a container; between two ports the bridge's own rules have a say."""
    port, host = target.port, Node(target.node.host)
    if port is None:
        return
    _forwards(port, host)
    if segment.near:
        _between_ports(travel, segment.near.link, port, host)
    travel.seen(host, port, "out", f"{travel.frame[1]} is behind {port.name}")


def _between_ports(travel: Travel, near: Link, far: Link, host: Node) -> None:
    if near.port and far.port and near.port.isolated and far.port.isolated:
        raise lost(f"{near.name} and {far.name} on {host} are isolated from each other", host)
    bridge = host.state.name_of(near.master)
    flow = replace(travel.flow, iif=bridge, oif=bridge, physin=near.name, physout=far.name, ttl=travel.ttl)
    passage = passages(host.state).bridged(flow)
    if passage.verdict is Verdict.UNKNOWN:
        raise Ended(Outcome.UNKNOWN, f"what {host} does depends on {', '.join(passage.unknown)}", host)
    if passage.lost:
        told = passage.decided
        raise lost(f"{told.text if told else 'a rule'} drops it between the ports of {bridge} on {host}", host)


def _forwards(port: Link, host: Node) -> None:
    if port.port and port.port.state in ("disabled", "blocking", "listening", "learning"):
        raise lost(f"port {port.name} on {host} is {port.port.state}", host)


def _onto_wire(travel: Travel, departure: Departure, segment: Segment) -> None:
    """Leave for other machines: from the device, or from the bridge that the sender stands behind."""
    host = departure.node.host
    bridge = host.root.links.get(segment.near.link.master) if segment.near else None
    out_to(travel, host, bridge or departure.link)


def _taken(travel: Travel, target: Holder) -> str:
    return f"{target.link.name} of {target.node} has {travel.frame[1]}"
