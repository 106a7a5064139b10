"""Run every check over a fabric and put the findings in reading order: root causes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from weakref import WeakKeyDictionary

from hostgw.checks import (
    addressing,
    backends,
    bridging,
    causes,
    clouds,
    containers,
    delivery,
    docker,
    docker_settings,
    filtering,
    flows,
    forwarding,
    links,
    masquerading,
    mtu,
    nat,
    neighbours,
    persistence,
    policy,
    probe_evidence,
    probed,
    renumbered,
    reverse_path,
    routes,
    splits,
    tracking,
    witness,
)
from hostgw.fabric import Fabric, Host, Snapshot
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding, Severity

HostCheck = Callable[[Host, Mesh], Iterator[Finding]]
FabricCheck = Callable[[Fabric, Mesh], Iterator[Finding]]

HOST_CHECKS: tuple[HostCheck, ...] = (
    links.check,
    bridging.check,
    addressing.check,
    neighbours.check,
    mtu.check,
    forwarding.check,
    reverse_path.check,
    filtering.check,
    docker.check,
    docker_settings.check,
    delivery.check,
    routes.check,
    policy.check,
    containers.check,
    nat.check,
    masquerading.check,
    splits.check,
    tracking.check,
    persistence.check,
    clouds.check,
)
"""Checks of one host against the mesh: they read no other host, so that their result can be kept."""
FABRIC_CHECKS: tuple[FabricCheck, ...] = (
    addressing.check_fabric,
    backends.check_fabric,
    neighbours.check_fabric,
    mtu.check_fabric,
    reverse_path.check_fabric,
    masquerading.check_fabric,
    flows.check_fabric,
)
"""Checks that compare hosts."""
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTICE: 2}


class Checker:
    """Runs the checks and remembers, per host, the result for the same snapshot and mesh (the very objects)."""

    def __init__(self, between: Callable[[], None] = lambda: None) -> None:
        """Call `between` before each host that is checked anew and each comparison: it may let others go first."""
        self._between = between
        self._memory: WeakKeyDictionary[Snapshot, tuple[Mesh, tuple[Finding, ...]]] = WeakKeyDictionary()

    def run(self, fabric: Fabric, mesh: Mesh) -> tuple[Finding, ...]:
        """Return all findings, notices included, root causes first."""
        found = chain.from_iterable(self._host(host, mesh) for host in fabric.readable)
        compared = chain.from_iterable(self._compared(check, fabric, mesh) for check in FABRIC_CHECKS)
        told = renumbered.told(tuple(chain(found, compared)), fabric, mesh)
        told = (*told, *probed.check(told, fabric, mesh))
        linked = probe_evidence.with_probes(causes.linked(told, fabric, mesh), fabric, mesh)
        return ordered(witness.in_view(linked, fabric))

    def _compared(self, check: FabricCheck, fabric: Fabric, mesh: Mesh) -> Iterator[Finding]:
        self._between()
        yield from check(fabric, mesh)

    def _host(self, host: Host, mesh: Mesh) -> tuple[Finding, ...]:
        snapshot = host.snapshot
        if snapshot is None:
            return ()
        known = self._memory.get(snapshot)
        if known and known[0] is mesh:
            return known[1]
        self._between()
        found = tuple(chain.from_iterable(check(host, mesh) for check in HOST_CHECKS))
        self._memory[snapshot] = (mesh, found)
        return found


def run(fabric: Fabric, mesh: Mesh) -> tuple[Finding, ...]:
    """Return all findings of a fabric, notices included, root causes first."""
    return Checker().run(fabric, mesh)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in reading order: root causes, then severity, host and subject."""
    return tuple(sorted(findings, key=lambda f: (bool(f.caused_by), _ORDER[f.severity], f.host, f.code, f.subject)))
