"""What the IP stack of a namespace does with a packet: its own, or one that came in.

Order as in the kernel: the hooks in front of routing, reverse path and martian checks, the route, forwarding and TTL,
the hooks behind it. Sources: ip_input.c, ip_forward.c, fib_frontend.c (fib_validate_source), ip-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Link, Route
from hostgw.model.path import Outcome
from hostgw.paths.fib import Outcome as Routed
from hostgw.paths.fib import Packet, Result, fib
from hostgw.paths.netfilter import Flow, Passage, Passages, Verdict, passages, reply
from hostgw.paths.netfilter.context import BRIDGE_CALLS
from hostgw.paths.predict.journey import Ended, Travel, lost
from hostgw.paths.predict.node import Node
from hostgw.paths.words import route_text

CONF = "net/ipv4/conf"
STRICT, LOOSE = "1", "2"
IP_HEADER, FRAGMENT_UNIT = 20, 8
Go = Callable[[Passages, Flow], Passage]
REFUSALS = {
    Routed.BLACKHOLE: "a blackhole route swallows it",
    Routed.UNREACHABLE: "an unreachable route refuses it",
    Routed.PROHIBIT: "a prohibit route refuses it",
    Routed.NONE: "there is no route",
    Routed.BROADCAST: "it is a broadcast address",
}


@dataclass(frozen=True)
class Departure:
    """A packet that is handed to a device."""

    node: Node
    link: Link
    next_hop: int
    because: str


def source_for(node: Node, destination: int) -> str:
    """Return the address that a namespace sends from: the route's, else the first of the device (ip-route(8), src).

    Empty when there is no way.
    """
    result = fib(node.state).lookup(Packet(destination))
    if result.outcome is Routed.LOCAL:
        return address_text(destination)
    route = result.route if result.outcome is Routed.FORWARD else None
    if route is None:
        return ""
    device = node.state.links_by_name.get(_device_name(node, route))
    held = node.state.addresses_of(device.index) if device else ()
    return route.src or next((address.address for address in held), "")


def sent(travel: Travel, node: Node) -> Departure:
    """Send a namespace's own packet.

    Raises:
        Ended: it is to itself, or there is no way.
    """
    flow = travel.flow
    result = _looked_up(node, flow)
    if result.outcome is Routed.LOCAL:
        raise Ended(Outcome.DELIVERED, f"{address_text(flow.destination)} is an address of {node} itself", node)
    oif = _device_name(node, _forwarding(result, flow, node))
    passage = _judged(travel, node, Passages.sent, replace(_known(travel, node), oif=oif))
    return _departure(travel, node, flow, passage)


def arrived(travel: Travel, node: Node, link: Link) -> Departure:
    """Take a packet that came in by a device; it is forwarded, or the way ends.

    Raises:
        Ended: it is delivered here, or lost.
    """
    flow = replace(travel.flow, iif=link.name)
    known = _known(travel, node, link.name)
    if known.rewritten:  # conntrack puts the destination back before the route is looked up
        flow = replace(flow, destination=known.rewritten[1])
    result = _looked_up(node, flow)
    _admitted(node, link, flow)
    go = Passages.delivered if result.outcome is Routed.LOCAL else Passages.forwarded
    oif = _device_name(node, result.route) if result.outcome is Routed.FORWARD and result.route else ""
    passage = _judged(travel, node, go, replace(known, oif=oif))
    if not passage.oif:
        raise Ended(Outcome.DELIVERED, f"{address_text(travel.flow.destination)} is an address of {node}", node)
    _may_forward(travel, node, link)
    travel.ttl -= 1
    return _departure(travel, node, flow, passage)


def _looked_up(node: Node, flow: Flow) -> Result:
    return fib(node.state).lookup(Packet(flow.destination, flow.source, flow.iif, flow.mark, flow.tos))


def _forwarding(result: Result, flow: Flow, node: Node) -> Route:
    """Return the route of a look-up that found one; without any, the way ends."""
    if result.outcome is Routed.FORWARD and result.route:
        return result.route
    raise _routeless(result, flow, node)


def _routeless(result: Result, flow: Flow, node: Node) -> Ended:
    told = f": {route_text(result.route, node.state)}" if result.route else ""
    return lost(f"{REFUSALS[result.outcome]} to {address_text(flow.destination)} on {node}{told}", node)


def _device_name(node: Node, route: Route) -> str:
    return node.state.name_of(route.oif or (route.nexthops[0].oif if route.nexthops else 0))


def _admitted(node: Node, link: Link, flow: Flow) -> None:
    """Check the source as the kernel does: no address of its own, and by the reverse path filter."""
    back = fib(node.state).lookup(Packet(flow.source, flow.destination))
    source = address_text(flow.source)
    if back.outcome is Routed.LOCAL:
        raise lost(f"its source {source} is an address of {node} itself: a martian", node)
    known = node.state.sysctls
    strictness = max(known.get(f"{CONF}/all/rp_filter", "0"), known.get(f"{CONF}/{link.name}/rp_filter", "0"))
    if strictness not in (STRICT, LOOSE):
        return
    route = back.route if back.outcome is Routed.FORWARD else None
    devices = {route.oif, *(hop.oif for hop in route.nexthops)} if route else set()
    if not devices or (strictness == STRICT and link.index not in devices):
        where = f"goes back by {_device_name(node, route)}" if route else "has no route back"
        raise lost(f"rp_filter={strictness} on {node}: {source} came in by {link.name}, but {where}", node)


def _may_forward(travel: Travel, node: Node, link: Link) -> None:
    known = node.state.sysctls
    setting = known.get(f"{CONF}/{link.name}/forwarding", known.get("net/ipv4/ip_forward", "1"))
    if setting == "0":
        raise lost(f"forwarding is off on {node} for what comes in by {link.name}", node)
    if travel.ttl <= 1:
        raise lost(f"its TTL is used up at {node}: it was routed in a circle", node)


def _judged(travel: Travel, node: Node, go: Go, flow: Flow) -> Passage:
    """Walk the filter and NAT rules; the packet is then as they leave it."""
    passage = go(passages(node.state), flow)
    if passage.verdict is Verdict.UNKNOWN:
        raise Ended(Outcome.UNKNOWN, f"what the rules of {node} say depends on {', '.join(passage.unknown)}", node)
    if passage.lost:
        raise _dropped(passage, travel.flow, node)
    travel.memory[node.key] = (flow, passage)
    sport, dport = passage.ports
    travel.flow = replace(
        travel.flow, source=passage.source, destination=passage.destination, sport=sport, dport=dport, iif=""
    )
    return passage


def _dropped(passage: Passage, flow: Flow, node: Node) -> Ended:
    told = passage.decided
    if told is None:
        return lost(f"a rule drops it on {node}", node)
    if told.backend == "routes":
        return _routeless(_looked_up(node, replace(flow, destination=passage.destination)), flow, node)
    return lost(f"{told.text} in {told.table} {told.chain} ({told.backend}) drops it on {node}", node)


def _known(travel: Travel, node: Node, iif: str = "") -> Flow:
    """Return the packet as the namespace's conntrack knows it: as an answer, where the question passed here."""
    now = replace(travel.flow, iif=iif, ttl=travel.ttl)
    if node.key not in travel.question:
        return now
    answer = replace(reply(*travel.question[node.key]), iif=iif, oif="", ttl=travel.ttl)
    ours = {answer.destination, *(answer.rewritten[1:] if answer.rewritten else ())}
    return answer if answer.source == now.source and now.destination in ours else now


