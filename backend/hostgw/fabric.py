"""The fabric as observed: immutable snapshots of hosts, made from the agents' deltas.

Every change makes a new `Snapshot`; nothing here is altered in place, so that a screen or a check may keep what it has.
The types say so: tables are plain dictionaries, for proxies around those of many thousand containers cost more than
all that is read through them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import cast

from hostgw.model.guard import Guard
from hostgw.model.host import Facts, Namespace
from hostgw.model.host_state import HostState
from hostgw.model.kernel import (
    Address,
    ConntrackEntry,
    Counters,
    Crowd,
    FdbEntry,
    Filter,
    Link,
    Neighbour,
    Program,
    Route,
    Rule,
    Setting,
    Snmp,
    Sysctl,
)
from hostgw.model.probe import Probes
from hostgw.wire import Delta, Key, Row, Section, key, rows

Table = Mapping[Key, Row]
_EMPTY: Table = {}
_OF_CONTAINERS = (Section.NAMESPACES, Section.LINKS)
"""Sections of a host's own namespace that tell which containers there are and what they hang on."""


def _kernel_order(route: Route) -> tuple[int, int, str, int, int, int]:
    return route.table, -int(route.dst.rpartition("/")[2]), route.dst, -route.tos, route.metric, route.position


@dataclass(frozen=True, eq=False)
class NamespaceState:
    """One network namespace: a table of rows per section."""

    tables: Mapping[Section, Table] = field(default_factory=dict)

    def table(self, section: Section) -> Table:
        """Return the rows of a section by key; empty when nothing was reported."""
        return self.tables.get(section, _EMPTY)

    def _rows(self, section: Section) -> Iterable[Row]:
        return self.table(section).values()

    @cached_property
    def links(self) -> dict[int, Link]:
        """Devices by ifindex, in the order of their indexes."""
        return {
            link.index: link
            for link in sorted(cast("Iterable[Link]", self._rows(Section.LINKS)), key=attrgetter("index"))
        }

    @cached_property
    def links_by_name(self) -> dict[str, Link]:
        """Devices by name."""
        return {link.name: link for link in self.links.values()}

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """Addresses of both families in the kernel's order."""
        return tuple(cast("Iterable[Address]", self._rows(Section.ADDRESSES)))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """IPv4 routes of all tables but `local`, in the kernel's order: longest prefix, tos, metric, position."""
        return tuple(sorted(cast("Iterable[Route]", self._rows(Section.ROUTES)), key=_kernel_order))

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Policy rules in the kernel's order."""
        found = cast("Iterable[Rule]", self._rows(Section.RULES))
        return tuple(sorted(found, key=lambda rule: (rule.priority, rule.position)))

    @cached_property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """The ARP table."""
        return tuple(cast("Iterable[Neighbour]", self._rows(Section.NEIGHBOURS)))

    @cached_property
    def fdb(self) -> tuple[FdbEntry, ...]:
        """Forwarding database entries of the bridges."""
        return tuple(cast("Iterable[FdbEntry]", self._rows(Section.FDB)))

    @cached_property
    def sysctls(self) -> dict[str, str]:
        """Kernel settings by path below /proc/sys."""
        return {row.path: row.value for row in cast("Iterable[Sysctl]", self._rows(Section.SYSCTLS))}

    @cached_property
    def filters(self) -> dict[str, Filter]:
        """Filter and NAT rules by backend."""
        return {row.backend: row for row in cast("Iterable[Filter]", self._rows(Section.FILTERS))}

    @cached_property
    def settings(self) -> dict[str, dict[str, str]]:
        """Values of configuration files by path and key."""
        found: dict[str, dict[str, str]] = {}
        for row in cast("Iterable[Setting]", self._rows(Section.SETTINGS)):
            found.setdefault(row.path, {})[row.key] = row.value
        return found

    @cached_property
    def programs(self) -> frozenset[str]:
        """Names of the programs that run and may own parts of the network."""
        return frozenset(row.name for row in cast("Iterable[Program]", self._rows(Section.PROGRAMS)))

    @cached_property
    def counters(self) -> dict[int, Counters]:
        """Device totals by ifindex; only while somebody looks."""
        return {row.index: row for row in cast("Iterable[Counters]", self._rows(Section.COUNTERS))}

    @cached_property
    def snmp(self) -> dict[str, int]:
        """Protocol counters by name; only while somebody looks."""
        return {row.name: row.value for row in cast("Iterable[Snmp]", self._rows(Section.SNMP))}

    def addresses_of(self, index: int) -> tuple[Address, ...]:
        """Return the IPv4 addresses of a device."""
        return tuple(a for a in self.addresses if a.index == index and a.family == 4)

    def ports_of(self, bridge: int) -> tuple[Link, ...]:
        """Return the devices whose master is `bridge`; for 0, those that have none."""
        return tuple(self._ports.get(bridge, ()))

    @cached_property
    def _ports(self) -> dict[int, list[Link]]:
        found: dict[int, list[Link]] = {}
        for link in self.links.values():
            found.setdefault(link.master, []).append(link)
        return found

    def name_of(self, index: int) -> str:
        """Return the name of a device, or ``if7`` when it is not known."""
        link = self.links.get(index)
        return link.name if link else f"if{index}"

    def with_rows(self, delta: Delta, put: Iterable[Row]) -> NamespaceState:
        """Return this state with a delta applied; `put` are its rows, decoded."""
        table: dict[Key, Row] = {} if delta.full else dict(self.table(delta.section))
        for gone in delta.gone:
            table.pop(gone, None)
        table.update((key(delta.section, row), row) for row in put)
        after = NamespaceState({**self.tables, delta.section: table})
        same = {name: index for name, index in self.__dict__.items() if _READ.get(name, delta.section) != delta.section}
        after.__dict__.update(same)
        return after


