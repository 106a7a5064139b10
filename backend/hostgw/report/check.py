"""`check` as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hostgw.checks.catalogue import class_of
from hostgw.checks.tree import in_tree_order
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh, Underlay
from hostgw.model.finding import Finding, Severity
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_text
from hostgw.plans.build import plan
from hostgw.report.model import SCHEMA, CheckReport, FindingReport, FixReport, HostReport, UnderlayReport
from hostgw.report.probes import not_probed, probe_lines, probe_reports

READ = frozenset({HostState.UP, HostState.NO_ROOT})
"""States of hosts that were read."""


def check_report(view: View, local: Iterable[str] = ()) -> CheckReport:
    """Return the report of a view with the plans that would mend what was found; `local` hosts are this machine."""
    mesh = view.mesh
    return CheckReport(
        SCHEMA,
        str(mesh.network) if mesh.network else None,
        mesh.assumptions,
        tuple(_host(host, mesh) for host in view.fabric.hosts.values()),
        tuple(finding_report(found, view, local) for found in view.listed),
        tuple(finding_report(found, view, local) for found in view.findings if found.severity is Severity.NOTICE),
        probe_reports(view),
        not_probed(view),
    )


def _host(host: Host, mesh: Mesh) -> HostReport:
    member = mesh.members.get(host.name)
    underlay = member.underlay if member else None
    state, error = _final(host)
    return HostReport(
        name=host.name,
        role=member.role if member else Role.OWNER,
        state=state,
        underlay=_underlay(underlay) if underlay else None,
        subnets=tuple(str(subnet.prefix) for subnet in member.subnets) if member else (),
        error=error,
    )


def _underlay(underlay: Underlay) -> UnderlayReport:
    return UnderlayReport(underlay.interface, f"{address_text(underlay.address)}/{underlay.segment.length}")


def _final(host: Host) -> tuple[HostState, str | None]:
    """Return state and error of a host now that the time is over: without a whole picture it has timed out."""
    if host.state in (HostState.CONNECTING, HostState.UP) and not host.readable:
        return HostState.TIMEOUT, host.error or "it gave no whole picture in time; --timeout S waits longer"
    if host.state is HostState.UP and host.is_partial:
        return HostState.NO_ROOT, host.error or "not root: some things cannot be read; log in as root or use --sudo"
    return host.state, host.error or None


def finding_report(found: Finding, view: View, local: Iterable[str] = ()) -> FindingReport:
    """Return the report of a finding of a view, with the plan that would mend it; `local` hosts are this machine."""
    made = plan([found], view.fabric, view.mesh, local)
    fix_class = made.fix_class if made.steps else class_of(found)
    fix = FixReport(int(fix_class), made.commands, made.refused, made.alternatives)
    return FindingReport(
        found.id,
        found.code,
        found.entry,
        found.severity,
        found.host,
        found.subject,
        found.summary,
        found.effect,
        found.evidence,
        found.caused_by,
        fix,
    )


def check_text(report: CheckReport) -> Iterator[str]:
    """Yield the lines of a report for people."""
    yield f"network {report.network or 'unknown'}"
    for host in report.hosts:
        yield f"  {host.name}: {' · '.join(_known(host))}"
        if host.error:
            yield f"    {host.error}"
    yield from (f"  assumed: {line}" for line in report.assumptions)
    for placed in in_tree_order(report.findings):
        if placed.below:
            yield _effect(placed.finding)
        else:
            yield from _headline(placed.finding, placed.explains)
    yield from probe_lines(report)
    yield ""
    yield _verdict(report)


def _known(host: HostReport) -> Iterator[str]:
    """Yield a host's state, and what is known of it: of one that was never read nothing may be."""
    yield host.state.value
    unread = host.state not in READ
    if host.underlay:
        yield f"{host.underlay.interface} {host.underlay.address}"
    elif not unread:
        yield "no underlay"
    if host.subnets:
        yield ", ".join(host.subnets)
    elif not unread:
        yield "no container subnet" if host.role is Role.OWNER else host.role.value


def _headline(found: FindingReport, explains: int) -> Iterator[str]:
    yield ""
    yield f"{found.severity.value.upper()} {found.code} ({found.entry}) on {found.host}"
    yield f"  {found.summary}"
    if found.effect:
        yield f"  effect: {found.effect}"
    yield from (f"  seen: {line}" for line in found.evidence)
    yield from (f"  fix: [{command.host}] {command.pasted}" for command in found.fix.commands)
    if found.fix.refused:
        yield f"  no fix: {found.fix.refused}"
    yield from (f"  instead: {line}" for line in found.fix.alternatives)
    if explains:
        yield f"  explains {explains} more:"


def _effect(found: FindingReport) -> str:
    return f"    {found.severity.value} {found.code} ({found.entry}) on {found.host}: {found.summary}"


def _verdict(report: CheckReport) -> str:
    if count := len(report.findings):
        heads = sum(not placed.below for placed in in_tree_order(report.findings))
        share = f", {heads} of them root cause{'s' if heads > 1 else ''}" if heads < count else ""
        return f"{count} finding{'s' if count > 1 else ''}{share}"
    return {
        0: _clean(report),
        3: "no host could be read: nothing is known of the network",
    }.get(exit_code(report), "no findings on the hosts that could be read")


def _clean(report: CheckReport) -> str:
    if not any(host.subnets for host in report.hosts):
        return "no container subnet was found on these hosts, nothing was judged: `hostgw-tui setup` makes a network"
    if partly := [host.name for host in report.hosts if host.state is HostState.NO_ROOT]:
        return f"no findings in what could be read: not root on {', '.join(partly)}"
    return "no findings: the network is as it should be, as far as is checked"


def exit_code(report: CheckReport) -> int:
    """Return 0 clean, 1 findings, 3 no host reached, 4 no findings but some host not reached."""
    reached = [host for host in report.hosts if host.state in READ]
    if not reached:
        return 3
    if report.findings:
        return 1
    return 0 if len(reached) == len(report.hosts) else 4
