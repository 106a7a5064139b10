"""The plan that takes a journal entry back."""

from __future__ import annotations

import msgspec

from hostgw.checks.catalogue import FixClass
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.plans.build import forbidden, marked
from hostgw.plans.journal import Entry, Made
from hostgw.plans.model import Plan, Step
from hostgw.plans.reverse import reversed_change, undo_order
from hostgw.plans.steps import step


def undo_plan(entry: Entry | None, fabric: Fabric, mesh: Mesh, local: frozenset[str] = frozenset()) -> Plan:
    """Return the plan that puts back what `entry` changed, in reverse order; `refused` says why there is none."""
    if entry is None:
        return Plan("undo", FixClass.ADVICE, refused="nothing to undo: no change was recorded that is not undone")
    title = f"undo: {entry.title}"
    refused = _refused(entry, fabric)
    steps = () if refused else tuple(s for made in _undone(entry, fabric) if (s := _step(made, fabric)))
    if not refused and not steps:
        refused = "nothing of it can be put back"
    refused = refused or forbidden(steps, fabric)
    verification = "the host is read again and must be as it was before"
    gone = [made.summary for made in entry.changes if reversed_change(made.change) is None]
    risk = f"not put back, for nothing can: {', '.join(gone)}" if steps and gone else ""
    steps = marked(steps, fabric, mesh, local)
    return Plan(title, FixClass.SAFE, steps, risk, verification=verification, refused=refused, undoes=entry.id)


def _undone(entry: Entry, fabric: Fabric) -> list[Made]:
    return undo_order(entry.left_on(machines(fabric)), lambda made: made.change)


def machines(fabric: Fabric) -> dict[str, tuple[str, ...]]:
    """Return the identities of the hosts by name; none where they are not known."""
    return {host.name: _identities(host) for host in fabric.hosts.values()}


def _identities(host: Host) -> tuple[str, ...]:
    facts = host.snapshot.facts if host.snapshot else None
    return tuple(known for known in (facts.machine, facts.machine_id) if known) if facts else ()


def _refused(entry: Entry, fabric: Fabric) -> str:
    if not entry.in_place:
        return f"{entry.id} is already undone" if entry.undone else f"{entry.id} changed nothing that is still in place"
    left = entry.left_on(machines(fabric))
    for made in entry.changes:
        host = fabric.hosts.get(made.host)
        if host is None:
            return f"{made.host} is not among the hosts"
        if not host.readable:
            return f"{made.host} is {host.state.value}"
        if not left and not made.is_on(machines(fabric)):
            return f"{made.host} is another machine, or was started again since: the change is gone with it"
        if made in left and made.inode and _namespace(made, host) is None:
            return f"container {made.namespace} on {made.host} is gone"
    return ""


def _namespace(made: Made, host: Host) -> int | None:
    namespaces = host.snapshot.namespaces.values() if host.snapshot else ()
    return next((ns.id for ns in namespaces if ns.inode == made.inode and ns.id), None)


def _step(made: Made, fabric: Fabric) -> Step | None:
    back = reversed_change(made.change)
    host = fabric.hosts[made.host]
    if back is None:
        return None
    if made.inode:
        back = msgspec.structs.replace(back, ns=_namespace(made, host))
    return step(host, back, f"take back: {made.summary}")
