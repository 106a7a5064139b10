"""Matches of iptables rules that need nothing but the packet, as predicates.

A maker gets the option and returns a predicate; it raises ValueError or IndexError for a form that is not read, and
the match is then unknown. Sources: iptables-extensions(8); net/netfilter/xt_*.c for packets that lack the field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hostgw.model.iptables import Option
from hostgw.paths.netfilter.flow import ACK, FIN, PROTOCOLS, PSH, RST, SYN, UNSET, URG, Packet
from hostgw.paths.netfilter.program import UnsureError
from hostgw.paths.netfilter.xt_values import address_span, inside, masked_address, masked_number, ports, span

Test = Callable[[Packet], bool | None]
"""Whether the packet matches; None when it lacks what is compared: no match, inverted or not."""
Maker = Callable[[Option], Test]

FLAGS: Final = {"FIN": FIN, "SYN": SYN, "RST": RST, "PSH": PSH, "ACK": ACK, "URG": URG, "ALL": 63, "NONE": 0}
ICMP_NAMES: Final = {"echo-reply": "0", "echo-request": "8", "destination-unreachable": "3", "time-exceeded": "11"}


def source(option: Option) -> Test:
    """-s, with a list of prefixes."""
    wanted = tuple(masked_address(part) for part in option.values[0].split(","))
    if len(wanted) == 1:
        ((value, mask),) = wanted
        return lambda packet: packet.source & mask == value
    return lambda packet: any(packet.source & mask == value for value, mask in wanted)


def destination(option: Option) -> Test:
    """-d, with a list of prefixes."""
    wanted = tuple(masked_address(part) for part in option.values[0].split(","))
    if len(wanted) == 1:
        ((value, mask),) = wanted
        return lambda packet: packet.destination & mask == value
    return lambda packet: any(packet.destination & mask == value for value, mask in wanted)


def named(wanted: str) -> Callable[[str], bool]:
    """Return a test of a device's name; a ``+`` at the end stands for any rest."""
    if wanted.endswith("+"):
        return lambda name: name.startswith(wanted[:-1])
    return lambda name: name == wanted


def in_interface(option: Option) -> Test:
    """-i."""
    fits = named(option.values[0])
    return lambda packet: fits(packet.iif)


def out_interface(option: Option) -> Test:
    """-o."""
    fits = named(option.values[0])
    return lambda packet: fits(packet.oif)


def protocol(option: Option) -> Test:
    """-p."""
    text = option.values[0]
    number = int(text) if text.isdigit() else PROTOCOLS.get(text, 0 if text == "all" else UNSET)
    if number == UNSET:
        raise ValueError(text)
    return lambda packet: number in (0, packet.protocol)


def _ports_of(option: Option, source_side: bool, destination_side: bool) -> Test:
    wanted = ports(option.values[0])

    def test(packet: Packet) -> bool | None:
        if not packet.has_ports:
            return None
        hit = source_side and inside(packet.sport, wanted)
        return hit or (destination_side and inside(packet.dport, wanted))

    return test


def tcp_flags(option: Option) -> Test:
    """--tcp-flags MASK FLAGS, which --syn is saved as."""
    mask, wanted = (sum(FLAGS[name] for name in words.split(",")) for words in option.values[:2])

    def test(packet: Packet) -> bool | None:
        return None if packet.fragment else packet.tcp_flags & mask == wanted

    return test


def icmp_type(option: Option) -> Test:
    """--icmp-type TYPE[/CODE]."""
    text = ICMP_NAMES.get(option.values[0], option.values[0])
    kind, _, code = text.partition("/")
    wanted, exact = (UNSET if kind in ("any", "255") else int(kind)), int(code) if code else UNSET

    def test(packet: Packet) -> bool | None:
        if packet.fragment:
            return None
        return wanted == UNSET or (packet.icmp_type == wanted and exact in (UNSET, packet.icmp_code))

    return test


def mark(option: Option) -> Test:
    """-m mark --mark."""
    value, mask = masked_number(option.values[0])
    return lambda packet: packet.mark & mask == value


