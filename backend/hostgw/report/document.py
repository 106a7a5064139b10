"""What `check` and `routes` say as a document for people who were not there: headings, paragraphs, tables, commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hostgw.checks.tree import in_tree_order
from hostgw.report.model import CheckReport, FindingReport, RouteReport, RoutesReport


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; `level` is 1 for that of the document."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """Short things of one kind."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Commands:
    """What to run."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Points | Table | Commands


def document(check: CheckReport, routes: RoutesReport, when: str, by: str) -> tuple[Block, ...]:
    """Return the document; `when` and `by` say of which moment it is, and what made it."""
    return tuple(_blocks(check, routes, when, by))


def _blocks(check: CheckReport, routes: RoutesReport, when: str, by: str) -> Iterator[Block]:
    yield Heading(1, f"host-gw network {check.network or '(no network known)'}")
    yield Paragraph(f"{_verdict(check)} As of {when}, by {by}.")
    yield Heading(2, "Hosts")
    yield Table(("host", "role", "state", "underlay", "subnets", "routes as expected"), _hosts(check, routes))
    yield from _errors(check)
    if check.findings:
        yield Heading(2, "Findings")
    for placed in in_tree_order(check.findings):
        yield from _finding(placed.finding, effect=bool(placed.below))
    odd = tuple(_route(row) for row in routes.routes if row.standing not in ("own", "ok", "other"))
    if odd:
        yield Heading(2, "Routes that are not as expected")
        yield Table(("host", "subnet", "owner", "is", "expected", "actual"), odd)
    if check.notices:
        yield Heading(2, "Worth knowing")
        yield Points(tuple(f"{found.host}: {found.summary} ({found.code})" for found in check.notices))
    if check.assumptions:
        yield Heading(2, "Assumed")
        yield Points(check.assumptions)


def _verdict(check: CheckReport) -> str:
    away = sum(host.state.value != "up" for host in check.hosts)
    known = f" {away} of {len(check.hosts)} hosts could not be read wholly." if away else ""
    if not check.findings:
        return f"Nothing that is checked is wrong.{known}"
    errors = sum(found.severity.value == "error" for found in check.findings)
    return f"{len(check.findings)} findings, {errors} of them errors.{known}"


def _hosts(check: CheckReport, routes: RoutesReport) -> tuple[tuple[str, ...], ...]:
    found = []
    for host in check.hosts:
        own = [row.standing for row in routes.routes if row.host == host.name and row.standing != "other"]
        right = sum(standing in ("own", "ok") for standing in own)
        underlay = f"{host.underlay.interface} {host.underlay.address}" if host.underlay else "-"
        subnets = ", ".join(host.subnets) or "-"
        found.append((host.name, host.role.value, host.state.value, underlay, subnets, f"{right} of {len(own)}"))
    return tuple(found)


def _errors(check: CheckReport) -> Iterable[Block]:
    said = tuple(f"{host.name}: {host.error}" for host in check.hosts if host.error)
    return (Points(said),) if said else ()


def _finding(found: FindingReport, effect: bool) -> Iterator[Block]:
    because = " (follows from the one above)" if effect else ""
    yield Heading(3, f"{found.severity.value}: {found.summary}{because}")
    yield Paragraph(f"{found.code}, {found.entry}, on {found.host}. {found.effect}".strip())
    if found.evidence:
        yield Points(found.evidence)
    if found.fix.commands:
        yield Commands(tuple(f"{command.host}# {command.pasted}" for command in found.fix.commands))
    if found.fix.refused:
        yield Paragraph(f"No fix by a command: {found.fix.refused}")
    if found.fix.alternatives:
        yield Points(found.fix.alternatives)


def _route(row: RouteReport) -> tuple[str, ...]:
    return row.host, row.prefix, row.owner or "-", row.standing, row.expected, "; ".join(row.actual) or "none"
