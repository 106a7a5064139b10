"""What screens and reports read: one immutable picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from hostgw.checks.run import listed
from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState

FAILED = frozenset(HostState) - {HostState.CONNECTING, HostState.UP, HostState.STALE}
"""States in which a host gives no picture and will not by waiting a little."""


@dataclass(frozen=True)
class View:
    """The fabric, what should be, and what is wrong, at one moment."""

    fabric: Fabric = field(default_factory=Fabric)
    mesh: Mesh = field(default_factory=Mesh)
    findings: tuple[Finding, ...] = ()
    """All findings, notices included, root causes first."""
    number: int = 0
    """Rises with every new picture."""
    checks: int = 0
    """How often mesh and findings were worked out until now."""
    checking_s: float = 0.0
    """How many seconds all of that took."""

    @cached_property
    def listed(self) -> tuple[Finding, ...]:
        """The findings without notices."""
        return listed(self.findings)

    @property
    def settled(self) -> bool:
        """Every host has given a complete picture or failed for good."""
        return all(host.readable or host.state in FAILED for host in self.fabric.hosts.values())
