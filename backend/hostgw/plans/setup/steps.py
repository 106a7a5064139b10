"""What one host lacks to be a part of the network, step by step; what is there already is left alone."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.base_chains import barriers
from hostgw.checks.masquerading import outward
from hostgw.checks.nat import rulesets
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import AddressChange, BridgeChange, ChainChange, RouteChange
from hostgw.model.ip import Prefix, address_text, maybe_prefix
from hostgw.model.kernel import Address, Route
from hostgw.paths.netfilter import Flow, passages
from hostgw.plans.model import Step
from hostgw.plans.recipes.filtering import forwarding_change
from hostgw.plans.recipes.parts import routes_to
from hostgw.plans.setup import reasons
from hostgw.plans.setup.docker import Docker, file_steps, restart_steps
from hostgw.plans.setup.wishes import HostWish, Wishes, fixed_mac
from hostgw.plans.steps import step

CHAIN = "HOSTGW-MASQ"
"""Our own chain in nat: what is in it is ours, and goes as a whole."""
POSTROUTING, NAT = "POSTROUTING", "nat"
OUTSIDE = 0x08080808
"""An address that is in no private network; it is only looked up, nothing is ever sent there."""


def bridge_steps(host: Host, wish: HostWish) -> Iterator[Step]:
    """Yield the bridge with its fixed address, and the subnet's first address on it."""
    link = host.root.links_by_name.get(wish.bridge)
    if link is None:
        change = BridgeChange(wish.bridge, fixed_mac(wish.gateway), before=False, after=True)
        yield step(
            host,
            change,
            f"bridge {wish.bridge}, which keeps its MAC address whatever ports come and go",
            why=reasons.bridge(wish),
        )
    held = host.root.addresses_of(link.index) if link else ()
    wanted = address_text(wish.gateway)
    if wish.subnet and not any(address.address == wanted for address in held):
        index = link.index if link else 0
        own = Address(index, wanted, wish.subnet.length)
        summary = f"the gateway address of {wish.subnet}; the connected route comes with it"
        yield step(host, AddressChange(index, wish.bridge, held, (*held, own)), summary, why=reasons.gateway(wish))


def forwarding_steps(host: Host, wish: HostWish) -> Iterator[Step]:
    """Yield the switch that makes a router of the host."""
    if host.root.sysctls.get("net/ipv4/ip_forward") != "1":
        summary = "let the host forward: it is the gateway of its containers"
        yield step(host, forwarding_change(host), summary, why=reasons.forwarding(wish))


def route_steps(host: Host, wishes: Wishes, mesh: Mesh, only: str = "") -> Iterator[Step]:
    """Yield the routes to the subnets of others (of one, with `only`) that the host has none for."""
    mine = mesh.members[host.name].underlay
    for other in wishes.owners:
        theirs = mesh.members[other.name].underlay
        if other.name == host.name or only not in ("", other.name) or not (mine and theirs and other.subnet):
            continue
        if not routes_to(host, str(other.subnet)):
            gateway = next((a for a in theirs.addresses if mine.segment.contains(a)), theirs.address)
            way = {"gateway": address_text(gateway), "oif": mine.index, "protocol": "static"}
            route = Route(str(other.subnet), **way)  # type: ignore[arg-type]
            summary = f"route {route.dst} by its owner {other.name}"
            why = reasons.route(host.name, other, route.gateway, mine.interface)
            yield step(host, RouteChange(254, route.dst, (), (route,)), summary, why=why)


def masquerade_lines(network: str, subnet: str) -> tuple[str, ...]:
    """Return the four rules of the owner of a subnet.

    They accept where rules in POSTROUTING itself would return: behind a chain of ours others may still masquerade.
    """
    return (
        f"-A {CHAIN} -s {network} -d {network} -j ACCEPT",
        f"-A {CHAIN} -s {network} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
        f"-A {CHAIN} ! -s {network} -d {subnet} -j ACCEPT",
        f"-A {CHAIN} ! -s {network} -d {network} -j MASQUERADE --random-fully",
    )


