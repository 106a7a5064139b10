"""Faults of addresses."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step, step

_TELL: Final = "no fix by a key: "

_BRIDGES: Final = (
    Fault(
        "A1",
        "the bridge of vm2 stands in vm1's subnet, too",
        "vm2",
        (step("vm2", "ip address add 10.239.0.129/25 dev br0"),),
        (Expected("subnet-overlap", "vm2", "10.239.0.128/25"),),
        f"{_TELL}vm2 needs a subnet of its own (lab heal)",
        fixable=False,
    ),
    Fault(
        "A2",
        "the bridge of vm2 has an address of another subnet than its containers",
        "vm2",
        (step("vm2", "ip address flush dev br0"), step("vm2", "ip address add 10.239.77.1/24 dev br0")),
        (Expected("bridge-address-wrong", "vm2", "br0"),),
        "br0 has 10.239.1.1/24 and its connected route is back",
        containers=1,
    ),
    Fault(
        "A3",
        "a second bridge of vm2 has the subnet of br0",
        "vm2",
        (
            step("vm2", "ip link add br9 type bridge"),
            step("vm2", "ip link set br9 up"),
            step("vm2", "ip address add 10.239.1.1/24 dev br9"),
        ),
        (Expected("bridges-share-subnet", "vm2", "br9"),),
        "br9 has no address",
    ),
)

_NETWORKS: Final = (
    Fault(
        "A5",
        "another network of vm1 uses a part of vm2's subnet",
        "vm1",
        (
            step("vm1", "ip link add office0 type veth peer name office1"),
            step("vm1", "ip link set office0 up"),
            step("vm1", "ip link set office1 up"),
            step("vm1", "ip address add 10.239.1.140/25 dev office0"),
        ),
        (Expected("subnet-over-network", "vm1", "10.239.1.128/25"),),
        f"{_TELL}that network or the containers need another range (lab heal)",
        fixable=False,
    ),
    Fault(
        "A7",
        "vm3 has taken the address of vm2",
        "vm3",
        (
            # The operator goes on reaching the right one: only then can both be looked at.
            step("operator", "ping -c1 -W2 10.5.7.61"),
            Step(
                "operator",
                (
                    "sh",
                    "-c",
                    "ip neigh replace 10.5.7.61 dev eth0 nud permanent lladdr "
                    "$(ip neigh show 10.5.7.61 dev eth0 | sed 's/.*lladdr //; s/ .*//')",
                ),
            ),
            step("vm3", "ip address add 10.5.7.61/24 dev eth0"),
        ),
        (Expected("address-duplicate", "vm3", "10.5.7.61"),),
        f"{_TELL}one of the two must give the address up (lab heal)",
        hosts=3,
        fixable=False,
    ),
)

_CONTAINERS: Final = (
    Fault(
        "A8",
        "c2 of vm2 has the address of c1",
        "vm2",
        (
            step("vm2/c2", "ip address flush dev eth0"),
            step("vm2/c2", "ip address add 10.239.1.2/24 dev eth0"),
            step("vm2/c2", "ip route add default via 10.239.1.1"),
        ),
        (Expected("container-address-duplicate", "vm2", "10.239.1.2"),),
        f"{_TELL}one of the containers must be recreated (lab heal)",
        containers=2,
        fixable=False,
    ),
    Fault(
        "A9",
        "c1 of vm2 has an address of no subnet of the network",
        "vm2",
        (
            step("vm2/c1", "ip address flush dev eth0"),
            step("vm2/c1", "ip address add 10.88.0.5/16 dev eth0"),
            step("vm2/c1", "ip route add default via 10.88.0.1"),
        ),
        (Expected("container-address-foreign", "vm2", "c1"),),
        f"{_TELL}the container must be recreated (lab heal)",
        containers=1,
        fixable=False,
    ),
    Fault(
        "A10",
        "the mask of vm2's c1 takes in the whole network",
        "vm2",
        (
            step("vm2/c1", "ip address flush dev eth0"),
            step("vm2/c1", "ip address add 10.239.1.2/16 dev eth0"),
            step("vm2/c1", "ip route add default via 10.239.1.1"),
        ),
        (Expected("container-mask-wide", "vm2", "c1"),),
        f"{_TELL}the container must be recreated (lab heal)",
        containers=1,
        fixable=False,
    ),
    Fault(
        "A12",
        "every address of vm2's subnet is reserved",
        "vm2",
        (
            Step(
                "vm2",
                (
                    "sh",
                    "-c",
                    "mkdir -p /var/lib/cni/networks/lab && cd /var/lib/cni/networks/lab && "
                    "seq -f 10.239.1.%g 2 254 | xargs touch",
                ),
            ),
        ),
        (Expected("ipam-exhausted", "vm2", "10.239.1.0/24"),),
        f"{_TELL}reservations without a container must go (lab heal)",
        fixable=False,
        files=("/var/lib/cni",),
    ),
)

FAULTS: Final[tuple[Fault, ...]] = (*_BRIDGES, *_NETWORKS, *_CONTAINERS)
