"""Matches of iptables rules on what the namespace knows: kinds of addresses, bridge ports, sets, the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hostgw.model.iptables import Option
from hostgw.paths.fib import Outcome
from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.program import UnsureError
from hostgw.paths.netfilter.sets import matches
from hostgw.paths.netfilter.xt_matches import Test, named

Placed = Callable[[Option, tuple[Option, ...]], Test]
"""Makes a test of an option and of all options of the same ``-m``."""
TYPES: Final = frozenset({"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "MULTICAST"})
NEVER: Final = frozenset({"ANYCAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"})
"""Kinds that table local, which alone is asked, does not hold for IPv4."""


def _address_type(source: bool) -> Placed:
    def make(option: Option, beside: tuple[Option, ...]) -> Test:
        wanted = frozenset(option.values[0].split(","))
        if wanted - TYPES - NEVER:
            raise ValueError(option.values[0])
        limits = {other.name for other in beside}

        def test(packet: Packet) -> bool:
            by_in, by_out = "--limit-iface-in" in limits, "--limit-iface-out" in limits
            device = packet.iif if by_in else packet.oif if by_out else ""
            address = packet.source if source else packet.destination
            return packet.world.addresses.type_of(address, device) in wanted

        return test

    return make


def _match_set(option: Option, beside: tuple[Option, ...]) -> Test:
    name, sides = option.values[0], tuple(option.values[1].split(","))
    return lambda packet: matches(packet.world.sets, name, sides, packet)


def _port(option: Option, pick: Callable[[Packet], str]) -> Test:
    fits = named(option.values[0])

    def test(packet: Packet) -> bool:
        if packet.bridge_info is False:
            return False
        port = pick(packet)
        if not port and packet.bridge_info is None:
            raise UnsureError(f"match {option.name}")
        return bool(port) and fits(port)

    return test


def _has_port(option: Option, pick: Callable[[Packet], bool]) -> Test:
    return lambda packet: packet.bridge_info is not False and pick(packet)


def _reverse_path(option: Option, beside: tuple[Option, ...]) -> Test:
    """-m rpfilter: the packet came by the device that leads back to its source."""
    options = {other.name for other in beside}
    loose, marked = "--loose" in options, "--validmark" in options
    accept_local, invert = "--accept-local" in options, "--invert" in options

    def test(packet: Packet) -> bool:
        if packet.iif == "lo" or packet.source == 0:
            return not invert
        outcome, device = packet.world.back(packet.source, packet.destination, packet.mark if marked else 0)
        if outcome is Outcome.LOCAL:
            return accept_local != invert
        return (outcome is Outcome.FORWARD and (loose or device == packet.iif)) != invert

    return test


PLACED: Final[dict[tuple[str, str], Placed]] = {
    ("addrtype", "--src-type"): _address_type(True),
    ("addrtype", "--dst-type"): _address_type(False),
    ("set", "--match-set"): _match_set,
    ("physdev", "--physdev-in"): lambda option, beside: _port(option, lambda packet: packet.physin),
    ("physdev", "--physdev-out"): lambda option, beside: _port(option, lambda packet: packet.physout),
    ("physdev", "--physdev-is-in"): lambda option, beside: _has_port(option, lambda packet: True),
    ("physdev", "--physdev-is-out"): lambda option, beside: _has_port(option, lambda packet: packet.bridged),
    ("physdev", "--physdev-is-bridged"): lambda option, beside: _has_port(option, lambda packet: packet.bridged),
    ("rpfilter", ""): _reverse_path,
}
"""By module and option; an empty option stands for the module itself."""
