"""The packet on its way: what it carries now, the hops so far, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from hostgw.model.ip import address_text
from hostgw.model.kernel import Link
from hostgw.model.path import Hop, Leg, Outcome
from hostgw.paths.netfilter import Flow, Passage
from hostgw.paths.predict.node import Node

START_TTL = 64
"""What Linux begins with (net.ipv4.ip_default_ttl)."""

VLAN_TAG = 4


class Ended(Exception):  # noqa: N818 - a way that ends is no error
    """The way ends here."""

    def __init__(self, outcome: Outcome, reason: str, node: Node, astray: bool = False) -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.node, self.astray = outcome, reason, node, astray


def lost(reason: str, node: Node) -> Ended:
    """Return the end of a packet that is dropped."""
    return Ended(Outcome.LOST, reason, node)


Memory = dict[tuple[str, int], tuple[Flow, Passage]]
"""What the rules of each namespace did with the first packet: its answer is known to conntrack there."""


@dataclass
class Travel:
    """One packet under way."""

    flow: Flow
    """As it is now."""
    ttl: int = START_TTL
    frame: tuple[str, str] = ("", "")
    """Source and destination MAC on the present link."""
    hops: list[Hop] = field(default_factory=list)
    memory: Memory = field(default_factory=dict)
    """What the rules did with it."""
    asks: list[tuple[str, int, str]] = field(default_factory=list)
    """Next hops on the wire that have no neighbour entry yet."""
    question: Memory = field(default_factory=dict)
    """What they did with the packet that this one answers; empty when it answers none."""
    length: int = 0
    """Bytes of the IP packet, or of the largest of its fragments; 0 for one that fits everywhere."""
    left_by: Link | None = None
    """The device to which the last IP stack handed it."""
    whole: bool = False
    """It must not be fragmented."""

    def seen(self, node: Node, link: Link, direction: str, because: str) -> None:
        """Note that a tap on a device sees it; a device that is down ends the way."""
        if not link.up:
            raise lost(f"{link.name} on {node} is down", node)
        if direction == "in" or link.port:
            self._fits(node, link, direction)
        now = Hop(
            node.host.name,
            link.name,
            node.container,
            direction,
            *self.frame,
            address_text(self.flow.source),
            address_text(self.flow.destination),
            self.ttl,
            link.mtu,
            because,
        )
        self.hops.append(_compared(self.hops[-1] if self.hops else None, now))

    def _fits(self, node: Node, link: Link, direction: str) -> None:
        """Drop what is too long for a port of a bridge or for the other end of a veth: nobody is told.

        Both allow for a VLAN tag (is_skb_forwardable in net/core/dev.c).
        """
        if self.length <= link.mtu + VLAN_TAG:
            return
        if direction == "out" or link.kind == "veth":
            raise lost(f"{link.name} on {node} drops {self.length} bytes in silence: its MTU is {link.mtu}", node)
        why = f"whether {link.name} on {node} takes {self.length} bytes with an MTU of {link.mtu} depends on the card"
        raise Ended(Outcome.UNKNOWN, why, node)

    def leg(self, end: Ended) -> Leg:
        """Return all of it."""
        return Leg(
            tuple(self.hops),
            end.outcome,
            end.reason,
            end.node.host.name,
            end.node.container,
            end.astray,
            tuple(self.asks),
        )


def _compared(before: Hop | None, now: Hop) -> Hop:
    """Return a hop with what differs from the one before."""
    if before is None:
        return now
    differs = {
        "mac": (before.source_mac, before.destination_mac) != (now.source_mac, now.destination_mac),
        "ttl": before.ttl != now.ttl,
        "snat": before.source != now.source,
        "dnat": before.destination != now.destination,
    }
    values = {name: getattr(now, name) for name in now.__struct_fields__}
    return Hop(**{**values, "changed": tuple(name for name, changed in differs.items() if changed)})
