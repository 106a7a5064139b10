"""Faults of daemons, files and order."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step, step

_SYSCTL: Final = "/etc/sysctl.d/99-zz-hardening.conf"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "P4",
        "a file of vm1 switches forwarding off at the next reload",
        "vm1",
        (Step("vm1", ("sh", "-c", f"echo net.ipv4.ip_forward=0 > {_SYSCTL}")),),
        (Expected("sysctl-file-forwarding-off", "vm1", _SYSCTL),),
        "no fix by a key: the file has to change (lab heal)",
        fixable=False,
        files=(_SYSCTL,),
    ),
    Fault(
        "P8",
        "the bridge of vm2 was made anew, its veths were left behind",
        "vm2",
        (
            step("vm2", "ip link del br0"),
            step("vm2", "ip link add br0 address 02:47:57:00:00:08 type bridge"),
            step("vm2", "ip address add 10.239.1.1/24 dev br0"),
            step("vm2", "ip link set br0 up"),
        ),
        (Expected("port-detached", "vm2", "veth-c1"), Expected("port-detached", "vm2", "veth-c2")),
        "veth-c1 and veth-c2 are ports of br0",
        containers=2,
        entry="L3",
    ),
)
