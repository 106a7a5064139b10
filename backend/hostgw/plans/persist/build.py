"""The plan that makes lasting what is there now: which files of which host have to become what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from hostgw.checks.catalogue import FixClass
from hostgw.fabric import Fabric, Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.plans.build import forbidden, marked
from hostgw.plans.model import Plan, Step
from hostgw.plans.persist import ifupdown, modules, netplan, network, networkd, networkmanager, oneshot, rules, sysctl
from hostgw.plans.persist.model import NAME, Draft, Files, Unusable
from hostgw.plans.persist.owner import owner
from hostgw.plans.persist.wanted import notes, wanted
from hostgw.plans.steps import step

TITLE = "make lasting what is there now"
RISK = "files only: nothing changes now, the files count from the next boot, or when their program reads them again"
VERIFICATION = "each file is read back; the hosts are read again"
NOTHING = "everything that lasts by files does so already"


def paths(host: Host, mesh: Mesh) -> tuple[str, ...]:
    """Return the files that have to be read of a host before a plan can be made."""
    member = mesh.members.get(host.name)
    bridges = [s.bridge for s in (member.subnets if member else ()) if s.bridge]
    made = (f"{networkd.DIRECTORY}90-{NAME}-{bridge}.{kind}" for bridge in bridges for kind in ("netdev", "network"))
    connections = (f"{networkmanager.DIRECTORY}{NAME}-{bridge}.nmconnection" for bridge in bridges)
    place = owner(host, mesh, Files(()))
    return (
        *(networkd.DIRECTORY, networkd.FOREIGN, *made, *connections),
        *([networkd.drop_in(place.place)] if place.manager == networkd.MANAGER else ()),
        *(netplan.DIRECTORY, netplan.OURS),
        *([networkmanager.DIRECTORY] if place.manager == networkmanager.MANAGER else ()),  # it may hold secrets
        *(ifupdown.INTERFACES, ifupdown.MORE, ifupdown.OURS, oneshot.UNIT, oneshot.WANTED),
        *(sysctl.DIRECTORY + sysctl.USUAL, sysctl.DIRECTORY + sysctl.LATE, modules.PATH),
        *(
            path
            for each in (*rules.PLACES, rules.NATIVE)
            for path in (each.path, *(rules.UNITS + u for u in each.links))
        ),
    )


def persist_plan(
    fabric: Fabric,
    mesh: Mesh,
    files: Mapping[str, Files],
    findings: Iterable[Finding] = (),
    local: Iterable[str] = (),
) -> Plan:
    """Return what makes lasting what the hosts in `files` have now; `refused` where that is nothing."""
    known = {(found.host, found.code): found for found in findings}
    said: list[str] = []
    steps = [
        _step(fabric.hosts[name], draft, known)
        for name, held in files.items()
        for draft in _drafts(fabric.hosts[name], mesh, held, said)
    ]
    mended = tuple(f.id for name in files for f in known.values() if f.host == name and f.id in _mended(steps))
    found = marked(steps, fabric, mesh, frozenset(local))
    plan = Plan(TITLE, FixClass.SAFE, found, RISK, verification=VERIFICATION, findings=mended, notes=tuple(said))
    return replace(plan, refused=forbidden(found, fabric) if found else NOTHING)


def _mended(steps: Iterable[Step]) -> set[str]:
    return {step.finding for step in steps}


def _step(host: Host, draft: Draft, known: Mapping[tuple[str, str], Finding]) -> Step:
    mends = next((known[host.name, code] for code in draft.mends if (host.name, code) in known), None)
    return step(host, draft.change, draft.summary, mends)


def _drafts(host: Host, mesh: Mesh, files: Files, said: list[str]) -> Iterator[Draft]:
    """Yield the changes of files of one host; `said` takes what is left as it is, and why."""
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None:
        said.append(f"{host.name}: it has no part in the network")
        return
    nic = owner(host, mesh, files)
    wish = wanted(host, mesh, nic, files)
    said += [*notes(host, mesh), *(f"{host.name}: {text}" for text in sysctl.notes(host, wish.sysctls))]
    parts = (
        network.drafts(host, wish, files, said),
        sysctl.drafts(host, wish.sysctls, files),
        modules.drafts(wish.modules, files),
    )
    for part in parts:
        try:
            yield from part
        except Unusable as reason:
            said.append(f"{host.name}: left alone: {reason}")
