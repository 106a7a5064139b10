"""Matches of iptables rules on the connection: state, conntrack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hostgw.model.iptables import Option
from hostgw.paths.netfilter.flow import PROTOCOLS, Packet
from hostgw.paths.netfilter.xt_matches import Maker, Test, has_connection
from hostgw.paths.netfilter.xt_values import inside, masked_address, ports


def states(packet: Packet) -> set[str]:
    """Return the states as rules see them: before connection tracking has seen the packet it is invalid."""
    if packet.state == "UNTRACKED":
        return {"UNTRACKED"}
    if not has_connection(packet):
        return {"INVALID"}
    return {packet.state} | (packet.status & {"SNAT", "DNAT"})


def state(option: Option) -> Test:
    """--ctstate, --state."""
    wanted = frozenset(option.values[0].split(","))
    return lambda packet: not wanted.isdisjoint(states(packet))


def _status(option: Option) -> Test:
    wanted = frozenset(option.values[0].split(","))
    return lambda packet: not wanted.isdisjoint(packet.status)


def _direction(option: Option) -> Test:
    wanted = option.values[0]
    return lambda packet: packet.direction == wanted


def _protocol(option: Option) -> Test:
    text = option.values[0]
    number = int(text) if text.isdigit() else PROTOCOLS[text]
    return lambda packet: packet.protocol == number


def reply_tuple(packet: Packet) -> tuple[int, int, int, int]:
    """Return source, destination and ports of the replies as conntrack expects them by now."""
    if packet.direction == "REPLY":
        return packet.flow.source, packet.flow.destination, packet.flow.sport, packet.flow.dport
    if packet.flow.rewritten and packet.flow.state != "NEW":
        source, destination = packet.flow.rewritten
        return destination, source, packet.dport, packet.sport
    return packet.destination, packet.source, packet.dport, packet.sport


def _address(pick: Callable[[Packet], int]) -> Maker:
    def maker(option: Option) -> Test:
        value, mask = masked_address(option.values[0])
        return lambda packet: pick(packet) & mask == value

    return maker


def _port(pick: Callable[[Packet], int]) -> Maker:
    def maker(option: Option) -> Test:
        wanted = ports(option.values[0])
        return lambda packet: inside(pick(packet), wanted)

    return maker


OF_CONNECTION: Final[dict[str, Maker]] = {
    "--ctstatus": _status,
    "--ctdir": _direction,
    "--ctproto": _protocol,
    "--ctorigsrc": _address(lambda packet: packet.original[0]),
    "--ctorigdst": _address(lambda packet: packet.original[1]),
    "--ctorigsrcport": _port(lambda packet: packet.original[2]),
    "--ctorigdstport": _port(lambda packet: packet.original[3]),
    "--ctreplsrc": _address(lambda packet: reply_tuple(packet)[0]),
    "--ctrepldst": _address(lambda packet: reply_tuple(packet)[1]),
    "--ctreplsrcport": _port(lambda packet: reply_tuple(packet)[2]),
    "--ctrepldstport": _port(lambda packet: reply_tuple(packet)[3]),
}


def connection(option: Option, with_state: bool) -> Test:
    """-m conntrack: a packet without connection matches none of these, all when the rule tests the state too."""
    test = OF_CONNECTION[option.name](option)
    inverted = option.inverted

    def of_connection(packet: Packet) -> bool | None:
        if not has_connection(packet):
            return not inverted if with_state else None
        return test(packet)

    return of_connection
