"""Build a plan for one finding, for many, or from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from hostgw.checks.catalogue import FixClass, class_of
from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.change import ConntrackChange, RouteChange, ServiceChange
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number
from hostgw.plans.advice import ENTRY_OWNERS, LEFT, VERIFICATION, alternatives, owner_of
from hostgw.plans.management import Path, touches
from hostgw.plans.model import Plan, Step
from hostgw.plans.recipes import refusal, steps


def plan(findings: Sequence[Finding], fabric: Fabric, mesh: Mesh, local: Iterable[str] = ()) -> Plan:
    """Return the plan that mends `findings`; `local` names hosts that are reached without SSH.

    A finding that another one explains needs no step of its own. Where nothing can be applied, `refused` says why and
    `alternatives` what could be done instead.
    """
    roots = [f for f in findings if not f.caused_by] or list(findings)
    made = _merged(step for finding in roots for step in steps(finding, fabric, mesh))
    possible = tuple(step for step in made if not barred(step.host, fabric))
    found = marked(possible or made, fabric, mesh, frozenset(local))
    mended = {step.finding for step in found}
    owner = ", ".join(sorted(_owners(found, [f for f in roots if f.id in mended], fabric)))
    return Plan(
        title=_title(roots),
        fix_class=_class([f for f in roots if f.id in mended], owner),
        steps=found,
        risk="; ".join([*_risk(found), *_unheard(found, fabric, mesh), *_left(f for f in roots if f.id in mended)]),
        owner=owner,
        verification=VERIFICATION,
        refused=_refused(roots, found, fabric, mesh),
        alternatives=tuple(dict.fromkeys(a for f in roots for a in alternatives(f, str(mesh.network or "")))),
        findings=tuple(f.id for f in roots if f.id in mended),
        notes=_left_out(made, fabric) if possible else (),
        cuts=any(isinstance(step.change, ServiceChange) for step in found),
    )


def _class(mended: Iterable[Finding], owner: str) -> FixClass:
    """Return how safe a fix is: as its findings say, and never quite safe where a program may own what is changed."""
    found = max(map(class_of, mended), default=FixClass.ADVICE)
    return max(found, FixClass.OWNED) if owner else found


def _title(findings: Sequence[Finding]) -> str:
    return findings[0].summary if len(findings) == 1 else f"mend {len(findings)} findings"


def _merged(found: Iterable[Step]) -> tuple[Step, ...]:
    """Two findings may ask for the same change (four cases of one NAT fault): it is made once.

    What is done at once on a host stands together. Hosts that only get routes come first: nothing is lost by one more,
    and where others stop to rewrite sources (N5), the way back of what they send is there before.
    """
    kept: dict[tuple[str, str], Step] = {}
    for step in found:
        kept.setdefault((step.host, repr(step.change)), step)
    first = {host: place for place, host in enumerate(dict.fromkeys(host for host, _ in kept))}
    changed = {step.host for step in kept.values() if not _only_adds_route(step)}
    return tuple(sorted(kept.values(), key=lambda step: (step.host in changed, first[step.host])))


def _only_adds_route(step: Step) -> bool:
    return isinstance(step.change, RouteChange) and not step.change.before


def _owners(found: Iterable[Step], mended: Iterable[Finding], fabric: Fabric) -> set[str]:
    """Return who may own what is changed: by the marks of routes, or because such rules are a program's own."""
    marked = {_owner(step, fabric) for step in found}
    return (marked | {ENTRY_OWNERS.get(finding.entry, "") for finding in mended}) - {""}


def _owner(step: Step, fabric: Fabric) -> str:
    programs = fabric.hosts[step.host].root.programs
    return owner_of(step.change.before, programs) if isinstance(step.change, RouteChange) else ""


def _left_out(made: Iterable[Step], fabric: Fabric) -> tuple[str, ...]:
    """Say of which hosts nothing is in a plan, and what would be done there."""
    out = [step for step in made if barred(step.host, fabric)]
    hosts = dict.fromkeys(barred(step.host, fabric) for step in out)
    return (*hosts, *(f"left out: [{step.host}] {command.pasted}" for step in out for command in step.commands))


def _risk(found: Iterable[Step]) -> Iterator[str]:
    yield "runtime only: a reboot returns to the configured state"
    if lasting := [step.host for step in found if isinstance(step.change, ConntrackChange)]:
        yield f"flows of {', '.join(lasting)} are tracked anew, which cannot be undone"
    if stopped := [step.host for step in found if isinstance(step.change, ServiceChange)]:
        yield f"Docker's containers on {', '.join(stopped)} stop, and start again only by a restart policy or by hand"


def _left(mended: Iterable[Finding]) -> Iterator[str]:
    yield from dict.fromkeys(LEFT[finding.entry] for finding in mended if finding.entry in LEFT)


def _unheard(found: Iterable[Step], fabric: Fabric, mesh: Mesh) -> Iterator[str]:
    """Name the next hops whose host does not answer now: their addresses may be old."""
    routes = (route for step in found if isinstance(step.change, RouteChange) for route in step.change.after)
    names = {mesh.host_of_address.get(address_number(route.gateway)) for route in routes if route.gateway}
    for name in sorted(name for name in names if name):
        if fabric.hosts[name].state is not HostState.UP:
            yield f"{name} does not answer now: its address is the last that is known"


def _refused(findings: Sequence[Finding], found: tuple[Step, ...], fabric: Fabric, mesh: Mesh) -> str:
    if not found:
        entries = ", ".join(dict.fromkeys(f.entry for f in findings))
        reasons = dict.fromkeys(reason for f in findings if (reason := refusal(f, fabric, mesh)))
        return "; ".join(reasons) or f"nothing that a key press could fix ({entries})"
    return forbidden(found, fabric)


def forbidden(found: Iterable[Step], fabric: Fabric) -> str:
    """Return why steps cannot be applied: we are not root there, or nobody is there who could."""
    return next((why for step in found if (why := barred(step.host, fabric))), "")


def barred(name: str, fabric: Fabric) -> str:
    """Return why nothing can be changed on a host; empty when it can."""
    snapshot = fabric.hosts[name].snapshot
    if snapshot is None or not (why := snapshot.facts.unchangeable):
        return ""
    remedy = "log in as root or use --sudo" if snapshot.facts.python else "run the commands there by hand"
    return f"{name}: {why}; {remedy}"


def marked(found: Iterable[Step], fabric: Fabric, mesh: Mesh, local: frozenset[str]) -> tuple[Step, ...]:
    """Return steps that say whether they touch the way back to the operator; `local` hosts have none."""

    @cache
    def way(name: str) -> Path:
        return Path(fabric.hosts[name], mesh)

    return tuple(
        replace(step, danger="" if step.host in local else touches(step.change, way(step.host))) for step in found
    )
