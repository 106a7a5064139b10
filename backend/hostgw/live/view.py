"""What screens and reports read: one immutable picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from hostgw.checks.tree import Placed, in_tree_order
from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding, listed
from hostgw.model.host_state import HostState

FAILED = frozenset(HostState) - {HostState.CONNECTING, HostState.UP, HostState.STALE}
"""States in which a host gives no picture and will not by waiting a little."""


class Placing:
    """Remembers the last order: most pictures have the very findings of the one before."""

    def __init__(self) -> None:
        self._last: tuple[tuple[Finding, ...], tuple[Placed[Finding], ...]] = ((), ())

    def of(self, findings: tuple[Finding, ...]) -> tuple[Placed[Finding], ...]:
        """Return the listed ones of findings in reading order; any thread may call it."""
        last = self._last
        if last[0] is not findings:
            last = self._last = findings, tuple(in_tree_order(listed(findings)))
        return last[1]


_placing = Placing()


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

    @cached_property
    def placed(self) -> tuple[Placed[Finding], ...]:
        """The listed findings in reading order: each headline, then what it explains."""
        return _placing.of(self.findings)

    @property
    def settled(self) -> bool:
        """Every host has given a complete picture or failed for good."""
        return all(host.readable or host.state in FAILED for host in self.fabric.hosts.values())
