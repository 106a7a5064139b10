"""The hosts to reach, and what somebody said of the network they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hostgw.model.host import Role
from hostgw.model.ip import Prefix
from hostgw.ssh.target import Target


@dataclass(frozen=True, slots=True)
class Intent:
    """What one host is meant to be; what is empty is found out by looking."""

    subnets: tuple[Prefix, ...] = ()
    """Container subnets that it owns."""
    underlay: int | None = None
    """Its address on the segment, as an integer."""
    role: Role = Role.OWNER


@dataclass(frozen=True, slots=True)
class Inventory:
    """Targets in the order given, intents by host name."""

    targets: tuple[Target, ...]
    intents: Mapping[str, Intent] = field(default_factory=dict)
    network: Prefix | None = None
    complete: bool = False
    """No other host belongs to the network, so a route to one is stale."""
    notes: tuple[str, ...] = ()
    """What of the inventory is not used, and why."""