def other_network(host: Host, network: Prefix) -> Prefix | None:
    """Return the network that our chain on a host serves, when it shares nothing with `network`."""
    rules = next(iter(rulesets(host)), None)
    own = rules.chain(NAT, CHAIN) if rules else None
    first = own.rules[0].option("-s") if own and own.rules else None
    held = maybe_prefix(first.values[0]) if first and first.values and not first.inverted else None
    return held if held and not held.overlaps(network) else None


def nat_steps(host: Host, wish: HostWish, wishes: Wishes) -> Iterator[Step]:
    """Yield our chain with the four rules, and the jump to it in front of everything else."""
    rules = next(iter(rulesets(host)), None)
    backend = rules.backend if rules else "nft"
    own = rules.chain(NAT, CHAIN) if rules else None
    base = rules.chain(NAT, POSTROUTING) if rules else None
    wanted = masquerade_lines(str(wishes.network), str(wish.subnet))
    held = own.lines if own else ()
    if held != wanted:
        change = ChainChange(backend, NAT, CHAIN, held, wanted, missing="" if own else "before")
        summary = "containers keep their address among themselves, and get the host's to the outside"
        yield step(host, change, summary, why=reasons.masquerade(wish, wishes))
    lines, jump = base.lines if base else (), f"-A {POSTROUTING} -j {CHAIN}"
    if not lines or lines[0] != jump:
        after = (jump, *(line for line in lines if line != jump))
        change = ChainChange(backend, NAT, POSTROUTING, lines, after, missing="" if base else "before")
        yield step(host, change, "our rules decide before any others do", why=reasons.jump(wish))


def accept_steps(host: Host, wish: HostWish, wishes: Wishes, device: str) -> Iterator[Step]:
    """Yield accepts in FORWARD where containers' packets would be dropped there, and only there."""
    if wish.subnet is None or not any(_barred(host, flow) for flow in _flows(wish, wishes, device)):
        return
    network, subnet = wishes.network, wish.subnet
    accepts = (
        f"-A FORWARD -s {network} -d {network} -j ACCEPT",
        f"-A FORWARD -s {subnet} -j ACCEPT",
        f"-A FORWARD -d {subnet} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    )
    for rules in rulesets(host):
        chain = rules.chain("filter", "FORWARD")
        if chain is not None and (chain.rules or chain.policy == "DROP"):
            after = (*accepts, *(line for line in chain.lines if line not in accepts))
            change = ChainChange(rules.backend, "filter", "FORWARD", chain.lines, after)
            summary = "accept what containers send and get, before it is dropped"
            yield step(host, change, summary, why=reasons.accept(wish))


def _flows(wish: HostWish, wishes: Wishes, device: str) -> Iterator[Flow]:
    own = wish.gateway + 1
    others = (other.gateway + 1 for other in wishes.owners if other.name != wish.name)
    for remote in (*others, OUTSIDE):
        yield Flow(own, remote, wish.bridge, device)
    for remote in (other.gateway + 1 for other in wishes.owners if other.name != wish.name):
        yield Flow(remote, own, device, wish.bridge)


def _barred(host: Host, flow: Flow) -> bool:
    return passages(host.root).forwarded(flow).lost and any(d.backend != "nftables" for d in barriers(host.root, flow))


def host_steps(host: Host, wishes: Wishes, mesh: Mesh, docker: Docker) -> Iterator[Step]:
    """Yield all that a host lacks, in the order in which it is to be made; of an external one only routes.

    Raises:
        UsageError: Docker's settings cannot be changed as they are.
    """
    wish = wishes.of(host.name)
    underlay = mesh.members[host.name].underlay
    if wish.subnet and not wish.there:
        yield from file_steps(host, wish, docker) if wish.docker else bridge_steps(host, wish)
    if wish.subnet:
        yield from forwarding_steps(host, wish)
    if wishes.masquerades(wish) and not (wish.there and outward(host, mesh)):
        yield from nat_steps(host, wish, wishes)
    if wish.subnet and not wish.there:
        yield from accept_steps(host, wish, wishes, underlay.interface if underlay else "")
    yield from route_steps(host, wishes, mesh)
    if wish.docker and not wish.there:
        yield from restart_steps(host, wish, docker)
