"""From a finding to the changes that mend it; one recipe per code, a file per area."""

from __future__ import annotations

from hostgw.checks.catalogue import FixClass, class_of
from hostgw.fabric import Fabric
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.plans.model import Step
from hostgw.plans.recipes import (
    addressing,
    bridging,
    containers,
    filtering,
    links,
    nat,
    neighbours,
    policy,
    routes,
)
from hostgw.plans.recipes.connected import keeps_connected, taken_connected
from hostgw.plans.recipes.parts import Recipe

AREAS = (routes, policy, addressing, links, bridging, neighbours, filtering, nat, containers)
RECIPES: dict[str, Recipe] = {code: recipe for area in AREAS for code, recipe in area.RECIPES.items()}


def steps(finding: Finding, fabric: Fabric, mesh: Mesh) -> tuple[Step, ...]:
    """Return the steps that mend `finding`; empty when no key can."""
    return tuple(step for step in _wished(finding, fabric, mesh) if not taken_connected(step, fabric))


def refusal(finding: Finding, fabric: Fabric, mesh: Mesh) -> str:
    """Return why a change that would mend `finding` is not offered; empty where none is known."""
    routes = (route for step in _wished(finding, fabric, mesh) for route in taken_connected(step, fabric))
    return next((keeps_connected(fabric.hosts[finding.host], route) for route in routes), "")


def _wished(finding: Finding, fabric: Fabric, mesh: Mesh) -> tuple[Step, ...]:
    """Return what the recipe says, before it is held to what must stay."""
    host = fabric.hosts.get(finding.host)
    recipe = RECIPES.get(finding.code)
    if host is None or recipe is None or class_of(finding) is FixClass.ADVICE:
        return ()
    return tuple(recipe(finding, host, mesh))
