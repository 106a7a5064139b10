"""Faults of forwarding and filter rules."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step, step
from hostgw.lab.table.words import C1, NET

_DROPPED: Final = (Expected("forward-dropped", "vm1", C1),)
_SHUT: Final = (Expected("direct-access-dropped", "vm1", C1),)
_ACCEPTED: Final = "an accept for the network stands first"
_TO_C1: Final = "10.239.0.2/32"


def _iptables(*rules: str) -> tuple[Step, ...]:
    return tuple(Step("vm1", ("iptables", "-w", *rule.split())) for rule in rules)


def _nft(*commands: str) -> tuple[Step, ...]:
    return tuple(Step("vm1", ("nft", command)) for command in commands)


_BASE: Final = "{ type filter hook forward priority filter; policy accept; }"
_WALL: Final = (
    "add table inet wall",
    f"add chain inet wall on-forward {_BASE}",
    'add rule inet wall on-forward oifname "br0" counter reject with icmpx type admin-prohibited',
)

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "F1",
        "vm2 forwards nothing",
        "vm2",
        (step("vm2", "sysctl -qw net.ipv4.ip_forward=0"),),
        (Expected("forwarding-off", "vm2", "net.ipv4.ip_forward"),),
        "net.ipv4.ip_forward is 1 on vm2",
    ),
    Fault(
        "F2",
        "vm2 does not forward what comes in by eth0",
        "vm2",
        (step("vm2", "sysctl -qw net.ipv4.conf.eth0.forwarding=0"),),
        (Expected("forwarding-off", "vm2", "net.ipv4.conf.eth0.forwarding"),),
        "net.ipv4.conf.eth0.forwarding is 1 on vm2",
    ),
    Fault(
        "F3",
        "vm1 filters strictly, and vm2 sends by another NIC than vm1 answers by",
        "vm1",
        (
            step("vm1", "ip link add eth1 link eth0 type macvlan mode bridge"),
            step("vm1", "ip address add 10.6.0.60/24 dev eth1"),
            step("vm1", "ip link set eth1 up"),
            step("vm1", "sysctl -qw net.ipv4.conf.eth1.rp_filter=1"),
            step("vm2", "ip link add eth1 link eth0 type macvlan mode bridge"),
            step("vm2", "ip address add 10.6.0.61/24 dev eth1"),
            step("vm2", "ip link set eth1 up"),
            step("vm2", f"ip route replace {C1} via 10.6.0.60 dev eth1"),
        ),
        (Expected("reverse-path-strict", "vm1", "net.ipv4.conf.eth1.rp_filter"),),
        "net.ipv4.conf.eth1.rp_filter is 2 on vm1",
    ),
    Fault(
        "F5",
        "vm1 drops what it forwards: the policy of FORWARD",
        "vm1",
        _iptables("-P FORWARD DROP"),
        _DROPPED,
        f"{_ACCEPTED} in FORWARD",
    ),
    Fault(
        "F6",
        "vm1 refuses what it forwards, before a rule that would accept it",
        "vm1",
        _iptables(
            "-A FORWARD -i br0 -j REJECT --reject-with icmp-host-prohibited",
            f"-A FORWARD -s {NET} -d {NET} -j ACCEPT",
        ),
        _DROPPED,
        f"{_ACCEPTED} in FORWARD",
    ),
    Fault(
        "F7",
        "a table of native nftables on vm1 refuses what goes to containers",
        "vm1",
        _nft(*_WALL),
        _DROPPED,
        f"{_ACCEPTED} in that chain",
    ),
    Fault(
        "F8",
        "ufw on vm1 drops what is forwarded",
        "vm1",
        _iptables(
            "-N ufw-before-forward",
            "-N ufw-after-forward",
            "-A FORWARD -j ufw-before-forward",
            "-A FORWARD -j ufw-after-forward",
            "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-P FORWARD DROP",
        ),
        _DROPPED,
        f"{_ACCEPTED} in FORWARD",
    ),
    Fault(
        "F9",
        "an accept in one nftables chain on vm1 does not help against a drop in another",
        "vm1",
        _nft(
            *_WALL,
            "add table ip lan",
            f"add chain ip lan on-forward {_BASE}",
            f"add rule ip lan on-forward ip saddr {NET} ip daddr {NET} accept",
        ),
        _DROPPED,
        f"{_ACCEPTED} in the chain that drops",
    ),
    Fault(
        "F10",
        "Docker 28 on vm1 drops what comes straight to a container, before routing",
        "vm1",
        _iptables(f"-t raw -A PREROUTING -d {_TO_C1} ! -i br0 -j DROP"),
        _SHUT,
        f"{_ACCEPTED} in raw PREROUTING",
        containers=1,
    ),
    Fault(
        "F11",
        "Docker 28 on vm1 drops what comes to ports of containers that are not published",
        "vm1",
        _iptables(
            "-N DOCKER",
            "-N DOCKER-USER",
            "-N DOCKER-FORWARD",
            "-A FORWARD -j DOCKER-USER",
            "-A FORWARD -j DOCKER-FORWARD",
            "-A DOCKER-FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A DOCKER-FORWARD -o br0 -j DOCKER",
            "-A DOCKER-FORWARD -i br0 -j ACCEPT",
            "-A DOCKER ! -i br0 -o br0 -j DROP",
        ),
        _DROPPED,
        f"{_ACCEPTED} in DOCKER-USER",
    ),
    Fault(
        "F12",
        "Docker 29 on vm1 drops what comes straight to a container, in its own nftables table",
        "vm1",
        _nft(
            "add table ip docker-bridges",
            "add chain ip docker-bridges raw-PREROUTING { type filter hook prerouting priority raw; policy accept; }",
            'add rule ip docker-bridges raw-PREROUTING ip daddr 10.239.0.2 iifname != "br0" counter drop',
        ),
        _SHUT,
        f"{_ACCEPTED} in that chain",
        containers=1,
    ),
    Fault(
        "F14",
        "containers of vm1 cannot reach vm1 itself",
        "vm1",
        _iptables("-A INPUT -i br0 -j DROP"),
        (Expected("input-dropped", "vm1", "br0"),),
        "an accept for the bridge stands first in INPUT",
        notice=True,
    ),
)
