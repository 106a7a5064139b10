"""A representative packet, and the packet as it changes on its way through the hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostgw.paths.netfilter.context import Surroundings

PROTOCOLS = {"icmp": 1, "igmp": 2, "ipencap": 4, "ipv4": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33}
PROTOCOLS |= {"ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51}
PROTOCOLS |= {"icmpv6": 58, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "ipip": 94}
PROTOCOLS |= {"etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132}
PROTOCOLS |= {"mh": 135, "ipv6-mh": 135, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137}
"""Names as iptables-save and nft write them: their own, else those of /etc/protocols (where ipip is 94, not 4)."""
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ECHO_REPLY, ECHO_REQUEST = 0, 8
UNSET = -1
UNKNOWN_PORT = "?"
"""Stands for the bridge port of a packet of which only the bridge is known."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A representative packet as it enters: addresses as integers, interfaces by name, conntrack state.

    The host's own addresses are not told here: they come from its state.
    """

    source: int
    destination: int
    iif: str = ""
    oif: str = ""
    protocol: str = "icmp"
    sport: int = 0
    dport: int = 0
    state: str = "NEW"
    """NEW, ESTABLISHED, RELATED or INVALID. Only the first packet of a connection sees NAT rules."""
    mark: int = 0
    status: frozenset[str] = frozenset()
    """Conntrack status of an earlier packet's NAT: SNAT, DNAT; SEEN_REPLY, ASSURED, CONFIRMED, EXPECTED."""
    direction: str = "ORIGINAL"
    """ORIGINAL or REPLY."""
    original: tuple[int, int, int, int] | None = None
    """Source, destination and ports of the connection's first packet; None: this packet's own."""
    rewritten: tuple[int, int] | None = None
    """Source and destination that conntrack gives this packet of a connection that NAT has changed before."""
    ctmark: int = 0
    physin: str = ""
    """The bridge port it came in by, when known."""
    physout: str = ""
    fragment: bool = False
    """It is a later fragment, so that it has no ports."""
    icmp_type: int = UNSET
    """Unset: an echo request, or an echo reply in the other direction."""
    icmp_code: int = 0
    tcp_flags: int = UNSET
    """Unset: SYN for a new connection, ACK for others."""
    ttl: int = UNSET
    """Unset: not known, so that a rule that compares it cannot be judged; likewise `length`."""
    length: int = UNSET
    tos: int = 0

    @property
    def number(self) -> int:
        """The protocol as the IP header has it; -1 for a name that is not known."""
        return int(self.protocol) if self.protocol.isdigit() else PROTOCOLS.get(self.protocol, -1)


class Packet:
    """A flow's packet on its way: what rules have changed so far."""

    __slots__ = (
        *("source", "destination", "protocol", "sport", "dport", "iif", "oif", "physin", "physout", "fragment"),
        *("state", "status", "direction", "original", "conntracked", "mark", "ctmark"),
        *("icmp_type", "icmp_code", "tcp_flags", "ttl", "length", "tos"),
        *("flow", "world", "hook", "bridged", "bridge_info", "assumed", "changed_sets"),
    )

    def __init__(self, flow: Flow, world: Surroundings) -> None:
        self.flow = flow
        self.world = world
        self.hook = ""
        self.source, self.destination = flow.source, flow.destination
        self.sport, self.dport = flow.sport, flow.dport
        self.iif, self.oif = flow.iif, flow.oif
        self.physin, self.physout = flow.physin, flow.physout
        self.bridged = False
        """It stays on its bridge."""
        self.bridge_info: bool | None = False
        """Whether the kernel keeps the bridge ports with it; None: it does, but they are not known."""
        self.assumed: dict[str, None] = {}
        """What was taken to match although it depends on more than the packet."""
        self.protocol, self.fragment = flow.number, flow.fragment
        self.state, self.status, self.direction = flow.state, set(flow.status), flow.direction
        self.original = flow.original or (flow.source, flow.destination, flow.sport, flow.dport)
        self.conntracked = False
        self.mark, self.ctmark = flow.mark, flow.ctmark
        replying = flow.direction == "REPLY"
        self.icmp_type = (ECHO_REPLY if replying else ECHO_REQUEST) if flow.icmp_type == UNSET else flow.icmp_type
        self.icmp_code = flow.icmp_code
        first = SYN | (ACK if replying else 0) if flow.state == "NEW" else ACK
        self.tcp_flags = first if flow.tcp_flags == UNSET else flow.tcp_flags
        self.ttl, self.length, self.tos = flow.ttl, flow.length, flow.tos
        self.changed_sets: set[str] = set()
        """Sets to which a rule added or from which it removed something on the packet's way."""

    @property
    def has_ports(self) -> bool:
        """Whether source and destination ports can be compared."""
        return self.protocol in (6, 17, 33, 132, 136) and not self.fragment
