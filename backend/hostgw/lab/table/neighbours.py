"""Faults of neighbours, MAC addresses and ARP settings."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step, step

_CONF: Final = "sysctl -qw net.ipv4.conf"

_ENTRIES: Final = (
    Fault(
        "L8",
        "vm2 does not answer the ARP requests of vm1: a filter drops them",
        "vm1",
        (
            step("vm2", "nft add table arp silent"),
            step("vm2", "nft add chain arp silent input { type filter hook input priority 0 ; }"),
            step("vm2", "nft add rule arp silent input arp saddr ip 10.5.7.60 drop"),
            Step("vm1", ("sh", "-c", "ip neigh flush to 10.5.7.61; ping -c1 -W5 10.5.7.61; true")),
        ),
        (Expected("neighbour-unresolved", "vm1", "10.5.7.61"),),
        "no fix by a key: what drops or loses ARP must be found (lab heal)",
        fixable=False,
    ),
    Fault(
        "L9",
        "vm1 knows vm2 by a MAC address that is pinned and wrong",
        "vm1",
        (step("vm1", "ip neigh replace 10.5.7.61 lladdr 02:6c:ff:00:00:99 dev eth0 nud permanent"),),
        (Expected("neighbour-pinned", "vm1", "10.5.7.61"),),
        "vm1 knows vm2 by the MAC address of its eth0, and learns it anew",
    ),
)

_SETTINGS: Final = (
    Fault(
        "L13",
        "vm2 does not answer the ARP requests of its containers",
        "vm2",
        (step("vm2", f"{_CONF}.br0.arp_ignore=8"),),
        (Expected("arp-ignored", "vm2", "net.ipv4.conf.br0.arp_ignore"),),
        "net.ipv4.conf.br0.arp_ignore is 0",
    ),
    Fault(
        "L14",
        "vm2 has a second NIC on the segment, and both answer for each other",
        "vm2",
        (
            step("vm2", "ip link add eth1 link eth0 type macvlan mode bridge"),
            step("vm2", "ip link set eth1 up"),
            step("vm2", "ip address add 10.5.7.161/24 dev eth1"),
        ),
        (Expected("arp-flux", "vm2", "eth1"),),
        "advice only: separate subnets, or settings that somebody has to make last (lab heal)",
        fixable=False,
    ),
    Fault(
        "L15",
        "vm2 answers ARP requests on its bridge for whatever it routes elsewhere",
        "vm2",
        (step("vm2", f"{_CONF}.br0.proxy_arp=1"),),
        (Expected("proxy-arp-on", "vm2", "net.ipv4.conf.br0.proxy_arp"),),
        "net.ipv4.conf.br0.proxy_arp is 0",
        notice=True,
    ),
)

FAULTS: Final[tuple[Fault, ...]] = (*_ENTRIES, *_SETTINGS)
