"""Targets of iptables rules as steps. Sources: iptables-extensions(8), net/netfilter/xt_*.c."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hostgw.model.ip import FULL, address_number
from hostgw.model.iptables import FilterRule, Option
from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.program import Jump, LostError, Outcome, Signal, Step, Translate
from hostgw.paths.netfilter.xt_matches import has_connection
from hostgw.paths.netfilter.xt_values import masked_address, masked_number

CONTINUING: Final = frozenset(
    {
        *("AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "DSCP", "ECN", "IDLETIMER", "LED", "LOG", "NFLOG", "RATEEST"),
        *("SECMARK", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG"),
    }
)
"""They let the packet go on, and alter nothing that a test here compares, or only what a flow need not tell."""
Maker = Callable[[FilterRule], Step]


def _option(rule: FilterRule, name: str) -> Option | None:
    """Return an option behind the target: names repeat before it."""
    behind = False
    for option in rule.options:
        if behind and option.name == name:
            return option
        behind = behind or option.name in ("-j", "-g")
    return None


def _fixed(outcome: Outcome) -> Maker:
    return lambda rule: lambda packet: outcome


def _mark(rule: FilterRule) -> Step:
    option = _option(rule, "--set-xmark") or _option(rule, "--set-mark")
    if option is None:
        raise ValueError(rule.text)
    value, mask = masked_number(option.values[0])

    def step(packet: Packet) -> Outcome:
        packet.mark = (packet.mark & ~mask & FULL) ^ value
        return None

    return step


def _masks(rule: FilterRule) -> tuple[int, int]:
    found = (_option(rule, name) for name in ("--nfmask", "--ctmask"))
    packet_mask, connection_mask = (int(option.values[0], 0) if option else FULL for option in found)
    return packet_mask, connection_mask


def _connection_mark(rule: FilterRule) -> Step:
    packet_mask, connection_mask = _masks(rule)

    def save(packet: Packet) -> Outcome:
        packet.ctmark = (packet.ctmark & ~connection_mask & FULL) ^ (packet.mark & packet_mask)
        return None

    def restore(packet: Packet) -> Outcome:
        packet.mark = (packet.mark & ~packet_mask & FULL) ^ (packet.ctmark & connection_mask)
        return None

    if _option(rule, "--save-mark"):
        return _tracked(save)
    if _option(rule, "--restore-mark"):
        return _tracked(restore)
    option = _option(rule, "--set-xmark") or _option(rule, "--set-mark")
    if option is None:
        raise ValueError(rule.text)
    value, mask = masked_number(option.values[0])

    def change(packet: Packet) -> Outcome:
        packet.ctmark = (packet.ctmark & ~mask & FULL) ^ value
        return None

    return _tracked(change)


def _tracked(step: Step) -> Step:
    """Return a step that does nothing to a packet without connection."""
    return lambda packet: step(packet) if has_connection(packet) else None


def _tracking(rule: FilterRule) -> Step:
    return untrack if rule.target == "NOTRACK" or _option(rule, "--notrack") else _fixed(None)(rule)


def untrack(packet: Packet) -> Outcome:
    """Take the packet out of connection tracking, unless it belongs to a connection by now."""
    if not has_connection(packet):
        packet.state = "UNTRACKED"
    return None


def _set(rule: FilterRule) -> Step:
    names = tuple(o.values[0] for n in ("--add-set", "--del-set", "--map-set") if (o := _option(rule, n)))

    def step(packet: Packet) -> Outcome:
        packet.changed_sets.update(names)
        return None

    if _option(rule, "--map-set"):
        raise ValueError(rule.text)
    return step


def address_and_port(text: str) -> tuple[int, int]:
    """Return the first address and port of ``10.0.0.1-10.0.0.9:80-90``; an absent address is -1, a port 0."""
    addresses, _, ports = text.partition(":")
    first = addresses.partition("-")[0]
    return address_number(first) if first else -1, int(ports.partition("-")[0].partition("/")[0] or 0)


def _to(source: bool, name: str) -> Maker:
    def make(rule: FilterRule) -> Step:
        option = _option(rule, name)
        address, port = address_and_port(option.values[0]) if option else (-1, 0)
        outcome = Translate(source, (lambda packet: address) if address >= 0 else None, port=port)
        return lambda packet: outcome

    return make


def _masquerade(rule: FilterRule) -> Step:
    outcome = Translate(True, masquerade_address, masquerade=True)
    return lambda packet: outcome


def masquerade_address(packet: Packet) -> int:
    """Return the address of the device by which the packet leaves."""
    return packet.world.addresses.masquerade(packet.oif, packet.destination)


def redirect_address(packet: Packet) -> int:
    """Return the address of the host itself that a redirected packet goes to."""
    if not packet.iif:
        return 0x7F000001
    return packet.world.addresses.first_of(packet.iif)


def _redirect(rule: FilterRule) -> Step:
    option = _option(rule, "--to-ports")
    port = int(option.values[0].partition("-")[0]) if option else 0
    outcome = Translate(False, redirect_address, port=port)
    return lambda packet: outcome


def _netmap(rule: FilterRule) -> Step:
    option = _option(rule, "--to")
    if option is None:
        raise ValueError(rule.text)
    value, mask = masked_address(option.values[0])
    to_source = Translate(True, lambda packet: (packet.source & ~mask & FULL) | value)
    to_destination = Translate(False, lambda packet: (packet.destination & ~mask & FULL) | value)
    return lambda packet: to_source if packet.hook in ("postrouting", "input") else to_destination


TARGETS: Final[dict[str, Maker]] = {
    "": _fixed(None),
    "ACCEPT": _fixed(Signal.ACCEPT),
    "DROP": _fixed(Signal.DROP),
    "REJECT": _fixed(Signal.REJECT),
    "RETURN": _fixed(Signal.RETURN),
    "MARK": _mark,
    "CONNMARK": _connection_mark,
    "CT": _tracking,
    "NOTRACK": _tracking,
    "SET": _set,
    "SNAT": _to(True, "--to-source"),
    "DNAT": _to(False, "--to-destination"),
    "MASQUERADE": _masquerade,
    "REDIRECT": _redirect,
    "NETMAP": _netmap,
    **{name: _fixed(None) for name in CONTINUING},
}


def target(rule: FilterRule, chains: frozenset[str]) -> Step:
    """Return the last step of a rule; what is not known loses the packet from sight."""
    name = rule.target
    if name in chains:
        jump = Jump(name, rule.option("-g") is not None)
        return lambda packet: jump
    try:
        return TARGETS[name](rule)
    except (KeyError, ValueError, IndexError):
        return lost(f"target {name}")


def lost(name: str) -> Step:
    """Return a step after which nothing can be said of the packet."""

    def step(packet: Packet) -> Outcome:
        raise LostError(name)

    return step
