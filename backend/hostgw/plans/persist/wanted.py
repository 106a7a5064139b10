"""What of a host's network is there now, is as it should be, and would be gone after a reboot."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostgw.checks.boot_files import MADE_BY_HAND, keeper, lacks_module, routed
from hostgw.fabric import Host
from hostgw.mesh import Expected, Mesh, Subnet
from hostgw.mesh.assigned import SUBNET_ENV
from hostgw.model.ip import Prefix, address_number
from hostgw.model.kernel import Link, Route
from hostgw.plans.advice import owner_of
from hostgw.plans.persist import rules, sysctl
from hostgw.plans.persist.model import NAME, BridgeConfig, Files, Nic, Wanted, Way
from hostgw.plans.recipes.parts import routes_to

MAKERS = {
    r"docker0|br-[0-9a-f]{12}": "Docker",
    r"cni\d+|cbr0|kube-bridge": "the CNI plugin",
    r"virbr\d+": "libvirt",
    r"lxdbr\d+|incusbr\d+": "LXD",
    r"podman\d+": "Podman",
}
"""Who makes the bridges of such names when it starts."""
GENERATED = "/run/"


def wanted(host: Host, mesh: Mesh, nic: Nic, files: Files) -> Wanted:
    """Return what has to be written down, without what files or programs bring by themselves."""
    member = mesh.members[host.name]
    bridges = tuple(subnet.bridge for subnet in member.subnets if subnet.bridge)
    serves = bool(member.subnets)
    return Wanted(
        nic=nic,
        ways=() if kept_by(host) else tuple(_ways(host, mesh)),
        bridges=tuple(_bridges(host, member.subnets, files)),
        rules=() if kept_by(host) else rules.ours(host, mesh),
        sysctls=sysctl.lost(host, (nic.name, *bridges)) if serves else {},
        modules=("br_netfilter",) if serves and lacks_module(host, but=NAME) else (),
    )


def kept_by(host: Host) -> str:
    """Return the program that sets routes and rules by itself; it may be one that starts later."""
    return keeper(host) or ("flannel" if SUBNET_ENV in host.root.settings else "")


def _ways(host: Host, mesh: Mesh) -> Iterator[Way]:
    segment = underlay.segment if (underlay := mesh.members[host.name].underlay) else None
    held = {(prefix, gateway) for path, prefix, gateway in routed(host) if _lasts(path)}
    for expected in mesh.expected_of(host.name):
        for route in routes_to(host, str(expected.subnet.prefix))[:1]:
            by_hand = _right(route, expected) and route.protocol in MADE_BY_HAND
            if by_hand and (expected.subnet.prefix, route.gateway) not in held:
                yield Way(route.dst, route.gateway, route.metric, _needs_onlink(route, segment))


def _needs_onlink(route: Route, segment: Prefix | None) -> bool:
    """Tell whether a route has to say that its gateway is on link; networkd says so of its own, where nobody has to."""
    return "onlink" in route.flags and not (segment and segment.contains(address_number(route.gateway)))


def _lasts(path: str) -> bool:
    """Tell whether a file is there after a reboot, and is not ours."""
    return not path.startswith(GENERATED) and NAME not in path


def _right(route: Route, expected: Expected) -> bool:
    return bool(route.gateway) and (route.gateway, route.oif) in expected.ways


def _bridges(host: Host, subnets: tuple[Subnet, ...], files: Files) -> Iterator[BridgeConfig]:
    for subnet in subnets:
        link = host.root.links_by_name.get(subnet.bridge)
        held = host.root.addresses_of(link.index) if link else ()
        address = next((a for a in held if address_number(a.address) == subnet.gateway), None)
        if link and address and not _made_by_others(host, link, files):
            yield BridgeConfig(link.name, link.mac, f"{address.address}/{address.length}")


def _made_by_others(host: Host, link: Link, files: Files) -> bool:
    """Tell whether a program or a file of somebody else makes the bridge."""
    networkd = host.root.settings.get(f"/run/systemd/netif/links/{link.index}", {})
    manager = host.root.settings.get(f"/run/NetworkManager/devices/{link.index}", {})
    managed = networkd.get("ADMIN_STATE") == "configured" or manager.get("device.managed") == "true"
    ours = any(NAME in file.path and link.name in file.path for file in files.all)
    named = any(_names(file.text or "", link.name) for file in files.all if NAME not in file.path)
    profiles = (values for path, values in host.root.settings.items() if NAME not in path)
    named = named or any(values.get("connection.interface-name") == link.name for values in profiles)
    return bool(_maker(link.name)) or named or (managed and not ours)


def _maker(bridge: str) -> str:
    return next((program for pattern, program in MAKERS.items() if re.fullmatch(pattern, bridge)), "")


def _names(text: str, bridge: str) -> bool:
    """Tell whether a file makes a bridge, in any of the dialects."""
    words = (f"Name={bridge}", f"interface-name={bridge}", f"{bridge}:", f"iface {bridge} ")
    return any(f"{line.strip()} ".startswith(word) for line in text.splitlines() for word in words)


def notes(host: Host, mesh: Mesh) -> Iterator[str]:
    """Yield what is left as it is because a program keeps it, or because it is not right."""
    if program := kept_by(host):
        yield f"{host.name}: {program} sets the routes and its rules again by itself: they are not written down"
        return
    for expected in mesh.expected_of(host.name):
        route = next(iter(routes_to(host, str(expected.subnet.prefix))), None)
        if route is None or not _right(route, expected):
            yield f"{host.name}: the route to {expected.subnet.prefix} is not as it should be: fix it first"
        elif route.protocol not in MADE_BY_HAND and route.protocol != "kernel":
            by = owner_of((route,)) or f"a program (protocol {route.protocol})"
            yield f"{host.name}: {by} keeps the route to {expected.subnet.prefix}"
    native = host.root.filters.get("nftables")
    if native and "masquerade" in native.text and mesh.members[host.name].subnets:
        yield f"{host.name}: rules of native nftables are not written down: `nft list ruleset` prints them"
    for subnet in mesh.members[host.name].subnets:
        if by := _maker(subnet.bridge):
            yield f"{host.name}: {by} makes {subnet.bridge} when it starts"
