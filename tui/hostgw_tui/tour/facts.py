"""What the lessons say of a lab: its addresses, and whether it has the places they speak of."""

from __future__ import annotations

from hostgw.errors import LabError
from hostgw.lab import Lab
from hostgw.lab.addresses import NETWORK, OUTSIDE

HOSTS, CONTAINERS = 2, 2
"""Lessons speak of vm1 and vm2, and of c1 and c2."""


def facts(lab: Lab) -> dict[str, str]:
    """Return the words that lessons have in braces.

    Raises:
        LabError: the lab is too small, or its containers have no network.
    """
    kind = lab.shape.kind
    if kind.bare or lab.shape.hosts < HOSTS or lab.shape.containers < CONTAINERS:
        what = f"the lessons need {HOSTS} hosts with {CONTAINERS} connected containers each, lab {lab.name} has not"
        raise LabError(what, remedy="build another: hostgw-tui lab up tour --hosts 3, then: hostgw-tui lab tour tour")
    found = {"bridge": kind.bridge, "uplink": kind.uplink, "network": NETWORK, "outside": OUTSIDE}
    for number, host in enumerate(lab.shape.owners[:HOSTS], 1):
        subnet = host.subnet or ""
        found |= {f"vm{number}": host.address, f"net{number}": subnet, f"gw{number}": subnet.replace(".0/24", ".1")}
        found |= {f"c{number}{each[1:]}": host.container_address(each) for each in host.containers[:CONTAINERS]}
    return found
