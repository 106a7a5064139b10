"""`routes`: expected against actual, as data and text."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.judge import Judgement, judge, judge_own
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh
from hostgw.model.ip import prefix
from hostgw.model.kernel import Route
from hostgw.paths.fib import MAIN, fib
from hostgw.paths.words import route_text
from hostgw.report.model import SCHEMA, RouteReport, RoutesReport


def judgements(host: Host, mesh: Mesh) -> Iterator[Judgement]:
    """Yield how a host stands to every subnet: its own first, then those it should route to."""
    member = mesh.members.get(host.name)
    for subnet in member.subnets if member else ():
        yield judge_own(host, subnet)
    for expected in mesh.expected_of(host.name):
        yield judge(host, expected, mesh)


def routes_report(view: View, name: str | None = None) -> RoutesReport:
    """Return the routes of all hosts, or of one."""
    hosts = [host for host in view.fabric.readable if name in (None, host.name)]
    return RoutesReport(SCHEMA, tuple(row for host in hosts for row in _host(host, view.mesh)))


def _host(host: Host, mesh: Mesh) -> Iterator[RouteReport]:
    judged: list[Route] = []
    for judgement in judgements(host, mesh):
        table = judgement.table or MAIN
        exact = fib(host.root).exact(judgement.subnet.prefix, table)
        judged.extend(exact)
        expected = str(judgement.expected) if judgement.expected else f"{judgement.subnet.prefix} on this host"
        actual = tuple(route_text(route, host.root) for route in exact)
        subnet = judgement.subnet
        standing = judgement.standing.value
        yield RouteReport(host.name, table, str(subnet.prefix), subnet.owner, standing, expected, actual)
    for route in host.root.routes:
        if route not in judged:
            owner = mesh.owners.get(prefix(route.dst), "")
            yield RouteReport(host.name, route.table, route.dst, owner, "other", "", (route_text(route, host.root),))


def routes_text(report: RoutesReport) -> Iterator[str]:
    """Yield the lines of a report for people."""
    width = max((len(row.prefix) for row in report.routes), default=0)
    for row in report.routes:
        actual = " ; ".join(row.actual) or f"(none)  expected: {row.expected}"
        yield f"{row.host:<10} {row.standing:<11} {row.prefix:<{width}}  {row.owner or '-':<8} {actual}"
