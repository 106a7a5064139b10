"""Objects of one network namespace as its kernel reports them.

Addresses are text as `ip` prints them, indexes are ifindexes of that namespace, names went through the gate.
The agent sends the same fields as plain JSON; `hostgw.wire` decodes them into these types. A big fabric holds a
million of them, none of which can be part of a circle: the garbage collector does not look at them (``gc=False``).
"""

from __future__ import annotations

import msgspec


class Bridge(msgspec.Struct, frozen=True, gc=False):
    """Settings of a bridge device."""

    stp: bool = False
    forward_delay: int = 1500
    """Centiseconds a port waits in listening and learning when STP runs."""
    vlan_filtering: bool = False


class Port(msgspec.Struct, frozen=True, gc=False):
    """Settings of a bridge port."""

    state: str = "forwarding"
    """disabled, listening, learning, forwarding or blocking."""
    hairpin: bool = False
    isolated: bool = False
    pvid: int = -1
    """VLAN of untagged frames that come in; 0 when they are dropped, -1 when the kernel does not say."""


class Link(msgspec.Struct, frozen=True, gc=False):
    """A network device."""

    index: int
    name: str
    kind: str = ""
    """IFLA_INFO_KIND: veth, bridge, vlan, vxlan, ...; empty for hardware; ``loopback`` for lo."""
    up: bool = False
    """Administratively up (IFF_UP)."""
    carrier: bool = False
    """Operational (IFF_LOWER_UP)."""
    mac: str = ""
    mac_is_set: bool = False
    """The address was set by somebody (addr_assign_type 3): a bridge then keeps it when ports come and go."""
    mtu: int = 1500
    master: int = 0
    """ifindex of the bridge, bond or VRF it belongs to; 0 for none."""
    peer: int = 0
    """ifindex of a veth's other end, in `peer_nsid`; of the lower device for vlan and the like; 0 for none."""
    peer_nsid: int = -1
    """netns id of the namespace that holds the peer; -1 when it is this one."""
    promiscuity: int = 0
    alias: str = ""
    bridge: Bridge | None = None
    port: Port | None = None


class Address(msgspec.Struct, frozen=True, gc=False):
    """An address on a device: ``address`` and ``length`` are 10.239.0.1 and 24."""

    index: int
    address: str
    length: int
    family: int = 4
    scope: str = "global"
    secondary: bool = False
    noprefixroute: bool = False
    peer: str = ""
    broadcast: str = ""
    label: str = ""
    metric: int = 0
    """Metric of the connected route that the kernel makes for it (IFA_RT_PRIORITY)."""


