"""A host with rules, by hand: eth0 to the others, br0 or whatever the rules name for containers."""

from __future__ import annotations

from types import MappingProxyType

from hostgw.fabric import NamespaceState
from hostgw.model.ip import address_number
from hostgw.model.kernel import Address, Filter, Link, Route, Sysctl
from hostgw.paths.netfilter import Flow
from hostgw.wire import Section

LINKS = (Link(1, "lo", "loopback"), Link(2, "eth0"), Link(3, "br0", "bridge"), Link(4, "veth1", "veth", master=3))
ADDRESSES = (Address(2, "10.5.7.60", 24), Address(3, "10.239.0.1", 24), Address(1, "127.0.0.1", 8, scope="host"))
ROUTES = (
    Route("10.5.7.0/24", oif=2, scope="link"),
    Route("10.239.0.0/24", oif=3, scope="link"),
    Route("10.239.1.0/24", gateway="10.5.7.61", oif=2),
    Route("0.0.0.0/0", gateway="10.5.7.1", oif=2),
)


def state(
    nft: str = "",
    legacy: str = "",
    nftables: str = "",
    ipset: str = "",
    sysctls: dict[str, str] | None = None,
    links: tuple[Link, ...] = LINKS,
    addresses: tuple[Address, ...] = ADDRESSES,
) -> NamespaceState:
    texts = {"nft": nft, "legacy": legacy, "nftables": nftables, "ipset": ipset}
    filters = {backend: Filter(backend, text) for backend, text in texts.items() if text}
    tables = {
        Section.FILTERS: MappingProxyType(filters),
        Section.LINKS: MappingProxyType({link.index: link for link in links}),
        Section.ADDRESSES: MappingProxyType(dict(enumerate(addresses))),
        Section.ROUTES: MappingProxyType(dict(enumerate(ROUTES))),
        Section.SYSCTLS: MappingProxyType({path: Sysctl(path, value) for path, value in (sysctls or {}).items()}),
    }
    return NamespaceState(MappingProxyType(tables))


def flow(source: str, destination: str, iif: str = "br0", oif: str = "eth0", **more: object) -> Flow:
    return Flow(address_number(source), address_number(destination), iif, oif, **more)  # type: ignore[arg-type]


def table(name: str, *rules: str, policy: str = "ACCEPT") -> str:
    """Return iptables-save text of one table with these rules."""
    chains = {rule.split()[1] for rule in rules} | {"FORWARD"}
    built_in = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
    heads = (f":{chain} {policy if chain in built_in else '-'} [0:0]" for chain in sorted(chains))
    return "\n".join((f"*{name}", *heads, *(f"[0:0] {rule}" for rule in rules), "COMMIT", ""))
