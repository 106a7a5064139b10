"""The management path: what our own SSH connection to a host stands on, and whether a change would touch it."""

from __future__ import annotations

from functools import singledispatch

from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import (
    AddressChange,
    ChainChange,
    Change,
    LinkChange,
    NeighbourChange,
    RouteChange,
    RuleChange,
    SysctlChange,
)
from hostgw.model.ip import address_number, maybe_prefix, prefix
from hostgw.model.iptables import FilterRule, parse, parse_rule
from hostgw.model.kernel import Route
from hostgw.paths.fib import Fib, Outcome, Packet, fib
from hostgw.plans.commands import BUILT_IN

HARMLESS_CHAINS = frozenset({"POSTROUTING", "FORWARD", "DOCKER-USER"})
"""What SSH to the host does not pass, or (POSTROUTING of nat) only with packets that the host sends first."""


def touches(change: Change, path: Path) -> str:
    """Return why `change` would touch the way back to the operator; empty when it does not.

    Without SSH_CONNECTION the way is not known, so that everything near the underlay counts.
    """
    return "" if change.ns else _touches(change, path)


class Path:
    """The way from the host back to the operator: its device, its route's prefix, the client's address."""

    def __init__(self, host: Host, mesh: Mesh) -> None:
        connection = host.snapshot.facts.ssh_connection if host.snapshot else ()
        self.client = _number(connection[0]) if len(connection) == 4 else None
        self.server = _number(connection[2]) if len(connection) == 4 else None
        self.root = host.root
        member = mesh.members.get(host.name)
        underlay = member.underlay.index if member and member.underlay else 0
        result = fib(host.root).lookup(Packet(self.client)) if self.client is not None else None
        used = result.route.oif if result and result.route else 0
        served = {a.index for a in host.root.addresses if len(connection) == 4 and a.address == connection[2]}
        devices = {used, *served} if self.client is not None else {underlay}
        masters = {link.master for index in devices if (link := host.root.links.get(index))}
        self.devices = (devices | masters) - {0}
        self.names = {host.root.name_of(index) for index in self.devices}

    def concerns(self, setting: str) -> bool:
        """Tell whether a setting of a device counts for our connection; those of `all` count for every device."""
        return setting.split("/")[-2] in {"all", "default", *self.names}


def _number(text: str) -> int | None:
    try:
        return address_number(text)
    except ValueError:
        return None


@singledispatch
def _touches(change: object, path: Path) -> str:
    return ""


@_touches.register
def _route(change: RouteChange, path: Path) -> str:
    wanted = prefix(change.dst)
    if path.client is None:
        return "the way back to you is not known on this host" if wanted.length == 0 else ""
    return f"{change.dst} holds the address that you come from" if wanted.contains(path.client) else ""


@_touches.register
def _link(change: LinkChange, path: Path) -> str:
    return f"your SSH connection uses {change.name}" if change.index in path.devices else ""


@_touches.register
def _address(change: AddressChange, path: Path) -> str:
    return f"your SSH connection uses {change.name}" if change.index in path.devices else ""


@_touches.register
def _neighbour(change: NeighbourChange, path: Path) -> str:
    same = path.client is not None and _number(change.address) == path.client
    return "it is the neighbour that your SSH connection uses" if same else ""


@_touches.register
def _rule(change: RuleChange, path: Path) -> str:
    """Look the packets of the connection up by the rules as they are and as they would be."""
    kept = [rule for rule in path.root.rules if rule.priority != change.priority]
    changed = Fib(path.root, sorted([*kept, *change.after], key=lambda rule: rule.priority))
    if path.client is not None and path.server is not None:
        devices = [path.root.name_of(index) for index in path.devices]
        packets = [Packet(path.client, path.server), *(Packet(path.server, path.client, name) for name in devices)]
        if all(_way(fib(path.root), packet) == _way(changed, packet) for packet in packets):
            return ""
    return "policy rules decide about your SSH connection too"


def _way(model: Fib, packet: Packet) -> tuple[Outcome, Route | None]:
    result = model.lookup(packet)
    return result.outcome, result.route


@_touches.register
def _chain(change: ChainChange, path: Path) -> str:
    aside = change.chain in HARMLESS_CHAINS or _reached_from_harmless(change, path)
    harmless = aside or _accepts_others_only(change, path)
    return "" if harmless else f"{change.table} {change.chain} may see your SSH connection"


def _reached_from_harmless(change: ChainChange, path: Path) -> bool:
    """Tell whether nothing but harmless chains jumps to a chain of somebody's own; nothing at all may."""
    held = path.root.filters.get(change.backend)
    table = parse(held.text, change.backend).tables.get(change.table, {}) if held else {}
    jumps = {chain.name for chain in table.values() for rule in chain.rules if rule.target == change.chain}
    return change.chain not in BUILT_IN and jumps <= HARMLESS_CHAINS


def _accepts_others_only(change: ChainChange, path: Path) -> bool:
    """Tell whether nothing comes or goes but rules that accept packets other than ours; the others keep their order."""
    moved = set(change.before) ^ set(change.after)
    before, after = ([line for line in lines if line not in moved] for lines in (change.before, change.after))
    return before == after and all(_accepts_others(parse_rule(line), path) for line in moved)


def _accepts_others(rule: FilterRule, path: Path) -> bool:
    device, source = rule.option("-i"), rule.option("-s")
    if rule.target != "ACCEPT":
        return False
    if device and device.values and not device.inverted and not device.values[0].endswith("+"):
        return device.values[0] not in path.names
    wanted = maybe_prefix(source.values[0]) if source and source.values and not source.inverted else None
    return wanted is not None and path.client is not None and not wanted.contains(path.client)


@_touches.register
def _sysctl(change: SysctlChange, path: Path) -> str:
    strict = [name for name in change.after if name.endswith(("/rp_filter", "/arp_ignore")) and path.concerns(name)]
    return f"{strict[0]} decides about your SSH connection too" if strict else ""
