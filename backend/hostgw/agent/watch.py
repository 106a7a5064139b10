"""One namespace under watch: its sockets, what was last sent of each section, and what has to be read again.

Events are triggers only. IPv4 routes vanish without one when a NIC goes down, an address or a nexthop object is deleted
or a bridge goes down, so every event also marks the sections beside its own.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from hostgw.agent import filters, links, neighbours, programs, routes, rules, sysctls
from hostgw.agent.memory import Memory
from hostgw.agent.netlink import Message, Netlink
from hostgw.agent.settings import Settings
from hostgw.agent.stream import Gone

Row = Dict[str, Any]
Key = Tuple[Any, ...]
Emit = Callable[[Row], None]

KEYS = {
    "namespaces": ("id",),
    "links": ("index",),
    "addresses": ("index", "address", "length", "peer"),
    "routes": ("table", "dst", "tos", "metric", "position"),
    "rules": ("priority", "position"),
    "neighbours": ("index", "address"),
    "fdb": ("index", "mac", "vlan"),
    "sysctls": ("path",),
    "filters": ("backend",),
    "settings": ("path", "key"),
    "programs": ("name",),
    "counters": ("index",),
    "snmp": ("name",),
}
HOST_SECTIONS = (
    *("links", "addresses", "namespaces", "routes", "rules", "sysctls", "filters", "neighbours", "fdb"),
    *("settings", "programs"),
)
CONTAINER_SECTIONS = ("links", "addresses", "routes", "neighbours")

ORDERED = ("addresses",)
"""Their order means something, and no field says it."""

# RTNLGRP_: link, neigh, ipv4_ifaddr, ipv4_route, ipv4_rule, ipv6_ifaddr, ipv4_netconf, nsid, nexthop
GROUPS = (1, 3, 5, 7, 8, 9, 24, 28, 32)
NFT_GROUPS = (7,)  # NFNLGRP_NFTABLES
_LINK = ("links", "addresses", "routes", "namespaces", "fdb", "sysctls")
_ADDRESS = ("addresses", "routes", "namespaces")
TRIGGERS: Dict[int, Tuple[str, ...]] = {
    16: _LINK,
    17: _LINK,
    20: _ADDRESS,
    21: _ADDRESS,
    24: ("routes",),
    25: ("routes",),
    32: ("rules",),
    33: ("rules",),
    80: ("sysctls",),
    81: ("sysctls",),
    88: ("namespaces",),
    89: ("namespaces",),
    104: ("routes",),
    105: ("routes",),
}
NEIGHBOUR_EVENTS = (28, 29)
_BRIDGE_FAMILY = 7

SOON_S, SLOW_S = 0.002, 0.1
"""How long to gather events before a section is read; what changes all the time waits longer."""
DELAYS = {"neighbours": SLOW_S, "fdb": SLOW_S, "sysctls": 0.02, "namespaces": 0.01, "filters": 0.01}
MAX_ROWS = 4000
"""In one delta: a message stays far below what the operator accepts."""
RETRY_S = 60.0
REST = 3
"""After a read that took t, the next one waits at least REST * t: churn costs at most a quarter of a core."""


class Watch:
    """The state of one namespace as the operator knows it."""

    def __init__(self, ns: int, netlink: Netlink, emit: Emit) -> None:
        """Read by `netlink`, a socket in the host's namespace (0), a visitor of a container's."""
        self.ns, self.netlink, self._emit = ns, netlink, emit
        self.memory = Memory()
        self.sections = CONTAINER_SECTIONS if ns else HOST_SECTIONS
        self.rows: Dict[str, Dict[Key, Row]] = {}
        self.dirty: Dict[str, float] = {}
        self.failures: Dict[str, int] = {}
        self._rested: Dict[str, float] = {}
        self.read_namespaces: Callable[[], List[Row]] = list
        self._settings = Settings()

    def close(self) -> None:
        """Close the socket."""
        self.netlink.close()

    @property
    def complete(self) -> bool:
        """Every section was read once, or cannot be."""
        return all(section in self.rows or section in self.failures for section in self.sections)

    def mark(self, sections: Tuple[str, ...], now: float) -> None:
        """Have sections read again soon."""
        for section in sections:
            if section in self.sections:
                due = max(now + DELAYS.get(section, SOON_S), self._rested.get(section, 0.0))
                self.dirty[section] = min(self.dirty.get(section, due), due)

    def mark_all(self) -> None:
        """Have everything read again."""
        self.mark(self.sections, 0.0)

    def hear(self, message: Message, now: float) -> None:
        """Take that something has happened here."""
        if message.type in NEIGHBOUR_EVENTS:
            self.mark(("fdb",) if message.body[:1] == bytes([_BRIDGE_FAMILY]) else ("neighbours",), now)
        else:
            self.mark(TRIGGERS.get(message.type, ()), now)

    def next_due(self) -> Optional[float]:
        """Return when the next section has to be read."""
        return min(self.dirty.values(), default=None)

    def refresh(self, now: float) -> List[str]:
        """Read the sections that are due, send what differs, and return the names of those that did."""
        due = [section for section in self.sections if self.dirty.get(section, now + 1) <= now]
        with self.netlink.staying():
            return [section for section in due if self.refresh_section(section)]

    def refresh_section(self, section: str) -> bool:
        """Read one section and send what differs; return whether anything did."""
        self.dirty.pop(section, None)
        started = time.monotonic()
        try:
            found = self._read(section)
            differs = self._compare(section, found)
            self.failures.pop(section, None)
        except Exception as error:  # whatever it is, the other sections are none the worse
            if isinstance(error, Gone):
                raise
            differs = self._failed(section, error, started)
        ended = time.monotonic()
        self._rested[section] = ended + REST * (ended - started)
        return differs

    def resend(self, section: str) -> None:
        """Read one section and send all of it, also what alone is no reason to."""
        known = self.rows.pop(section, None)
        self.refresh_section(section)
        if known is not None:
            self.rows.setdefault(section, known)

    def _failed(self, section: str, error: Exception, now: float) -> bool:
        """Try again later, ever more seldom; say so at the second time (at the first, a namespace may be going)."""
        times = self.failures[section] = self.failures.get(section, 0) + 1
        if section in self.sections:
            self.dirty[section] = now + min(2.0 ** min(times, 10) / 2, RETRY_S)
        if times == 2:
            detail = f"{section} of namespace {self.ns} cannot be read: {type(error).__name__}: {error}"
            self._emit({"type": "failure", "id": 0, "detail": detail[:400]})
        return False

    def _compare(self, section: str, found: List[Row]) -> bool:
        fields = KEYS[section]
        fresh = {tuple(row[field] for field in fields): row for row in found}
        known = self.rows.get(section)
        self.rows[section] = fresh
        if known is None:
            self.send(section, found, [], True)
            return True
        gone = [key for key in known if key not in fresh]
        if section in ORDERED and _moved(list(known), list(fresh)):
            self.send(section, found, [], True)
            return True
        put = [row for key, row in fresh.items() if key not in known or _differs(section, known[key], row)]
        if put or gone:
            self.send(section, put, gone, False)
        return bool(put or gone)

    def send(self, section: str, put: List[Row], gone: List[Key], full: bool) -> None:
        """Send a delta, a long one in parts."""
        head = {"type": "delta", "section": section, "ns": self.ns}
        self._emit({**head, "put": put[:MAX_ROWS], "gone": gone, "full": full})
        for start in range(MAX_ROWS, len(put), MAX_ROWS):
            self._emit({**head, "put": put[start : start + MAX_ROWS], "gone": [], "full": False})

    def _read(self, section: str) -> List[Row]:
        if section == "namespaces":
            return self.read_namespaces()
        if section == "sysctls":
            return sysctls.read(self._devices())
        if section == "filters":
            return filters.read()
        if section == "settings":
            return self._settings.read()
        if section == "links":
            return links.read(self.netlink, self.memory, own=self.ns == 0)
        if section == "addresses":
            return links.read_addresses(self.netlink, self.memory)
        return READERS[section](self.netlink)

    def _devices(self) -> List[str]:
        """Return the devices whose settings matter: bridges and NICs, not the ports of bridges."""
        known = self.rows.get("links", {}).values()
        return [row["name"] for row in known if not (row["kind"] == "veth" and row["master"])]


READERS: Dict[str, Callable[[Netlink], List[Row]]] = {
    "routes": routes.read,
    "rules": rules.read,
    "neighbours": neighbours.read,
    "fdb": neighbours.read_fdb,
    "programs": lambda _netlink: programs.read(),
    "counters": links.counters,
    "snmp": lambda _netlink: sysctls.snmp(),
}


def _moved(known: List[Key], fresh: List[Key]) -> bool:
    """Tell whether rows stand elsewhere than where dropping what is gone and appending what is new leaves them."""
    there, before = set(fresh), set(known)
    return [key for key in known if key in there] + [key for key in fresh if key not in before] != fresh


def _differs(section: str, old: Row, new: Row) -> bool:
    if section == "filters":
        return filters.without_counters(old) != filters.without_counters(new)
    return old != new
