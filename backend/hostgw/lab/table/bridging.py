"""Faults of bridge and port settings."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, step

_FILTERED: Final = "sysctl -qw net.bridge.bridge-nf-call-iptables=1"
_SERVICES: Final = (
    step("vm2", "iptables -w -t nat -N KUBE-SERVICES"),
    step("vm2", "iptables -w -t nat -A PREROUTING -j KUBE-SERVICES"),
)

_BRIDGES: Final = (
    Fault(
        "L12",
        "the bridge of vm2 has no MAC address of its own",
        "vm2",
        (
            step("vm2", "ip link del br0"),
            step("vm2", "ip link add br0 type bridge"),
            step("vm2", "ip link set br0 up"),
            step("vm2", "ip link set veth-c1 master br0"),
            step("vm2", "ip link set veth-c2 master br0"),
            step("vm2", "ip address add 10.239.1.1/24 dev br0"),
        ),
        (Expected("bridge-mac-floats", "vm2", "br0"),),
        "br0 keeps the address that it has",
        containers=2,
        notice=True,
        undoable=False,
    ),
    Fault(
        "L16",
        "STP runs on the bridge of vm2",
        "vm2",
        (step("vm2", "ip link set br0 type bridge stp_state 1"),),
        (Expected("bridge-stp-delays", "vm2", "br0"),),
        "STP is off on br0",
    ),
    Fault(
        "L19",
        "the bridge of vm2 is promiscuous where bridged frames pass kube-proxy's rules",
        "vm2",
        (*_SERVICES, step("vm2", _FILTERED), step("vm2", "ip link set br0 promisc on")),
        (Expected("hairpin-promiscuous", "vm2", "br0"),),
        "advice only: whoever made it promiscuous has to undo it (lab heal)",
        fixable=False,
        notice=True,
    ),
)

_PORTS: Final = (
    Fault(
        "L18",
        "hairpin mode is off on the ports of vm2, where kube-proxy is in use",
        "vm2",
        (*_SERVICES, step("vm2", _FILTERED)),
        (Expected("hairpin-off", "vm2", "br0"),),
        "hairpin mode is on for every port of br0",
        containers=1,
        notice=True,
    ),
    Fault(
        "L20",
        "two ports of vm2's bridge are isolated from each other",
        "vm2",
        (
            step("vm2", "ip link set veth-c1 type bridge_slave isolated on"),
            step("vm2", "ip link set veth-c2 type bridge_slave isolated on"),
        ),
        (Expected("port-isolated", "vm2", "veth-c1"), Expected("port-isolated", "vm2", "veth-c2")),
        "no port of br0 is isolated",
        containers=2,
        notice=True,
    ),
)

_FILTERS: Final = (
    Fault(
        "L21",
        "bridged frames of vm2 pass kube-proxy's rules by",
        "vm2",
        (*_SERVICES, step("vm2", "sysctl -qw net.bridge.bridge-nf-call-iptables=0")),
        (Expected("bridge-filter-off", "vm2", "net.bridge.bridge-nf-call-iptables"),),
        "net.bridge.bridge-nf-call-iptables is 1",
    ),
    Fault(
        "L22",
        "the filter of vm2 drops what its containers send to each other",
        "vm2",
        (
            step("vm2", _FILTERED),
            step("vm2", "iptables -w -A FORWARD -i br0 ! -o br0 -j ACCEPT"),
            step("vm2", "iptables -w -A FORWARD ! -i br0 -o br0 -j ACCEPT"),
            step("vm2", "iptables -w -P FORWARD DROP"),
        ),
        (Expected("bridged-traffic-dropped", "vm2", "br0"),),
        "FORWARD accepts what stays on br0",
        containers=2,
    ),
)

FAULTS: Final[tuple[Fault, ...]] = tuple(sorted((*_BRIDGES, *_PORTS, *_FILTERS), key=lambda fault: int(fault.id[1:])))
