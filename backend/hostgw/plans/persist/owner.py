"""Which program configures a host's NIC, as its state files say."""

from __future__ import annotations

import re

from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.plans.persist import ifupdown, netplan, networkd, networkmanager
from hostgw.plans.persist.model import Files, Nic

_GENERATED = re.compile(r"/run/systemd/network/10-netplan-(.+)\.network")
_CONNECTION = re.compile(r"/run/NetworkManager/system-connections/netplan-(.+)\.nmconnection")


def owner(host: Host, mesh: Mesh, files: Files) -> Nic:
    """Return the NIC that the routes go out of, and by which program it is configured; empty for none we know."""
    underlay = mesh.members[host.name].underlay if host.name in mesh.members else None
    if underlay is None:
        return Nic("", "")
    name = underlay.interface
    found = _networkd(host, underlay.index, name) or _manager(host, underlay.index, name)
    if found:
        return found
    if ifupdown.configures(name, files):
        return Nic(name, ifupdown.MANAGER)
    if next(files.others(netplan.DIRECTORY, ".yaml"), None):
        return Nic(name, netplan.MANAGER, name)
    return Nic(name, "")


def _networkd(host: Host, index: int, name: str) -> Nic | None:
    state = host.root.settings.get(f"/run/systemd/netif/links/{index}", {})
    file = state.get("NETWORK_FILE", "")
    if "systemd-networkd" not in host.root.programs or state.get("ADMIN_STATE") != "configured" or not file:
        return None
    if generated := _GENERATED.fullmatch(file):
        return Nic(name, netplan.MANAGER, generated[1], networkd=True)
    return Nic(name, networkd.MANAGER, file.rpartition("/")[2], networkd=True)


def _manager(host: Host, index: int, name: str) -> Nic | None:
    state = host.root.settings.get(f"/run/NetworkManager/devices/{index}", {})
    if "NetworkManager" not in host.root.programs or state.get("device.managed") != "true":
        return None
    for path, values in host.root.settings.items():
        generated = _CONNECTION.fullmatch(path)
        if generated and values.get("connection.interface-name") == name:
            return Nic(name, netplan.MANAGER, generated[1])
    return Nic(name, networkmanager.MANAGER, state.get("device.connection-uuid", ""))
