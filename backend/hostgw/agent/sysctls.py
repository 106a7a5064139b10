"""The kernel settings that a host-gw network depends on, below /proc/sys of the agent's own namespace."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List

ROOT = "/proc/sys"
COUNT, MOST = "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"
STEPS = 20
"""The count of tracked flows changes all the time: told is how many twentieths of the table are full, as a count."""
SINGLE = (
    "net/ipv4/ip_forward",
    "net/ipv4/nexthop_compat_mode",
    "net/bridge/bridge-nf-call-iptables",
    COUNT,
    MOST,
    "net/ipv4/neigh/default/gc_thresh1",
    "net/ipv4/neigh/default/gc_thresh2",
    "net/ipv4/neigh/default/gc_thresh3",
)
PER_DEVICE = (
    "forwarding",
    "rp_filter",
    "ignore_routes_with_linkdown",
    "proxy_arp",
    "arp_ignore",
    "arp_announce",
    "arp_filter",
    "accept_local",
    "send_redirects",
    "route_localnet",
)
MAX_DEVICES = 256
CONF = "net/ipv4/conf"

Row = Dict[str, Any]


def read(devices: List[str]) -> List[Row]:
    """Return the settings of the host, of all and default, and of the first devices named."""
    found = {path: value for path in _paths(devices) if (value := value_of(path)) is not None}
    if COUNT in found:
        found[COUNT] = stepped(found[COUNT], found.get(MOST, ""))
    return [{"path": path, "value": value} for path, value in found.items()]


def stepped(count: str, most: str) -> str:
    """Return a count of flows rounded down to a whole step of what the table holds."""
    if not (count.isdigit() and most.isdigit() and int(most) >= STEPS):
        return count
    step = int(most) // STEPS
    return str(int(count) // step * step)


def _paths(devices: List[str]) -> Iterator[str]:
    yield from SINGLE
    for device in ["all", "default", *devices[:MAX_DEVICES]]:
        for name in PER_DEVICE:
            yield f"{CONF}/{device}/{name}"


def value_of(path: str) -> Any:
    """Return a setting's value, or None when this kernel or namespace does not have it."""
    try:
        fd = os.open(os.path.join(ROOT, path), os.O_RDONLY | os.O_CLOEXEC)  # this is done often: no file object
    except (OSError, ValueError):
        return None
    try:
        return os.read(fd, 4096).decode("utf-8", "backslashreplace").strip().replace("\t", " ")
    except OSError:
        return None
    finally:
        os.close(fd)


def write(path: str, value: str) -> None:
    """Set a value.

    Raises:
        ValueError: the path is not one below net/.
        OSError: the kernel refuses.
    """
    if not path.startswith("net/") or ".." in path.split("/"):
        raise ValueError(f"{path} is not a network setting")
    with open(os.path.join(ROOT, path), "w", encoding="ascii") as file:
        file.write(value)


SNMP_FILES = ("/proc/net/snmp", "/proc/net/netstat")
SNMP_PREFIXES = ("Ip", "Icmp", "TcpExtIP", "IpExt")


CONNTRACK_STATS = "/proc/net/stat/nf_conntrack"


def snmp() -> List[Row]:
    """Return the protocol counters of the host: ``IpInAddrErrors``, ``ConntrackInsertFailed``, ..."""
    rows = []
    for path in SNMP_FILES:
        lines = _lines(path)
        for names, values in zip(lines[::2], lines[1::2]):
            group = names.partition(":")[0]
            for name, value in zip(names.split()[1:], values.split()[1:]):
                if (group + name).startswith(SNMP_PREFIXES):
                    rows.append({"name": group + name, "value": int(value)})
    return rows + conntrack_counters(_lines(CONNTRACK_STATS))


def conntrack_counters(lines: List[str]) -> List[Row]:
    """Return the sums over all processors; the file has a line of names, then one of hexadecimal figures for each."""
    names = lines[0].split()[1:] if lines else []  # the first, entries, is no counter
    figures = [[int(word, 16) for word in line.split()[1:]] for line in lines[1:]]
    sums = [sum(column) for column in zip(*figures)]
    return [
        {"name": "Conntrack" + "".join(word.capitalize() for word in name.split("_")), "value": value}
        for name, value in zip(names, sums)
    ]


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except OSError:
        return []
