"""Healthy fabrics made by hand, and ways to alter them: what the unit tests judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import msgspec

from hostgw.fabric import Fabric, Host, Snapshot
from hostgw.model.change import ChainChange
from hostgw.model.host import Facts, Namespace
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Bridge, Filter, Link, Port, Route, Rule, Sysctl
from hostgw.plans.commands import BUILT_IN
from hostgw.wire import Delta, Row, Section

LO, NIC, BRIDGE, PORT = 1, 2, 3, 10
OPERATOR = "10.5.7.250"


def delta(section: Section, rows: Iterable[Row], ns: int = 0, full: bool = True) -> Delta:
    return Delta(section, ns, msgspec.Raw(msgspec.json.encode(list(rows))), (), full)


def nat(subnet: str, network: str = "10.239.0.0/16") -> str:
    """The four rules of a host that owns `subnet`."""
    return "\n".join(
        [
            "*nat",
            ":PREROUTING ACCEPT [0:0]",
            ":POSTROUTING ACCEPT [0:0]",
            f"[5:420] -A POSTROUTING -s {network} -d {network} -j RETURN",
            f"[1:84] -A POSTROUTING -s {network} ! -d 224.0.0.0/4 -j MASQUERADE",
            f"[0:0] -A POSTROUTING ! -s {network} -d {subnet} -j RETURN",
            f"[0:0] -A POSTROUTING ! -s {network} -d {network} -j MASQUERADE",
            "COMMIT",
        ]
    )


def underlay(number: int) -> str:
    return f"10.5.{7 + (59 + number) // 256}.{(59 + number) % 256}"


def subnet(number: int) -> str:
    return f"10.239.{number - 1}.0/24"


def healthy_rows(number: int, hosts: int, containers: int = 2) -> dict[tuple[int, Section], list[Row]]:
    """The state of vm`number` in a healthy fabric of `hosts`."""
    links: list[Row] = [
        Link(LO, "lo", "loopback", True, True, "00:00:00:00:00:00", mtu=65536),
        Link(NIC, "eth0", "veth", True, True, f"02:00:00:00:00:{number:02x}", peer=99, peer_nsid=50),
        Link(BRIDGE, "br0", "bridge", True, True, f"02:00:00:00:01:{number:02x}", True, bridge=Bridge()),
    ]
    namespaces: list[Row] = [Namespace(0, f"vm{number}", 4026530000 + number)]
    rows: dict[tuple[int, Section], list[Row]] = {}
    base = f"10.239.{number - 1}"
    for index in range(1, containers + 1):
        mac = f"02:00:00:{number:02x}:03:{index:02x}"
        links.append(
            Link(
                PORT + index,
                f"veth-c{index}",
                "veth",
                True,
                True,
                mac,
                master=BRIDGE,
                peer=2,
                peer_nsid=index,
                port=Port(),
            )
        )
        inode = 4026540000 + number * 100 + index
        namespaces.append(Namespace(index, f"c{index}", inode, index, "netns", 0, f"/run/netns/c{index}"))
        inner = Link(2, "eth0", "veth", True, True, f"02:00:00:{number:02x}:02:{index:02x}", peer=PORT + index)
        rows[index, Section.LINKS] = [inner]
        rows[index, Section.ADDRESSES] = [Address(2, f"{base}.{index + 1}", 24)]
        rows[index, Section.ROUTES] = [
            Route("0.0.0.0/0", gateway=f"{base}.1", oif=2),
            Route(f"{base}.0/24", oif=2, protocol="kernel", scope="link", src=f"{base}.{index + 1}"),
        ]
    own = f"{base}.1"
    routes: list[Row] = [
        Route("0.0.0.0/0", gateway="10.5.7.1", oif=NIC),
        Route(
            "10.5.7.0/24" if hosts < 190 else "10.5.0.0/16",
            oif=NIC,
            protocol="kernel",
            scope="link",
            src=underlay(number),
        ),
        Route(f"{base}.0/24", oif=BRIDGE, protocol="kernel", scope="link", src=own),
    ]
    routes += [
        Route(subnet(other), gateway=underlay(other), oif=NIC, protocol="static")
        for other in range(1, hosts + 1)
        if other != number
    ]
    rows |= {
        (0, Section.NAMESPACES): namespaces,
        (0, Section.LINKS): links,
        (0, Section.ADDRESSES): [
            Address(LO, "127.0.0.1", 8, scope="host"),
            Address(NIC, underlay(number), 24 if hosts < 190 else 16),
            Address(BRIDGE, own, 24),
        ],
        (0, Section.ROUTES): routes,
        (0, Section.RULES): [Rule(0, 255), Rule(32766, 254), Rule(32767, 253)],
        (0, Section.SYSCTLS): [
            Sysctl("net/ipv4/ip_forward", "1"),
            Sysctl("net/ipv4/conf/all/forwarding", "1"),
            Sysctl("net/ipv4/conf/br0/forwarding", "1"),
            Sysctl("net/ipv4/conf/eth0/forwarding", "1"),
        ],
        (0, Section.FILTERS): [Filter("nft", nat(subnet(number)))],
    }
    return rows


def host(name: str, rows: dict[tuple[int, Section], list[Row]], address: str) -> Host:
    connection = (OPERATOR, "50000", address, "22")
    snapshot = Snapshot(Facts(name, "6.18.0", "3.11.2", 0, 100, connection))
    for (ns, section), held in sorted(rows.items()):
        if section is Section.NAMESPACES:
            snapshot = snapshot.with_delta(delta(section, held, ns))
    for (ns, section), held in rows.items():
        snapshot = snapshot.with_delta(delta(section, held, ns))
    return Host(name, HostState.UP, "", snapshot.synced(), address=address)


def healthy(hosts: int = 3, containers: int = 2) -> Fabric:
    fabric = Fabric()
    for number in range(1, hosts + 1):
        fabric = fabric.with_host(host(f"vm{number}", healthy_rows(number, hosts, containers), underlay(number)))
    return fabric


def altered(
    fabric: Fabric, name: str, section: Section, change: Callable[[list[Row]], Sequence[Row]], ns: int = 0
) -> Fabric:
    """Return the fabric with one section of one host passed through `change`."""
    old = fabric.hosts[name]
    assert old.snapshot is not None
    rows = change(list(old.snapshot.state(ns).table(section).values()))
    snapshot = old.snapshot.with_delta(delta(section, rows, ns))
    return fabric.with_host(replace(old, snapshot=snapshot))


def routes(fabric: Fabric, name: str, change: Callable[[list[Route]], list[Route]], ns: int = 0) -> Fabric:
    return altered(fabric, name, Section.ROUTES, change, ns)  # type: ignore[arg-type]


def only(fabric: Fabric, *names: str) -> Fabric:
    return Fabric({name: fabric.hosts[name] for name in names})


def with_chain(row: Filter, change: ChainChange) -> Filter:
    """Return the rules of a backend with one chain as a change leaves it; the chain and its table may be new."""
    if row.backend != change.backend:
        return row
    tables: dict[str, list[str]] = {}
    for line in row.text.splitlines():
        name = line[1:] if line.startswith("*") else next(reversed(tables), "")
        if name != change.table or not (line == "COMMIT" or f" -A {change.chain} " in f" {line} "):
            tables.setdefault(name, []).append(line)
    held = tables.setdefault(change.table, [f"*{change.table}"])
    if not any(line.startswith(f":{change.chain} ") for line in held):
        held.append(f":{change.chain} {'ACCEPT' if change.chain in BUILT_IN else '-'} [0:0]")
    held += [f"[0:0] {line}" for line in change.after]
    lines = [line for table in tables.values() for line in (*(x for x in table if x != "COMMIT"), "COMMIT")]
    return msgspec.structs.replace(row, text="\n".join(lines))
