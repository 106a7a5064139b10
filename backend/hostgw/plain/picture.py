"""One look at a host without a Python: the rows of every section of its namespaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hostgw.clean import clean
from hostgw.errors import HostError
from hostgw.model.host import Facts, Namespace
from hostgw.model.host_state import HostState
from hostgw.plain import devices, texts, ways
from hostgw.plain.parts import NOTHING, Parts
from hostgw.wire import Row, Section

Place = tuple[int, Section]
ALWAYS = (
    "no Python: its tools are asked every few seconds; nothing is changed or probed, containers are those of ip netns",
    "no configuration files: of them only flannel's subnet.env is read without a Python",
)


class UnreadableError(HostError):
    """The tools there are not enough for a picture."""

    def __init__(self, cause: str, host: str) -> None:
        remedy = "Install Python 3.9 or later there, or iproute2, whose ip knows -j."
        super().__init__(
            HostState.NO_PYTHON, "no Python that is new enough, and no ip that writes JSON", cause, remedy, host
        )


class Picture(NamedTuple):
    """All rows, by namespace and section."""

    rows: Mapping[Place, tuple[Row, ...]]


def facts(parts: Parts) -> Facts:
    """Return what is known of the machine, and what cannot be read or done there."""
    got = {name: parts.get(name, NOTHING).first for name in ("user", "name", "kernel", "boot", "inode", "machine")}
    uid = int(got["user"]) if got["user"].isdigit() else -1
    connection = tuple(parts.get("connection", NOTHING).first.split())
    identity = hashlib.sha256(f"hostgw-tui {got['machine']}".encode()).hexdigest()[:32] if got["machine"] else ""
    return Facts(
        hostname=got["name"],
        kernel=got["kernel"],
        python="",
        uid=uid,
        agent_pid=0,
        ssh_connection=connection if len(connection) == 4 else (),
        machine=f"{got['boot']}/{got['inode']}/{identity[:12]}",
        machine_id=identity,
        missing=(*ALWAYS, *_missing(uid, frozenset(parts.get("tools", NOTHING).text.split()))),
    )


def _missing(uid: int, tools: frozenset[str]) -> Iterator[str]:
    if uid != 0:
        yield "not root: rules and containers cannot be read"
    for tool, what in (
        ("bridge", "forwarding databases of bridges"),
        ("iptables-save", "iptables rules"),
        ("nft", "nftables rules"),
        ("tcpdump", "frames"),
    ):
        if tool not in tools:
            yield f"no {tool}: {what} cannot be {'captured' if tool == 'tcpdump' else 'read'}"


def picture(parts: Parts, host: str = "") -> Picture:
    """Return a host's state.

    Raises:
        UnreadableError: `ip` is not there, or does not write JSON.
    """
    try:
        return Picture(dict(_sections(parts, host)))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableError(clean(f"unexpected output: {type(error).__name__} {error}", 160), host) from error


def _sections(parts: Parts, host: str) -> Iterator[tuple[Place, tuple[Row, ...]]]:
    named = _names(parts)
    own = parts.get("name", NOTHING).first
    spaces = [Namespace(0, own, _inode(parts.get("inode", NOTHING).first)), *_namespaces(parts, named, host)]
    yield (0, Section.NAMESPACES), tuple(spaces)
    for space in spaces:
        yield from _network(parts, space, f"ns {space.name} " if space.id else "", host)
    index = {entry["ifname"]: entry["ifindex"] for entry in _json(parts, "links", host)}
    yield (0, Section.RULES), ways.rules(_json(parts, "rules", host))
    yield (0, Section.NEIGHBOURS), ways.neighbours(_json(parts, "neighbours", host, optional=True), index)
    yield (0, Section.FDB), ways.fdb(_json(parts, "fdb", host, optional=True), index)
    yield (0, Section.SYSCTLS), texts.settings_of_kernel(parts.get("sysctls", NOTHING))
    yield (0, Section.SETTINGS), texts.lease(parts.get("environment", NOTHING))
    yield (0, Section.PROGRAMS), texts.programs(parts.get("programs", NOTHING))
    yield (0, Section.FILTERS), texts.filters(*(parts.get(name, NOTHING) for name in ("saved", "legacy", "native")))
    yield (0, Section.SNMP), texts.snmp(parts.get("snmp", NOTHING))


def _network(parts: Parts, space: Namespace, before: str, host: str) -> Iterator[tuple[Place, tuple[Row, ...]]]:
    """Yield devices, addresses and routes of a namespace."""
    entries = _json(parts, f"{before}links", host, optional=bool(before))
    index = {entry["ifname"]: entry["ifindex"] for entry in entries}
    assigned = {path.split("/")[4]: value for path, value in texts.lines(parts.get("assigned", NOTHING))}
    yield (space.id, Section.LINKS), devices.links(entries, {} if before else assigned)
    yield (space.id, Section.COUNTERS), tuple(devices.counters(entries))
    yield (space.id, Section.ADDRESSES), devices.addresses(_json(parts, f"{before}addresses", host, bool(before)))
    yield (space.id, Section.ROUTES), ways.routes(_json(parts, f"{before}routes", host, bool(before)), index)


def _names(parts: Parts) -> list[str]:
    """Return the named namespaces that could be looked into."""
    found = (name.split()[1] for name, part in parts.items() if name.startswith("ns ") and name.endswith(" links"))
    return sorted(name for name in found if not parts[f"ns {name} links"].failed)


def _namespaces(parts: Parts, names: list[str], host: str) -> Iterator[Namespace]:
    nsids = {entry["name"]: entry.get("id", -1) for entry in _json(parts, "nsids", host, optional=True)}
    for number, name in enumerate(names, 1):
        inode = _inode(parts.get(f"ns {name} inode", NOTHING).first)
        yield Namespace(number, name, inode, nsids.get(name, -1), "netns", 0, f"/run/netns/{name}")


def _inode(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _json(parts: Parts, name: str, host: str, optional: bool = False) -> list[dict[str, Any]]:
    """Return what a program wrote as JSON; an empty list is printed as nothing by some versions of ip."""
    part = parts.get(name, NOTHING)
    if part.failed:
        if optional:
            return []
        raise UnreadableError(f"{name}: {part.complaint or 'nothing was printed'}", host)
    try:
        found = json.loads(part.text.strip() or "[]")
    except (ValueError, RecursionError) as error:
        if optional:
            return []
        raise UnreadableError(f"{name}: {clean(str(error), 120)}", host) from None
    return [entry for entry in found if isinstance(entry, dict) and entry] if isinstance(found, list) else []
