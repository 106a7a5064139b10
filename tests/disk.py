"""The files of a host in memory: asked for like those of a real one, and changed by plans."""

from __future__ import annotations

from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import FileChange
from hostgw.model.file import HostFile
from hostgw.plans.model import Plan
from hostgw.plans.persist import Files, paths, persist_plan

Disk = dict[str, tuple[str, int]]


def files(fabric: Fabric, disk: Disk, links: tuple[str, ...] = (), systemd: bool = True, name: str = "vm1") -> Files:
    """Return what the host tells of a disk; `links` are what is a link there."""
    rows: list[HostFile] = []
    for asked in paths(fabric.hosts[name], build(fabric)):
        inside = [path for path in disk if asked.endswith("/") and path.rpartition("/")[0] == asked.rstrip("/")]
        rows += [_row(path, disk, links) for path in (inside if asked.endswith("/") else [asked])]
    return Files(rows, systemd)


def _row(path: str, disk: Disk, links: tuple[str, ...]) -> HostFile:
    if path in links:
        return HostFile(path, None, error=f"{path} is a link")
    if path in disk:
        return HostFile(path, *disk[path])
    parts = path.split("/")
    above = ["/".join(parts[:end]) for end in range(3, len(parts))]
    return HostFile(path, None, missing=tuple(a for a in above if not any(p.startswith(f"{a}/") for p in disk)))


def planned(fabric: Fabric, disk: Disk, links: tuple[str, ...] = (), systemd: bool = True, name: str = "vm1") -> Plan:
    """Return the plan for one host."""
    mesh = build(fabric)
    return persist_plan(fabric, mesh, {name: files(fabric, disk, links, systemd, name)})


def carried_out(plan: Plan, disk: Disk) -> Disk:
    """Return the disk after a plan."""
    for step in plan.steps:
        assert isinstance(step.change, FileChange)
        disk = changed(disk, step.change)
    return disk


def changed(disk: Disk, change: FileChange) -> Disk:
    """Return the disk after a change, which must fit."""
    assert disk.get(change.path) == (None if change.before is None else (change.before, change.mode)), change.path
    others = {path: row for path, row in disk.items() if path != change.path}
    return others if change.after is None else {**others, change.path: (change.after, change.mode)}