def before_bridge(travel: Travel, node: Node, bridge: Link) -> None:
    """Call the hooks in front of a bridge: an answer's destination is put back before the bridge's own taps see it.

    That is br_netfilter's doing (br_nf_pre_routing), where bridge-nf-call-iptables is on.
    """
    known = _known(travel, node, bridge.name)
    if known.rewritten and node.state.sysctls.get(BRIDGE_CALLS) == "1":
        travel.flow = replace(travel.flow, destination=known.rewritten[1])


def _departure(travel: Travel, node: Node, before: Flow, passage: Passage) -> Departure:
    """Return where the packet goes: by its destination behind DNAT, and its source in front of SNAT."""
    looked = replace(before, destination=passage.destination, mark=passage.mark)
    route = _forwarding(_looked_up(node, looked), looked, node)
    if route.via:
        raise Ended(Outcome.UNKNOWN, f"its next hop on {node} is an IPv6 address", node)
    if len(route.nexthops) > 1:
        several = f"a hash of the addresses chooses on {node}: {route_text(route, node.state)}"
        raise Ended(Outcome.UNKNOWN, several, node)
    link = node.state.links_by_name.get(_device_name(node, route))
    if link is None:
        raise lost(f"{node} has no device for {route_text(route, node.state)}", node)
    via = route.gateway or (route.nexthops[0].gateway if route.nexthops else "")
    told = [f"route {route_text(route, node.state)}", *_cut(travel, node, link, route)]
    told += [f"SNAT by {passage.snat.text}"] if passage.snat else []
    told += [f"DNAT by {passage.dnat.text}"] if passage.dnat else []
    return Departure(node, link, address_number(via) if via else travel.flow.destination, "; ".join(told))


def _cut(travel: Travel, node: Node, link: Link, route: Route) -> Iterator[str]:
    """Cut a packet into fragments that fit, or drop it when it must stay whole (RFC 791, RFC 1191).

    The route's MTU counts before the device's, also for what is forwarded (ip_dst_mtu_maybe_forward); not for a probe
    that its own host sends whole (IP_PMTUDISC_PROBE in ip(7)).
    """
    probing = travel.whole and not travel.hops
    mtu = (0 if probing else route.metrics.get("mtu", 0)) or link.mtu
    if travel.length <= mtu:
        return
    if travel.whole:
        text = f"it has {travel.length} bytes and must not be fragmented, but {link.name} on {node} lets {mtu} through"
        raise lost(text, node)
    travel.length = IP_HEADER + (mtu - IP_HEADER) // FRAGMENT_UNIT * FRAGMENT_UNIT
    yield f"in fragments of at most {travel.length} bytes"
