"""Faults that only probes show."""

from __future__ import annotations

from typing import Final

from hostgw.lab.addresses import mac
from hostgw.lab.faults import Expected, Fault, Step, step
from hostgw.lab.table.words import C2

_RIGHT: Final = mac(2, 2)
"""MAC address of vm2's NIC."""
_INGRESS: Final = "{ type filter hook ingress device eth0 priority 0; }"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "A7B",
        "a machine that is not listed holds the address of vm2, too",
        "vm2",
        (
            # The operator goes on reaching the right one: only then can both be looked at.
            step("operator", f"ip neigh replace 10.5.7.61 dev eth0 lladdr {_RIGHT} nud permanent"),
            step("gateway", "ip address add 10.5.7.61/24 dev eth0"),
        ),
        (Expected("address-duplicate", "vm2", "10.5.7.61"),),
        "no fix by a key: the other machine must give the address up (lab heal)",
        entry="A7",
        fixable=False,
        options=("--probe",),
    ),
    Fault(
        "U7",
        "the switch carries less than the hosts' MTU on its way to vm2",
        "vm2",
        (step("switch", "ip link set p-vm2 mtu 1400"),),
        (Expected("mtu-path-small", "vm2", C2),),
        "no fix by a key: the underlay must carry more, or the hosts send less (lab heal)",
        containers=1,
        fixable=False,
        options=("--probe",),
    ),
    Fault(
        "U1",
        "vm1's port of the switch lets only the address of vm1 itself pass",
        "vm1",
        (
            step("switch", "nft add table netdev lab"),
            Step("switch", ("nft", "add chain netdev lab in { type filter hook ingress device p-vm1 priority 0; }")),
            step("switch", "nft add rule netdev lab in ip saddr 10.239.0.0/16 drop"),
        ),
        (Expected("underlay-drops-sources", "vm1", "eth0"),),
        "no fix by a key: the port must let the containers' addresses pass (lab heal)",
        containers=1,
        fixable=False,
        options=("--probe",),
    ),
    Fault(
        "F18",
        "c1 on vm2 drops packets where no check looks",
        "vm2",
        (
            step("vm2/c1", "nft add table netdev lab"),
            Step("vm2/c1", ("nft", f"add chain netdev lab in {_INGRESS}")),
            step("vm2/c1", "nft add rule netdev lab in ip saddr 10.239.0.0/16 drop"),
        ),
        (Expected("probe-unanswered", "vm2", "10.239.1.2"),),
        "no fix by a key: what drops them has to be found first (lab heal)",
        containers=1,
        fixable=False,
        options=("--probe",),
    ),
)