_READ: dict[str, Section] = {
    "links": Section.LINKS,
    "links_by_name": Section.LINKS,
    "_ports": Section.LINKS,
    "addresses": Section.ADDRESSES,
    "routes": Section.ROUTES,
    "rules": Section.RULES,
    "neighbours": Section.NEIGHBOURS,
    "fdb": Section.FDB,
    "sysctls": Section.SYSCTLS,
    "filters": Section.FILTERS,
    "settings": Section.SETTINGS,
    "programs": Section.PROGRAMS,
    "counters": Section.COUNTERS,
    "snmp": Section.SNMP,
}
"""The section that each index is made of: what happens to another one leaves it as it is."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that a host's agent has told, at one moment."""

    facts: Facts
    states: Mapping[int, NamespaceState] = field(default_factory=dict)
    complete: bool = False
    """The first full picture has arrived."""
    container_notes: dict[object, object] = field(default_factory=dict, init=False)
    """What others worked out from containers and links alone: later snapshots share it until one of those changes."""

    @property
    def root(self) -> NamespaceState:
        """The host's own namespace."""
        return self.states.get(0) or NamespaceState()

    @cached_property
    def namespaces(self) -> dict[int, Namespace]:
        """Namespaces by the agent's handle; 0 is the host's own."""
        found = cast("Iterable[Namespace]", self.root.table(Section.NAMESPACES).values())
        return {ns.id: ns for ns in found}

    @cached_property
    def containers(self) -> tuple[Namespace, ...]:
        """The container namespaces, by name."""
        return tuple(sorted((ns for ns in self.namespaces.values() if ns.id), key=attrgetter("name")))

    @cached_property
    def notes(self) -> dict[object, object]:
        """What others worked out from this snapshot, by what it is (`mesh.memory`): it goes when the snapshot does."""
        return {}

    def state(self, ns: int) -> NamespaceState:
        """Return a namespace's state; empty when it is gone."""
        return self.states.get(ns) or NamespaceState()

    def with_delta(self, delta: Delta, host: str = "") -> Snapshot:
        """Return the snapshot with a delta applied.

        Raises:
            ProtocolError: its rows do not fit the section.
        """
        return self.with_rows(delta, rows(delta, host))

    def with_rows(self, delta: Delta, put: Iterable[Row]) -> Snapshot:
        """Return the snapshot with a delta and its decoded rows applied; a namespace that went takes its state."""
        state = self.state(delta.ns).with_rows(delta, put)
        states = {**self.states, delta.ns: state}
        if delta.section is Section.NAMESPACES:
            alive = {0} | {cast("Namespace", row).id for row in state.table(Section.NAMESPACES).values()}
            states = {ns: kept for ns, kept in states.items() if ns in alive}
        after = replace(self, states=states)
        return self._share_notes(after) if delta.ns == 0 and delta.section not in _OF_CONTAINERS else after

    def _share_notes(self, after: Snapshot) -> Snapshot:
        object.__setattr__(after, "container_notes", self.container_notes)
        return after

    def bare(self) -> Snapshot:
        """Return the snapshot without what was worked out from it, for whoever keeps it for long."""
        return self._share_notes(replace(self, states={**self.states, 0: NamespaceState(self.root.tables)}))

    def synced(self) -> Snapshot:
        """Return the snapshot marked complete."""
        return self._share_notes(replace(self, complete=True))


