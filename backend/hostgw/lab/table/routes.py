"""Faults of routes."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, step
from hostgw.lab.table.words import C1, C2, RIGHT

RESTORED: Final = f"vm1 has {RIGHT} proto static and no other route into {C2}"


def _route(entry: str, title: str, commands: tuple[str, ...], code: str, subject: str = C2, hosts: int = 2) -> Fault:
    """A fault in the routes of vm1."""
    steps = tuple(step("vm1", f"ip route {command}") for command in commands)
    return Fault(entry, title, "vm1", steps, (Expected(code, "vm1", subject),), RESTORED, hosts)


_DELETE: Final = f"del {RIGHT}"

_ROUTES: Final = (
    _route("R1", "no route to vm2's subnet", (_DELETE, "del default via 10.5.7.1 dev eth0"), "route-missing"),
    _route("R2", "no route to vm2's subnet but the default route", (_DELETE,), "route-missing"),
    _route(
        "R3",
        "vm2's subnet goes to the gateway",
        (_DELETE, f"add {C2} via 10.5.7.1 dev eth0 proto static"),
        "route-wrong-next-hop",
    ),
    _route(
        "R4",
        "vm2's subnet goes to vm3, ping works by detour",
        (_DELETE, f"add {C2} via 10.5.7.62 dev eth0 proto static"),
        "route-wrong-next-hop",
        hosts=3,
    ),
    _route(
        "R5",
        "vm2's subnet goes to an address that nobody has",
        (_DELETE, f"add {C2} via 10.5.7.240 dev eth0 proto static"),
        "route-wrong-next-hop",
    ),
    _route(
        "R8",
        "vm2's subnet goes off the segment by onlink",
        (_DELETE, f"add {C2} via 10.9.9.9 dev eth0 onlink proto static"),
        "route-off-segment",
    ),
    _route("R10", "vm2's subnet is a blackhole", (_DELETE, f"add blackhole {C2}"), "route-blocked"),
    _route(
        "R12",
        "a longer prefix takes part of vm2's subnet to the gateway",
        ("add 10.239.1.0/26 via 10.5.7.1 dev eth0 proto static",),
        "route-shadowed",
        "10.239.1.0/26",
    ),
    _route(
        "R14",
        "two routes to vm2's subnet, the wrong one wins by metric",
        (
            f"add {RIGHT} proto static metric 100",
            _DELETE,
            f"add {C2} via 10.5.7.1 dev eth0 proto static metric 50",
        ),
        "route-duplicate",
    ),
    _route(
        "R15",
        "two next hops to vm2's subnet, one of them an address that nobody has",
        (_DELETE, f"add {C2} proto static nexthop via 10.5.7.61 dev eth0 nexthop via 10.5.7.240 dev eth0"),
        "route-multipath",
    ),
    _route(
        "R20",
        "a route to a subnet that vm2 does not own",
        ("add 10.239.255.0/24 via 10.5.7.61 dev eth0 proto static",),
        "route-stale",
        "10.239.255.0/24",
    ),
)

_R7: Final = Fault(
    "R7",
    "vm2 stands in another segment",
    "vm2",
    (
        step("gateway", "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"),
        step("gateway", "ip address add 10.6.0.1/24 dev eth0"),
        step("vm2", "ip address flush dev eth0"),
        step("vm2", "ip address add 10.6.0.61/24 dev eth0"),
        step("vm2", "ip route add default via 10.6.0.1 dev eth0 proto static"),
        step("others", f"ip route del {C2}"),
        step("operator", "iptables-nft -t nat -A OUTPUT -d 10.5.7.61 -j DNAT --to-destination 10.6.0.61"),
    ),
    (Expected("route-off-segment", "vm1", C2), Expected("route-off-segment", "vm2", C1)),
    "no fix on the hosts: vm2 must come back to the segment (lab heal)",
    fixable=False,
)

_R21: Final = Fault(
    "R21",
    "vm2 sends its own subnet back to vm1",
    "vm2",
    (step("vm2", f"ip route prepend {C2} via 10.5.7.60 dev eth0"),),
    (Expected("subnet-looped", "vm2", C2),),
    f"vm2 reaches {C2} by br0 alone",
)

_R6: Final = Fault(
    "R6",
    "vm2's subnet goes to vm2, but out of another NIC",
    "vm1",
    (
        step("vm1", "ip link add eth1 type veth peer name stub1"),
        step("vm1", "ip link set stub1 up"),
        step("vm1", "ip link set eth1 up"),
        step("vm1", "ip address add 10.66.0.60/24 dev eth1"),
        step("vm1", f"ip route {_DELETE}"),
        step("vm1", f"ip route add {C2} via 10.5.7.61 dev eth1 onlink proto static"),
    ),
    (Expected("route-wrong-next-hop", "vm1", C2),),
    RESTORED,
)

_R9: Final = Fault(
    "R9",
    "the address of vm1 is a /32: no peer is on its segment",
    "vm1",
    (
        step("vm1", "ip address flush dev eth0"),
        step("vm1", "ip address add 10.5.7.60/32 dev eth0"),
        step("vm1", "ip route add 10.5.7.1 dev eth0 scope link"),
        step("vm1", "ip route add 10.5.7.250 dev eth0 scope link"),
        step("vm1", "ip route add default via 10.5.7.1 dev eth0 proto static"),
    ),
    (Expected("underlay-mask-narrow", "vm1", "eth0"),),
    "vm1 has a link route to each peer, and by it a route to its subnet",
)

_R11: Final = Fault(
    "R11",
    "vm2's own subnet is a blackhole that was there before the bridge had its address",
    "vm2",
    (
        step("vm2", "ip address del 10.239.1.1/24 dev br0"),
        step("vm2", f"ip route add blackhole {C2}"),
        step("vm2", "ip address add 10.239.1.1/24 dev br0"),
    ),
    (Expected("route-blocked", "vm2", C2),),
    f"vm2 reaches {C2} by br0 alone",
)

_R13: Final = Fault(
    "R13",
    "the mask of vm1's NIC takes the container subnets in, and the route to vm2's is gone",
    "vm1",
    (
        step("vm1", "ip address add 10.5.7.60/8 dev eth0"),
        step("vm1", "ip address del 10.5.7.60/24 dev eth0"),
        step("vm1", f"ip route {_DELETE}"),
    ),
    (Expected("underlay-mask-wide", "vm1", "eth0"),),
    RESTORED,
)

_R22: Final = Fault(
    "R22",
    "vm2 has no route to its own subnet",
    "vm2",
    (step("vm2", f"ip route del {C2} dev br0"),),
    (Expected("subnet-unrouted", "vm2", C2),),
    f"vm2 reaches {C2} by br0",
)

_R23: Final = Fault(
    "R23",
    "no port is left in the bridge of vm2",
    "vm2",
    (step("vm2", "ip link del veth-c1"), step("vm2", "ip link del veth-c2")),
    (Expected("bridge-no-carrier", "vm2", "br0"),),
    "no fix: a container must be started (lab heal)",
    containers=2,
    fixable=False,
    notice=True,
)

_R24: Final = Fault(
    "R24",
    "eth0 of vm1 went down and up: its routes are gone",
    "vm1",
    (
        step("vm1", "ip link set eth0 down"),
        step("vm1", "ip link set eth0 up"),
        step("vm1", "ip route add default via 10.5.7.1 dev eth0 proto static"),
    ),
    (Expected("routes-lost", "vm1", "eth0"),),
    "vm1 has a route to every other subnet",
    hosts=3,
)

_R25: Final = Fault(
    "R25",
    "vm2 has a new address: its peers route to the old one, its own routes are gone",
    "vm2",
    (
        step("vm2", "ip address flush dev eth0"),
        step("vm2", "ip address add 10.5.7.71/24 dev eth0"),
        step("vm2", "ip route add default via 10.5.7.1 dev eth0 proto static"),
        step("operator", "iptables-nft -t nat -A OUTPUT -d 10.5.7.61 -j DNAT --to-destination 10.5.7.71"),
    ),
    (Expected("route-wrong-next-hop", "vm1", C2), Expected("routes-lost", "vm2", "eth0")),
    f"every peer has a route to {C2} via 10.5.7.71, and vm2 one to every other subnet",
    hosts=3,
)

_R26: Final = Fault(
    "R26",
    "vm2 has no route back to vm1's subnet",
    "vm2",
    (step("vm2", f"ip route del {C1} via 10.5.7.60 dev eth0"),),
    (Expected("route-missing", "vm2", C1),),
    f"vm2 has {C1} via 10.5.7.60 dev eth0 proto static",
    entry="R2",
)

_R27: Final = Fault(
    "R27",
    "vm1's own packets to vm2's subnet bear an address of another device",
    "vm1",
    (
        step("vm1", "ip address add 192.0.2.60/32 dev lo"),
        step("vm1", f"ip route {_DELETE}"),
        step("vm1", f"ip route add {RIGHT} proto static src 192.0.2.60"),
    ),
    (Expected("route-source-elsewhere", "vm1", C2),),
    f"vm1 has {RIGHT} proto static without src",
    notice=True,
)

_R28: Final = Fault(
    "R28",
    "vm1 sends to vm2 by a VXLAN, vm2 answers without",
    "vm1",
    (
        step("vm1", "ip link add flannel.1 type vxlan id 1 local 10.5.7.60 dev eth0 dstport 8472 nolearning"),
        step("vm1", "ip link set flannel.1 up"),
        step("vm1", "ip address add 10.239.0.0/32 dev flannel.1"),
        step("vm1", f"ip route {_DELETE}"),
        step("vm1", f"ip route add {C2} via 10.239.1.0 dev flannel.1 onlink"),
    ),
    (Expected("backends-differ", "vm1", C2),),
    "no fix: the agents of both hosts must use one backend (lab heal)",
    fixable=False,
)

_R29: Final = Fault(
    "R29",
    "a route is missing here and there",
    "vm1",
    (step("vm1", f"ip route {_DELETE}"), step("vm3", f"ip route del {C1} via 10.5.7.60 dev eth0")),
    (Expected("route-missing", "vm1", C2), Expected("route-missing", "vm3", C1)),
    "every host has a route to every other subnet",
    hosts=3,
    entry="R2",
)

_OTHERS: Final = (_R6, _R7, _R9, _R11, _R13, _R21, _R22, _R23, _R24, _R25, _R26, _R27, _R28, _R29)
FAULTS: Final[tuple[Fault, ...]] = tuple(sorted((*_ROUTES, *_OTHERS), key=lambda fault: int(fault.id[1:])))
