"""The NAT rules of an owner, in the dialect of the lab's variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hostgw.errors import LabError
from hostgw.lab.addresses import NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostgw.lab.addresses import Host
    from hostgw.lab.lab import Lab

_CHAINS: Final = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
_NAT: Final = "*nat\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in _CHAINS)


def rules(subnet: str) -> str:
    """The nat table of the owner of a subnet, as iptables-restore reads it."""
    return (
        f"{_NAT}-A POSTROUTING -s {NETWORK} -d {NETWORK} -j RETURN\n"
        f"-A POSTROUTING -s {NETWORK} ! -d 224.0.0.0/4 -j MASQUERADE\n"
        f"-A POSTROUTING ! -s {NETWORK} -d {subnet} -j RETURN\n"
        f"-A POSTROUTING ! -s {NETWORK} -d {NETWORK} -j MASQUERADE\n"
        "COMMIT\n"
    )


def flannel_rules(subnet: str) -> str:
    """The same in chains of flannel's own, and its accepts in FORWARD: what flanneld 0.26 writes."""
    masquerading, forwarding = '-m comment --comment "flanneld masq"', '-m comment --comment "flanneld forward"'
    chain = "-A FLANNEL-POSTRTG"
    return (
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:FLANNEL-FWD - [0:0]\n"
        f"-A FORWARD {forwarding} -j FLANNEL-FWD\n"
        f"-A FLANNEL-FWD -s {NETWORK} {forwarding} -j ACCEPT\n"
        f"-A FLANNEL-FWD -d {NETWORK} {forwarding} -j ACCEPT\n"
        f"COMMIT\n{_NAT}:FLANNEL-POSTRTG - [0:0]\n"
        f"-A POSTROUTING {masquerading} -j FLANNEL-POSTRTG\n"
        f"{chain} -m mark --mark 0x4000/0x4000 {masquerading} -j RETURN\n"
        f"{chain} -s {subnet} -d {NETWORK} {masquerading} -j RETURN\n"
        f"{chain} -s {NETWORK} -d {subnet} {masquerading} -j RETURN\n"
        f"{chain} ! -s {NETWORK} -d {subnet} {masquerading} -j RETURN\n"
        f"{chain} -s {NETWORK} ! -d 224.0.0.0/4 {masquerading} -j MASQUERADE --random-fully\n"
        f"{chain} ! -s {NETWORK} -d {NETWORK} {masquerading} -j MASQUERADE --random-fully\n"
        "COMMIT\n"
    )


def native_rules(subnet: str) -> str:
    """The four rules as nft reads them."""
    return (
        "table ip nat {\n"
        "\tchain postrouting {\n"
        "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
        f"\t\tip saddr {NETWORK} ip daddr {NETWORK} return\n"
        f"\t\tip saddr {NETWORK} ip daddr != 224.0.0.0/4 masquerade\n"
        f"\t\tip saddr != {NETWORK} ip daddr {subnet} return\n"
        f"\t\tip saddr != {NETWORK} ip daddr {NETWORK} masquerade\n"
        "\t}\n"
        "}\n"
    )


_DIALECTS: Final[dict[str, tuple[tuple[str, ...], Callable[[str], str]]]] = {
    "iptables": (("/usr/sbin/iptables-nft-restore",), rules),
    "legacy": (("/usr/sbin/iptables-legacy-restore",), rules),
    "flannel": (("/usr/sbin/iptables-nft-restore",), flannel_rules),
    "native": (("nft", "-f", "-"), native_rules),
}
"""For each writer of NAT rules: the command that loads them, and their text for a subnet."""


def add_rules(lab: Lab) -> None:
    """Give every owner its rules, where the variant has any; raises LabError."""
    if lab.shape.kind.nat:
        argv, text = _DIALECTS[lab.shape.kind.nat]
        for owner in lab.shape.owners:
            _load(lab, owner, argv, text(owner.subnet or ""))


def _load(lab: Lab, host: Host, argv: tuple[str, ...], text: str) -> None:
    """Feed text to a command on a host; the tables named in it are replaced."""
    done = lab.exec(host.name, argv, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LabError(f"{argv[0]} failed on {host.name}", done.stderr.strip(), "install iptables and nftables")
