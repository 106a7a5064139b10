"""What hosts of a lab can look like besides the plain case, and whether this machine can hold that."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

from hostgw.errors import LabError


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which the hosts of a lab are set up."""

    name: str
    text: str
    """What is otherwise than in the plain lab."""
    bridge: str = "br0"
    """Name of the container bridge."""
    nat: str = "iptables"
    """Who wrote the NAT rules: `iptables`, `legacy`, `flannel`, `native` (nft), or empty for nobody."""
    uplink: str = "eth0"
    """Interface that holds the underlay address."""
    ipv6: bool = False
    programs: tuple[tuple[str, str], ...] = ()
    """Programs of the real machine that it needs, each with the Debian package that has it."""
    link: str = ""
    """Kind of link that the kernel must have."""

    bare: bool = False
    """Hosts have nothing but a NIC and an address; containers are namespaces without a device."""
    network: str = "10.239.0.0/16"
    """The range that the container subnets come from."""

    @property
    def docker(self) -> bool:
        """A real Docker daemon runs on each host."""
        return self.bridge == "docker0"

    @property
    def ordinary(self) -> bool:
        """Interfaces have the names that faults speak of."""
        return self.bridge == "br0" and self.uplink == "eth0" and not self.bare


_DOCKER: Final = (("dockerd", "docker.io"),)

ALL: Final = (
    Variant("plain", "the four NAT rules in nftables, by iptables-nft"),
    Variant("legacy", "the four NAT rules in legacy tables; `iptables` on the hosts means legacy", nat="legacy"),
    Variant("nft", "the four NAT rules as native nft; iptables shows none", nat="native"),
    Variant("none", "no NAT rules: pure routing", nat=""),
    Variant("flannel", "bridge cni0, the FLANNEL chains and /run/flannel/subnet.env", bridge="cni0", nat="flannel"),
    Variant("docker", "bridge docker0 under a real dockerd with iptables off", bridge="docker0", programs=_DOCKER),
    Variant("vagrant", "eth0 is the same 10.0.2.15/24 everywhere, the segment is on eth1", uplink="eth1"),
    Variant("lan-bridge", "eth0 is a port of br-lan, which holds the host's address", uplink="br-lan"),
    Variant("bond", "eth0 is in bond0, which holds the host's address", uplink="bond0", link="bond"),
    Variant("bare", "hosts have a NIC and an address and no more: `setup` makes the rest", nat="", bare=True),
    Variant(
        "practice",
        "two machines under a real dockerd each, and no routes: docs/docker.md; image busybox is there",
        bridge="docker0",
        nat="",
        uplink="eth1",
        programs=(*_DOCKER, ("docker", "docker.io, from Debian 13 on docker-cli"), ("busybox", "busybox-static")),
        bare=True,
        network="172.17.0.0/16",
    ),
    Variant("dual-stack", "hosts and containers have IPv6 addresses and routes too", ipv6=True),
)
VARIANTS: Final = {each.name: each for each in ALL}


def find(name: str) -> Variant:
    """The variant of that name; raises LabError naming those that exist."""
    if name not in VARIANTS:
        raise LabError(f"there is no variant {name}", remedy=f"choose one of: {', '.join(VARIANTS)}")
    return VARIANTS[name]


def check_possible(variant: Variant) -> None:
    """Raise LabError when this machine cannot hold a variant."""
    for program, package in variant.programs:
        if not shutil.which(program):
            raise LabError(f"variant {variant.name} needs {program}", "it is not on PATH", f"install {package}")
    if variant.link and not _has_kind(variant.link):
        reason = f"this kernel makes no link of kind {variant.link}"
        raise LabError(f"variant {variant.name} cannot be built here", reason, "load its module, or use another kernel")


def _has_kind(kind: str) -> bool:
    """Tell whether the kernel makes such a link, by making one in a namespace that ends with the command."""
    argv = ["unshare", "--net", "ip", "link", "add", "probe0", "type", kind]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
