"""Which routes decide about a subnet: table main alone, or what the policy rules lead a container's packet to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.mesh.bridges import underlay_addresses
from hostgw.model.ip import FULL, Prefix, address_text, prefix
from hostgw.model.kernel import Route, Rule
from hostgw.paths.fib import ENDINGS, LOCAL, MAIN, Fib, Packet


@dataclass(frozen=True, slots=True)
class Way:
    """The routes that cover a prefix in the table that decides, and all to parts of it that are met before."""

    routes: tuple[Route, ...] = ()
    inside: tuple[Route, ...] = ()
    table: int = 0
    """0 when no rule leads to a route."""
    rule: Rule | None = None
    """The rule that decides, where that is not the look-up of table main that every packet meets."""


@dataclass(frozen=True, slots=True)
class Traveller:
    """From where a packet comes: a source address and the device by which it comes in."""

    source: int = 0
    iif: str = ""


def main_way(model: Fib, wanted: Prefix) -> Way:
    """Return what table main says of a prefix."""
    return Way(model.covering(wanted), model.inside(wanted), MAIN)


def own_way(host: Host, model: Fib, wanted: Prefix) -> Way:
    """Return what becomes of packets to a prefix that come in by the NIC, from a source that no rule singles out."""
    narrower = _narrower([rule.dst for rule in model.rules], wanted)
    nic = next((host.root.name_of(address.index) for address in underlay_addresses(host)), "")
    return _way(model, wanted, Packet(_outside(wanted, narrower), 0, nic))


def reply_way(host: Host, model: Fib, subnet: Subnet) -> Way | None:
    """Return what becomes of the host's own replies to its containers: from their gateway's address, sent by itself.

    None where no device of the host holds that address. Rules by source meet these packets as they meet containers'.
    """
    gateway = address_text(subnet.gateway)
    if not any(address.address == gateway for address in host.root.addresses):
        return None
    narrower = _narrower([rule.dst for rule in model.rules], subnet.prefix)
    return _way(model, subnet.prefix, Packet(_outside(subnet.prefix, narrower), subnet.gateway))


def ways(host: Host, mesh: Mesh, model: Fib, wanted: Prefix) -> Iterator[tuple[Prefix, Way]]:
    """Yield what becomes of packets to a prefix, and to the parts of it that rules single out, from each traveller."""
    parts = _narrower([rule.dst for rule in model.rules], wanted)
    for traveller in travellers(host, mesh, model):
        for part in (wanted, *parts):
            narrower = [p for p in parts if p != part and part.covers(p)]
            packet = Packet(_outside(part, narrower), traveller.source, traveller.iif)
            yield part, _way(model, part, packet)


_DECIDES: WeakKeyDictionary[Fib, tuple[Mesh, bool]] = WeakKeyDictionary()


def main_decides(host: Host, mesh: Mesh, model: Fib) -> bool:
    """Tell whether a route to a subnet in table main is one that containers' packets take, whatever the subnet.

    So it is under rules that are about other things: for marked packets, other destinations, tables of other prefixes.
    """
    if model.plain:
        return True
    known = _DECIDES.get(model)
    if known is None or known[0] is not mesh:
        decides = all(_reaches_main(mesh, model, traveller) for traveller in travellers(host, mesh, model))
        known = _DECIDES[model] = mesh, decides
    return known[1]


def _reaches_main(mesh: Mesh, model: Fib, traveller: Traveller) -> bool:
    if any(rule.dst and (rule.inverted or any(mesh.owned.overlapping(prefix(rule.dst)))) for rule in model.rules):
        return False
    for rule in model.consulted(Packet(0, traveller.source, traveller.iif)):
        if rule.action in ENDINGS:
            return False
        if rule.table == MAIN:
            return rule.suppress_prefixlength < 1
        table = model.tables.get(rule.table)
        if table and any(any(mesh.owned.overlapping(held)) for held in table.by_prefix):
            return False
    return False


def travellers(host: Host, mesh: Mesh, model: Fib) -> Iterator[Traveller]:
    """Yield a container of each own subnet, and of each part of it that rules single out; else the host itself.

    A rule for a single container is that container's affair, as is one for a bridge that is no part of the mesh.
    """
    member = mesh.members.get(host.name)
    owned = [s for s in (member.subnets if member else ()) if s.bridge in host.root.links_by_name]
    for subnet in owned:
        parts = _narrower([rule.src for rule in model.rules], subnet.prefix)
        for part in (subnet.prefix, *(p for p in parts if p.length < 32)):
            narrower = [p for p in parts if p != part and part.covers(p)]
            yield Traveller(_outside(part, narrower), subnet.bridge)
    if not owned:
        yield Traveller()


def _narrower(texts: list[str], wanted: Prefix) -> list[Prefix]:
    """Return the prefixes that are true parts of `wanted`, each once."""
    found = dict.fromkeys(prefix(text) for text in texts if text)
    return [p for p in found if p != wanted and wanted.covers(p)]


def _outside(wanted: Prefix, narrower: list[Prefix]) -> int:
    """Return an address of `wanted` that lies in none of `narrower`; its second one when they leave none."""
    last = wanted.address | (FULL >> wanted.length)
    tried = [wanted.first_host + 1, last - 1, *(p.address - 1 for p in narrower)]
    tried += [(p.address | (FULL >> p.length)) + 1 for p in narrower]
    fit = (n for n in tried if wanted.contains(n) and not any(p.contains(n) for p in narrower))
    return next(fit, wanted.first_host + 1 if wanted.length < 31 else wanted.address)


def _way(model: Fib, wanted: Prefix, packet: Packet) -> Way:
    inside: tuple[Route, ...] = ()
    for rule in model.consulted(packet):
        if rule.action in ENDINGS:
            return Way((), inside, 0, rule)
        if rule.table == LOCAL:
            continue
        inside += model.inside(wanted, rule.table)
        routes = model.covering(wanted, rule.table)
        if not routes or routes[0].type == "throw":
            continue
        if routes[0].type in ENDINGS or prefix(routes[0].dst).length > rule.suppress_prefixlength:
            return Way(routes, inside, rule.table, None if rule.table == MAIN else rule)
    return Way((), inside)


def meets(host: Host, mesh: Mesh, model: Fib, table: int) -> bool:
    """Tell whether some rule leads the packets of every traveller to a table, whatever their destination."""
    return all(_meets(model, traveller, table) for traveller in travellers(host, mesh, model))


def _meets(model: Fib, traveller: Traveller, table: int) -> bool:
    anywhere = Packet(0, traveller.source, traveller.iif)
    return any(rule.table == table and rule.action == "lookup" for rule in model.consulted(anywhere))
