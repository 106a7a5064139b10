"""A host as a tree of devices and containers, its links with rates, its settings in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hostgw.fabric import Host, NamespaceState, Snapshot
from hostgw.live.view import View
from hostgw.mesh.bridges import container_link, is_container_bridge
from hostgw.model.host import Namespace
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Link
from hostgw_tui.host.rates import Rates, bars, count, size
from hostgw_tui.look import Line, Part, Row, Tone, cell, line


@dataclass(frozen=True)
class _Tree:
    """What the branches of a tree are drawn from."""

    host: Host
    snapshot: Snapshot
    view: View
    behind: Mapping[int, list[Namespace]]
    """Containers by the netns id by which links name where their peer is."""


def tree_rows(host: Host, view: View) -> list[Row]:
    """Return the devices: NICs, then bridges with ports and containers, then what stands apart."""
    if host.snapshot is None:
        return []
    links = host.root.links.values()
    tops = [link for link in links if not link.master]
    tops.sort(key=lambda link: (link.kind == "loopback", _is_bridge(link), link.index))
    named = {link.peer_nsid for link in links}
    apart = [container for container in host.snapshot.containers if container.nsid < 0 or container.nsid not in named]
    tree = _Tree(host, host.snapshot, view, _by_nsid(host.snapshot.containers))
    rows: list[Row] = []
    for place, link in enumerate(tops):
        rows += _branch(tree, link, "", place == len(tops) - 1 and not apart)
    for place, container in enumerate(apart):
        rows += _container(host.snapshot, container, "", place == len(apart) - 1)
    return rows


def _by_nsid(containers: Iterable[Namespace]) -> Mapping[int, list[Namespace]]:
    found: dict[int, list[Namespace]] = {}
    for container in containers:
        if container.nsid >= 0:
            found.setdefault(container.nsid, []).append(container)
    return found


def _is_bridge(link: Link) -> bool:
    return link.kind == "bridge"


def _branch(tree: _Tree, link: Link, guide: str, last: bool) -> Iterator[Row]:
    what = _what(tree.host, tree.view, link)
    yield _link_row(f"{guide}{'└─ ' if last else '├─ '}", link, tree.host.root, 0, what)
    below = guide + ("   " if last else "│  ")
    ports = tree.host.root.ports_of(link.index)
    inside = tree.behind.get(link.peer_nsid, [])
    for place, port in enumerate(ports):
        yield from _branch(tree, port, below, place == len(ports) - 1 and not inside)
    for place, container in enumerate(inside):
        yield from _container(tree.snapshot, container, below, place == len(inside) - 1)


def _container(snapshot: Snapshot, container: Namespace, guide: str, last: bool) -> Iterator[Row]:
    state = snapshot.state(container.id)
    inner = container_link(state)
    mark = f"{guide}{'└─ ' if last else '├─ '}"
    what = cell(f"container{_gateway(state)}", Tone.DIM)
    if inner is None:
        yield Row(f"ns{container.id}", (_name(mark, container.name, Tone.NAME), (), (), (), (), what))
    else:
        yield _link_row(mark, inner, state, container.id, what, f"{container.name} {inner.name}")


def _gateway(state: NamespaceState) -> str:
    gateway = next((r.gateway for r in state.routes if r.dst == "0.0.0.0/0"), "")
    return f", default via {gateway}" if gateway else ", no default route"


def _link_row(mark: str, link: Link, state: NamespaceState, ns: int, what: Line, name: str = "") -> Row:
    addresses = [f"{a.address}/{a.length}" for a in state.addresses_of(link.index)]
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    cells = (
        _name(mark, name or link.name, Tone.NAME if ns else Tone.STRONG),
        _state(link),
        cell(f"{addresses[0]}{more}" if addresses else ""),
        cell(link.mac, Tone.DIM),
        cell(link.mtu, Tone.DIM),
        what,
    )
    return Row(f"{ns}/{link.index}", cells)


def _name(mark: str, name: str, tone: Tone) -> Line:
    return (Part(mark, Tone.DIM), Part(name, tone))


def _state(link: Link) -> Line:
    if not link.up:
        return cell("✗ down", Tone.BAD)
    return cell("● up", Tone.OK) if link.carrier else cell("▲ no link", Tone.WARN)


def _what(host: Host, view: View, link: Link) -> Line:
    member = view.mesh.members.get(host.name)
    if member and member.underlay and member.underlay.index == link.index:
        return cell("underlay", Tone.OK)
    subnet = next((s for s in member.subnets if s.bridge == link.name), None) if member else None
    if subnet:
        return line("bridge of ", Part(str(subnet.prefix), Tone.OK))
    if link.port:
        return cell(f"port, {link.port.state}", Tone.DIM if link.port.state == "forwarding" else Tone.WARN)
    if _is_bridge(link):
        return cell("bridge" if is_container_bridge(host, link) else "bridge, not for containers", Tone.DIM)
    return cell(link.kind or "NIC", Tone.DIM)


def totals(host: Host) -> dict[object, tuple[int, ...]]:
    """Return what rates are made of, by ifindex: packets and bytes in and out."""
    return {c.index: (c.rx_packets, c.rx_bytes, c.tx_packets, c.tx_bytes) for c in host.root.counters.values()}


RX_BYTES, TX_BYTES = 1, 3
"""Where the bytes stand in `totals`."""
SPARK = 24


def spark(values: Sequence[float], width: int) -> Line:
    """Return rates as bars in a cell."""
    return cell(f"{bars(values, width):>{width}}", Tone.OK if any(values) else Tone.DIM)


def link_rows(host: Host, rates: Rates) -> list[Row]:
    """Return a row per device with counters: rates in and out, drops, errors."""
    rows = []
    for index, counters in sorted(host.root.counters.items()):
        found = rates.per_second(index)
        speed = (count(found[0]), size(found[1]), count(found[2]), size(found[3])) if found else ("…",) * 4
        lost = (counters.rx_dropped + counters.tx_dropped, counters.rx_errors + counters.tx_errors)
        cells = (
            cell(host.root.name_of(index), Tone.STRONG),
            *(cell(text, Tone.PLAIN if text not in ("0", "0B", "…") else Tone.DIM) for text in speed),
            *(cell(number, Tone.WARN if number else Tone.DIM) for number in lost),
            spark(rates.recent(index, RX_BYTES, TX_BYTES), SPARK),
        )
        rows.append(Row(str(index), cells))
    return rows


MEANINGS: dict[str, dict[str, tuple[str, Tone]]] = {
    "ip_forward": {"0": ("does not route", Tone.BAD), "1": ("routes between devices", Tone.OK)},
    "forwarding": {"0": ("does not route what comes in here", Tone.BAD), "1": ("routes what comes in here", Tone.OK)},
    "rp_filter": {
        "0": ("takes any source", Tone.OK),
        "1": ("strict: drops sources that are routed elsewhere", Tone.WARN),
        "2": ("loose: drops sources that have no route", Tone.OK),
    },
    "proxy_arp": {"0": ("answers ARP for itself only", Tone.OK), "1": ("answers ARP for others", Tone.WARN)},
    "arp_ignore": {"0": ("answers ARP for any own address", Tone.OK)},
    "send_redirects": {"0": ("sends no redirects", Tone.OK), "1": ("tells senders of a shorter way", Tone.DIM)},
    "accept_redirects": {"0": ("ignores redirects", Tone.OK), "1": ("lets redirects change its routes", Tone.DIM)},
    "bridge-nf-call-iptables": {"0": ("bridged packets pass no iptables", Tone.OK),
                                "1": ("bridged packets pass iptables as well", Tone.DIM)},
    "accept_local": {"0": ("drops its own address as a source", Tone.DIM)},
    "nexthop_compat_mode": {"0": ("nexthop objects are not shown as routes", Tone.DIM), "1": ("as usual", Tone.DIM)},
    "route_localnet": {"0": ("127/8 stays inside", Tone.DIM), "1": ("routes 127/8", Tone.WARN)},
}  # fmt: skip


def setting_rows(host: Host) -> list[Row]:
    """Return the kernel settings that the host reports: name, value, meaning; bad ones first."""
    rows = [_setting(path, value) for path, value in host.root.sysctls.items()]
    order = {Tone.BAD: 0, Tone.WARN: 1}
    return sorted(rows, key=lambda row: (order.get(row.cells[1][0].tone, 2), row.key.count("/"), row.key))


def _setting(path: str, value: str) -> Row:
    name = path.rpartition("/")[2]
    text, tone = MEANINGS.get(name, {}).get(value, ("", Tone.DIM))
    if name == "forwarding" and path.split("/")[-2] in ("lo", "default"):
        tone = Tone.DIM
    shown = path.removeprefix("net/ipv4/").removeprefix("net/").replace("/", ".")
    return Row(path, (cell(shown), cell(value, tone), cell(text, tone)))


def title(host: Host | None, position: str) -> str:
    """Return the title of a screen of one host."""
    if host is None:
        return "no host"
    facts = host.snapshot.facts if host.snapshot and host.state is HostState.UP else None  # else its age matters more
    kernel = f" · Linux {facts.kernel}" if facts else ""
    return f"{host.name} ({position}){kernel}"


def position(view: View, name: str) -> str:
    """Return the place of a host in the list, as ``1/3``."""
    names = list(view.fabric.hosts)
    return f"{names.index(name) + 1}/{len(names)}" if name in names else "0/0"
