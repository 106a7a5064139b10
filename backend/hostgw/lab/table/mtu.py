"""Faults of MTUs."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, step

_SETTINGS: Final = "by hand: the MTU belongs into the settings of"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "L23",
        "c1 of vm2 sends larger packets than eth0 of vm2 takes",
        "vm2",
        (
            step("vm2", "ip link set veth-c1 mtu 9000"),
            step("vm2", "ip link set br0 mtu 9000"),
            step("vm2/c1", "ip link set eth0 mtu 9000"),
        ),
        (Expected("mtu-container-large", "vm2", "br0"),),
        f"{_SETTINGS} Docker or the CNI (lab heal)",
        containers=1,
        fixable=False,
    ),
    Fault(
        "L24",
        "eth0 of vm2 takes smaller packets than the containers of the other hosts send",
        "vm2",
        (step("vm2", "ip link set eth0 mtu 1400"),),
        (Expected("mtu-differs", "vm2", "eth0"),),
        f"{_SETTINGS} the NIC (lab heal)",
        hosts=3,
        containers=1,
        fixable=False,
    ),
    Fault(
        "L25",
        "the NICs of all hosts take jumbo frames, the containers of vm2 do not send any",
        "vm2",
        (step("vm2", "ip link set eth0 mtu 9000"), step("others", "ip link set eth0 mtu 9000")),
        (Expected("mtu-container-small", "vm2", "br0"),),
        f"{_SETTINGS} Docker or the CNI (lab heal)",
        containers=1,
        fixable=False,
        notice=True,
    ),
)
