"""networkd and NetworkManager, which may take for theirs what is not (P2, P3)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.boot_files import keeper, unwritten
from hostgw.checks.words import counted, finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.mesh.stations import host_ends
from hostgw.model.finding import Finding
from hostgw.model.kernel import Link

NETWORKD, MANAGER = "systemd-networkd", "NetworkManager"
NO = frozenset({"no", "false", "0", "off", "n", "f"})
KEEPING = frozenset({"yes", "true", "1", "on", "static"})
LINK_LOCAL = "169.254."


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield the programs that manage the network and take away what others made."""
    if NETWORKD in host.root.programs:
        yield from _networkd(host, mesh)
    if MANAGER in host.root.programs:
        yield from _manager(host)


def _networkd(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield networkd where it manages the NIC of our routes and may drop those that it did not make."""
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None or leaves_foreign_routes(host):
        return
    state = host.root.settings.get(f"/run/systemd/netif/links/{member.underlay.index}", {})
    managed = state.get("ADMIN_STATE") == "configured" and bool(state.get("NETWORK_FILE"))
    keeps = host.root.settings.get(state.get("NETWORK_FILE", ""), {}).get("Network.KeepConfiguration", "").lower()
    lost = unwritten(host, mesh, "/systemd/network/") if managed and keeps not in KEEPING else ()
    if lost:
        summary = f"networkd of {host.name} manages {member.underlay.interface} and drops routes that it did not make"
        back = f", until {by} puts them back" if (by := keeper(host)) else ""
        effect = (
            f"a restart of networkd or `netplan apply` takes away {counted(len(lost), 'route')} to other hosts{back}"
        )
        evidence = (f"{member.underlay.interface}: {state['NETWORK_FILE']}", "ManageForeignRoutes is not 'no'")
        yield finding("networkd-purges-routes", host.name, NETWORKD, summary, effect, evidence)


def leaves_foreign_routes(host: Host) -> bool:
    """Tell what ManageForeignRoutes is: the last of the main file and its drop-ins, by file name."""
    paths = [path for path in host.root.settings if "/networkd.conf" in path]
    said = ""
    for path in sorted(paths, key=lambda p: (".conf.d/" in p, p.rpartition("/")[2])):
        said = host.root.settings[path].get("Network.ManageForeignRoutes", said)
    return said.lower() in NO


def _manager(host: Host) -> Iterator[Finding]:
    """Yield NetworkManager where it manages a container's veth and the veth is not as its owner left it.

    On most hosts it leaves such devices alone, whatever its files say: only what it did counts.
    """
    for container in host.snapshot.containers if host.snapshot else ():
        for port in host_ends(host, container):
            state = host.root.settings.get(f"/run/NetworkManager/devices/{port.index}", {})
            if state.get("device.managed") == "true" and _taken_over(host, port):
                summary = f"NetworkManager of {host.name} has taken over {port.name}, the veth of {container.name}"
                effect = f"it detaches veths from their bridge and asks for addresses: {container.name} is cut off"
                held = ", ".join(a.address for a in host.root.addresses_of(port.index)) or "none"
                evidence = (f"{port.name}: managed by NetworkManager", f"{port.name}: address {held}")
                yield finding("networkmanager-takes-veths", host.name, MANAGER, summary, effect, evidence)
                return


def _taken_over(host: Host, port: Link) -> bool:
    held = host.root.addresses_of(port.index)
    leased = {r.oif for r in host.root.routes if r.protocol == "dhcp"}
    return port.index in leased or any(a.address.startswith(LINK_LOCAL) for a in held)