def connection_mark(option: Option) -> Test:
    """-m connmark --mark."""
    value, mask = masked_number(option.values[0])
    return lambda packet: packet.ctmark & mask == value if has_connection(packet) else None


def has_connection(packet: Packet) -> bool:
    """Tell whether the packet belongs to a tracked connection by now."""
    return packet.conntracked and packet.state not in ("INVALID", "UNTRACKED")


def _range_of(option: Option, source_side: bool) -> Test:
    wanted = (address_span(option.values[0]),)
    if source_side:
        return lambda packet: inside(packet.source, wanted)
    return lambda packet: inside(packet.destination, wanted)


def packet_type(option: Option) -> Test:
    """--pkt-type: how the frame was addressed, which is told by the IP destination."""
    wanted = option.values[0]

    def test(packet: Packet) -> bool:
        if not packet.iif:  # made by the host itself: the loopback of multicast and broadcast is not told here
            raise UnsureError("match --pkt-type")
        if packet.destination >> 28 == 0xE:
            return wanted == "multicast"
        return wanted == ("broadcast" if packet.destination == 0xFFFFFFFF else "unicast")

    return test


def length(option: Option) -> Test:
    """--length, of the whole IP packet."""
    wanted = (span(option.values[0], ":", 65535),)

    def test(packet: Packet) -> bool:
        if packet.length == UNSET:
            raise UnsureError("match --length")
        return inside(packet.length, wanted)

    return test


def _ttl(compare: Callable[[int, int], bool]) -> Maker:
    def maker(option: Option) -> Test:
        wanted = int(option.values[0])

        def test(packet: Packet) -> bool:
            if packet.ttl == UNSET:
                raise UnsureError(f"match {option.name}")
            return compare(packet.ttl, wanted)

        return test

    return maker


def limit(option: Option) -> Test:
    """--limit: one packet is under it; what is above is not judged, and that is told."""

    def test(packet: Packet) -> bool:
        packet.assumed[f"under the limit {' '.join(option.values)}"] = None
        return True

    return test


def always(option: Option) -> Test:
    """Return a test for options that only go with another."""
    return lambda packet: True


PLAIN: Final[dict[tuple[str, str], Maker]] = {
    ("", "-s"): source,
    ("", "-d"): destination,
    ("", "-i"): in_interface,
    ("", "-o"): out_interface,
    ("", "-p"): protocol,
    ("", "-f"): lambda option: lambda packet: packet.fragment,
    ("tcp", "--tcp-flags"): tcp_flags,
    ("icmp", "--icmp-type"): icmp_type,
    ("multiport", "--sports"): lambda option: _ports_of(option, True, False),
    ("multiport", "--dports"): lambda option: _ports_of(option, False, True),
    ("multiport", "--ports"): lambda option: _ports_of(option, True, True),
    ("mark", "--mark"): mark,
    ("connmark", "--mark"): connection_mark,
    ("iprange", "--src-range"): lambda option: _range_of(option, True),
    ("iprange", "--dst-range"): lambda option: _range_of(option, False),
    ("pkttype", "--pkt-type"): packet_type,
    ("length", "--length"): length,
    ("ttl", "--ttl-eq"): _ttl(lambda ttl, wanted: ttl == wanted),
    ("ttl", "--ttl-lt"): _ttl(lambda ttl, wanted: ttl < wanted),
    ("ttl", "--ttl-gt"): _ttl(lambda ttl, wanted: ttl > wanted),
    ("limit", "--limit"): limit,
    ("limit", "--limit-burst"): always,
    ("comment", "--comment"): always,
    ("addrtype", "--limit-iface-in"): always,
    ("addrtype", "--limit-iface-out"): always,
    **{
        (name, side): lambda option, first=side == "--sport": _ports_of(option, first, not first)  # type: ignore[misc]
        for name in ("tcp", "udp", "sctp", "dccp", "udplite")
        for side in ("--sport", "--dport")
    },
}
"""By module and option; the module is empty for what needs none."""