class NextHop(msgspec.Struct, frozen=True, gc=False):
    """One way of a multipath route."""

    oif: int
    gateway: str = ""
    weight: int = 1
    flags: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True, gc=False):
    """An IPv4 route. `position` is its rank among routes with the same table, destination, tos and metric."""

    dst: str
    """Always with length: ``10.239.1.0/24``, ``0.0.0.0/0``, ``10.5.7.1/32``."""
    table: int = 254
    type: str = "unicast"
    """unicast, local, broadcast, blackhole, unreachable, prohibit, throw, nat, multicast."""
    gateway: str = ""
    """An IPv4 address; empty for a route without next hop, or with one of another family (`via`)."""
    oif: int = 0
    metric: int = 0
    protocol: str = "boot"
    """kernel, boot, static, dhcp, bird, ... or the number as text."""
    scope: str = "global"
    """global, site, link, host, nowhere or the number as text."""
    src: str = ""
    tos: int = 0
    flags: tuple[str, ...] = ()
    """onlink, pervasive, linkdown, dead, offload, trap."""
    nexthops: tuple[NextHop, ...] = ()
    """More than one for a multipath route; then gateway and oif are empty."""
    nexthop_id: int = 0
    """The nexthop object used (RTA_NH_ID); gateway and oif are resolved from it."""
    metrics: dict[str, int] = {}
    """RTAX metrics that were set: mtu, advmss, window, ...; 'lock' is a bit mask."""
    position: int = 0
    via: str = ""
    """A next hop of another family (RTA_VIA, RFC 5549), an IPv6 address."""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A policy rule of the IPv4 routing policy database. `position` is its rank among rules of the same priority."""

    priority: int
    table: int = 0
    action: str = "lookup"
    """lookup, goto, nop, blackhole, unreachable, prohibit."""
    src: str = ""
    dst: str = ""
    iif: str = ""
    oif: str = ""
    mark: int = 0
    mask: int = 0
    tos: int = 0
    inverted: bool = False
    l3mdev: bool = False
    suppress_prefixlength: int = -1
    goto: int = 0
    protocol: str = "unspec"
    other: tuple[str, ...] = ()
    """Names of attributes that are set and that we do not model (ipproto, sport, uidrange, ...)."""
    position: int = 0


class Neighbour(msgspec.Struct, frozen=True, gc=False):
    """An entry of the IPv4 neighbour (ARP) table."""

    index: int
    address: str
    mac: str = ""
    state: str = "none"
    """incomplete, reachable, stale, delay, probe, failed, noarp, permanent, none."""
    unanswered: bool = False
    """Incomplete or failed, and the kernel has asked in the last minute: somebody wants to send there."""


class FdbEntry(msgspec.Struct, frozen=True, gc=False):
    """A forwarding database entry of a bridge: frames to `mac` leave by the port `index`."""

    index: int
    mac: str
    master: int = 0
    vlan: int = 0
    permanent: bool = False


class Counters(msgspec.Struct, frozen=True, gc=False):
    """Totals of a device since it was made."""

    index: int
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    rx_errors: int = 0
    tx_errors: int = 0


class Filter(msgspec.Struct, frozen=True, gc=False):
    """The filter and NAT rules of one backend, as its own tool writes them."""

    backend: str
    """nft (iptables over nf_tables), legacy (ip_tables), nftables (`nft -j list ruleset` less iptables' own),
    ipset (the sets that iptables rules ask)."""
    text: str = ""
    """`iptables-save -c` with counters, nft JSON, or `ipset save`."""
    error: str = ""
    """Why it could not be read, when it could not."""


class Sysctl(msgspec.Struct, frozen=True, gc=False):
    """A kernel setting: `path` is relative to /proc/sys, with slashes (``net/ipv4/ip_forward``)."""

    path: str
    value: str


class Setting(msgspec.Struct, frozen=True, gc=False):
    """One value of a configuration file that the network depends on; nothing else of a file is ever read."""

    path: str
    key: str
    """As the file names it; nested ones dotted: ``FLANNEL_SUBNET``, ``net.ipv4.ip_forward``, ``plugins.0.ipMasq``."""
    value: str


class Program(msgspec.Struct, frozen=True, gc=False):
    """A program that runs on the host and may own routes, bridges or rules: dockerd, flanneld, ..."""

    name: str
    pid: int = 0


class Snmp(msgspec.Struct, frozen=True, gc=False):
    """A counter of /proc/net/snmp or netstat: ``IpInAddrErrors``, ``TcpExtIPReversePathFilter``, ..."""

    name: str
    value: int


class ConntrackEntry(msgspec.Struct, frozen=True, gc=False):
    """A tracked flow: the original tuple and the reply tuple; they differ where NAT acts."""

    protocol: str
    source: str
    destination: str
    reply_source: str
    reply_destination: str
    source_port: int = 0
    """For ICMP, the id."""
    destination_port: int = 0
    reply_source_port: int = 0
    reply_destination_port: int = 0
    state: str = ""
    timeout: int = 0
    """Seconds left."""
    status: tuple[str, ...] = ()
    """UNREPLIED, ASSURED, ..."""
    packets: int = 0
    bytes: int = 0
    mark: int = 0


class Crowd(msgspec.Struct, frozen=True, gc=False):
    """How many flows share one rewritten source towards one server: each needs a source port of its own."""

    protocol: str
    source: str
    """The address that SNAT gives them."""
    destination: str
    port: int
    flows: int
