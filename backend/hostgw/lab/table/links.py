"""Faults of NICs, bridges and ports."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, step

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "L2",
        "the bridge of vm2 is down",
        "vm2",
        (step("vm2", "ip link set br0 down"),),
        (Expected("bridge-down", "vm2", "br0"),),
        "br0 is up and its connected route is back",
    ),
    Fault(
        "L3",
        "the veth of vm2's c1 is in no bridge",
        "vm2",
        (step("vm2", "ip link set veth-c1 nomaster"),),
        (Expected("port-detached", "vm2", "veth-c1"),),
        "veth-c1 is a port of br0",
        containers=1,
    ),
    Fault(
        "L4",
        "the veth of vm2's c1 is in another bridge",
        "vm2",
        (
            step("vm2", "ip link add br9 type bridge"),
            step("vm2", "ip link set br9 up"),
            step("vm2", "ip link set veth-c1 master br9"),
        ),
        (Expected("port-wrong-bridge", "vm2", "veth-c1"),),
        "veth-c1 is a port of br0",
        containers=1,
    ),
    Fault(
        "L5",
        "a port of vm2's bridge holds the gateway address, too",
        "vm2",
        (step("vm2", "ip address add 10.239.1.1/24 dev veth-c1"),),
        (Expected("port-has-address", "vm2", "veth-c1"),),
        "veth-c1 has no address",
        containers=1,
    ),
    Fault(
        "L6",
        "the bridge of vm2 has no address",
        "vm2",
        (step("vm2", "ip address flush dev br0"),),
        (Expected("bridge-no-address", "vm2", "br0"),),
        "br0 has 10.239.1.1/24 and its connected route is back",
    ),
)
