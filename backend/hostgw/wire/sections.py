"""The sections of a namespace's state, and the type of their rows."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from hostgw.model.host import Namespace
from hostgw.model.kernel import (
    Address,
    Counters,
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


class Section(StrEnum):
    """A part of a namespace's state; each is dumped, compared and sent on its own."""

    NAMESPACES = "namespaces"
    LINKS = "links"
    ADDRESSES = "addresses"
    ROUTES = "routes"
    RULES = "rules"
    NEIGHBOURS = "neighbours"
    FDB = "fdb"
    SYSCTLS = "sysctls"
    FILTERS = "filters"
    SETTINGS = "settings"
    PROGRAMS = "programs"
    COUNTERS = "counters"
    SNMP = "snmp"


Row = (
    Namespace
    | Link
    | Address
    | Route
    | Rule
    | Neighbour
    | FdbEntry
    | Sysctl
    | Filter
    | Setting
    | Program
    | Counters
    | Snmp
)

KEYS: dict[Section, tuple[str, ...]] = {
    Section.NAMESPACES: ("id",),
    Section.LINKS: ("index",),
    Section.ADDRESSES: ("index", "address", "length", "peer"),
    Section.ROUTES: ("table", "dst", "tos", "metric", "position"),
    Section.RULES: ("priority", "position"),
    Section.NEIGHBOURS: ("index", "address"),
    Section.FDB: ("index", "mac", "vlan"),
    Section.SYSCTLS: ("path",),
    Section.FILTERS: ("backend",),
    Section.SETTINGS: ("path", "key"),
    Section.PROGRAMS: ("name",),
    Section.COUNTERS: ("index",),
    Section.SNMP: ("name",),
}
"""The fields that name a row of a section, in order; a delta's `gone` lists such keys."""

_ROW_TYPES: dict[Section, Any] = {
    Section.NAMESPACES: Namespace,
    Section.LINKS: Link,
    Section.ADDRESSES: Address,
    Section.ROUTES: Route,
    Section.RULES: Rule,
    Section.NEIGHBOURS: Neighbour,
    Section.FDB: FdbEntry,
    Section.SYSCTLS: Sysctl,
    Section.FILTERS: Filter,
    Section.SETTINGS: Setting,
    Section.PROGRAMS: Program,
    Section.COUNTERS: Counters,
    Section.SNMP: Snmp,
}


def _rows_of(row: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(tuple[row, ...])


ROWS = {section: _rows_of(row) for section, row in _ROW_TYPES.items()}

Key = tuple[int | str, ...]