@dataclass(frozen=True)
class Tracked:
    """Tracked flows of a host that a check should look at, as asked for now and then."""

    flows: tuple[ConntrackEntry, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    total: int = 0
    error: str = ""


@dataclass(frozen=True, eq=False)
class Sample:
    """What a host has counted up to a moment: protocol counters by name, rules with their counters by backend."""

    at: float
    """Seconds of the operator's monotonic clock."""
    snmp: Mapping[str, int]
    filters: Mapping[str, Filter]


@dataclass(frozen=True)
class Host:
    """A listed host: how it is reachable and what is known of it."""

    name: str
    state: HostState = HostState.CONNECTING
    error: str = ""
    """Why it is not up, with the remedy; empty when it is."""
    snapshot: Snapshot | None = None
    changed_at: float = 0.0
    """When the last message came, seconds of the operator's monotonic clock."""
    rounds: int = 0
    """How often the whole picture was read: it rises when a refresh is through."""
    rtt_ns: int = 0
    """Round trip of the control channel, the least seen."""
    clock_offset_ns: int = 0
    """What to subtract from the host's clock to get the operator's."""
    address: str = ""
    """The address that SSH reaches, or the name."""
    tracked: Tracked | None = None
    """None until the host was asked."""
    guards: tuple[Guard, ...] = ()
    """Changes that are pending there, and how the last ones ended, when it was last asked."""
    samples: tuple[Sample, ...] = ()
    """The oldest first; only while somebody looks at counters."""

    @property
    def readable(self) -> bool:
        """There is a complete picture, perhaps old."""
        return self.snapshot is not None and self.snapshot.complete

    @property
    def is_partial(self) -> bool:
        """It was read without root: rules and containers' namespaces are missing."""
        return self.snapshot is not None and self.snapshot.facts.uid != 0

    @property
    def root(self) -> NamespaceState:
        """The host's own namespace; empty when nothing is known."""
        return self.snapshot.root if self.snapshot else NamespaceState()


@dataclass(frozen=True)
class Fabric:
    """All listed hosts, in the order listed."""

    hosts: Mapping[str, Host] = field(default_factory=lambda: MappingProxyType({}))
    probes: Probes | None = None
    """What the last active checks found, when there were some and nothing was changed since."""

    def with_host(self, host: Host) -> Fabric:
        """Return the fabric with one host replaced or added."""
        return replace(self, hosts=MappingProxyType({**self.hosts, host.name: host}))

    @cached_property
    def readable(self) -> tuple[Host, ...]:
        """The hosts of which a complete picture is known."""
        return tuple(host for host in self.hosts.values() if host.readable)
