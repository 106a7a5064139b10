"""Underlays that drop container addresses (catalogue 3.8): the maker of the machine tells which cloud it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Member, Mesh
from hostgw.model.finding import Finding

DMI = "/sys/class/dmi/id/"
AZURE_TAG = "7783-7084-3265-9085-8269-3286-77"
HARDWARE = frozenset({"", "bond", "team", "vlan", "bridge", "macvlan", "ipvlan"})
"""Kinds of underlay devices of a machine; by a veth, the host itself is a namespace of the machine."""

Made = Mapping[str, str]


class Cloud(NamedTuple):
    """A cloud, how its machines say so, and what it does to packets of containers."""

    entry: str
    name: str
    is_it: Callable[[Made], bool]
    does: str


CLOUDS = (
    Cloud("U1", "OpenStack", lambda m: "OpenStack" in m["sys_vendor"] + m["product_name"], "port security drops them"),
    Cloud(
        "U2", "AWS", lambda m: "Amazon EC2" in m["sys_vendor"] + m["chassis_asset_tag"], "the source check drops them"
    ),
    Cloud(
        "U3", "Google Cloud", lambda m: m["sys_vendor"] == "Google", "they pass only with IP forwarding and VPC routes"
    ),
    Cloud("U4", "Hetzner Cloud", lambda m: m["sys_vendor"] == "Hetzner", "its private network needs routes of its own"),
    Cloud("U5", "Azure", lambda m: m["chassis_asset_tag"] == AZURE_TAG, "they pass only with IP forwarding on the NIC"),
)
VIRTUAL = ("VMware", "Microsoft Corporation")


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield at most one notice: the cloud or hypervisor may drop packets from containers' addresses."""
    member = mesh.members.get(host.name)
    if not mesh.expected_of(host.name) or member is None or member.underlay is None:
        return
    cloud, evidence = cloud_of(host, member)
    if cloud:
        summary = f"{host.name} runs on {cloud.name}: packets from containers' addresses may be lost, {cloud.does}"
        effect = f"if frames leave {host.name} and do not arrive, look there first"
        yield finding("cloud-filters-sources", host.name, host.name, summary, effect, evidence, cloud.entry)


def cloud_of(host: Host, member: Member) -> tuple[Cloud | None, tuple[str, ...]]:
    """Return in which cloud a machine stands, as far as it says so, and by what it does."""
    link = host.root.links.get(member.underlay.index) if member.underlay else None
    made = {
        n: host.root.settings.get(DMI + n, {}).get("value", "")
        for n in ("sys_vendor", "product_name", "chassis_asset_tag")
    }
    if link is None or link.kind not in HARDWARE or not any(made.values()):
        return None, ()
    cloud = next((cloud for cloud in CLOUDS if cloud.is_it(made)), None) or _hypervisor(host, member, made)
    return cloud, tuple(f"{DMI}{name}: {value}" for name, value in made.items() if value) if cloud else ()


def _hypervisor(host: Host, member: Member, made: Made) -> Cloud | None:
    """Return the hypervisor where frames leave by another MAC address than the NIC's own: only those it may drop."""
    name = next((v for v in VIRTUAL if v in made["sys_vendor"]), "")
    if not name or member.underlay is None:
        return None
    link = host.root.links[member.underlay.index]
    nics = {port.mac for port in host.root.ports_of(link.index) if not port.kind}
    foreign = link.kind == "macvlan" or (link.kind == "bridge" and link.mac not in nics)
    return Cloud("U6", name, lambda _: True, "as may frames from other MAC addresses than its own") if foreign else None
