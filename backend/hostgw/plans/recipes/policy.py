"""Policy rules: the standard ones, and routes where a rule leads containers' packets to."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.judge import judge, judge_own, own_by_routes
from hostgw.checks.policy import STANDARD, missing_tables
from hostgw.checks.standing import Standing
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.change import RouteChange, RuleChange
from hostgw.model.finding import Finding
from hostgw.model.kernel import Route, Rule
from hostgw.paths.fib import fib
from hostgw.plans.model import Step
from hostgw.plans.recipes.parts import Recipe, numbered, own_subnet, routes_to
from hostgw.plans.recipes.routes import expected_to, right_route
from hostgw.plans.steps import step


def _standard(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Add the rule, before others of its priority stay where they are."""
    for table in missing_tables(host, mesh, fib(host.root)):
        priority = STANDARD[table]
        if str(priority) == finding.subject:
            before = _of(host, priority)
            rule = Rule(priority, table, protocol="static", position=len(before))
            summary = f"look up table {table} for every packet"
            yield step(host, RuleChange(priority, before, (*before, rule)), summary, finding)


def _of(host: Host, priority: int) -> tuple[Rule, ...]:
    return tuple(rule for rule in host.root.rules if rule.priority == priority)


def _undivert(finding: Finding, host: Host, mesh: Mesh) -> Iterator[Step]:
    """Give the table that the rule leads to the right route; a rule that ends in nothing is deleted."""
    if own := own_subnet(finding, host, mesh):
        judged = judge_own(host, own)
        main = own_by_routes(host, own)
        wanted = _connected_in(judged.table, main.route) if main.standing is Standing.OWN else None
    else:
        expected = expected_to(finding, mesh)
        if expected is None or not expected.next_hops:
            return
        judged = judge(host, expected, mesh)
        wanted = right_route(expected, judged.table)
    if not judged.astray or judged.rule is None:
        return
    if judged.rule.action != "lookup":
        before = _of(host, judged.rule.priority)
        after = tuple(rule for rule in before if rule != judged.rule)
        summary = f"delete the rule that ends the look-up of {finding.subject}"
        yield step(host, RuleChange(judged.rule.priority, before, after), summary, finding)
    elif wanted is not None:
        held = routes_to(host, finding.subject, table=judged.table)
        change = RouteChange(judged.table, finding.subject, held, numbered((wanted, *held)))
        summary = f"route {finding.subject} in table {judged.table} too, where rule {judged.rule.priority} leads"
        yield step(host, change, summary, finding)


def _connected_in(table: int, connected: Route | None) -> Route | None:
    """Return the bridge's connected route as it stands in another table."""
    if connected is None:
        return None
    return Route(connected.dst, table, oif=connected.oif, scope="link", protocol="static", src=connected.src)


RECIPES: dict[str, Recipe] = {
    "rule-diverts-subnet": _undivert,
    "rules-missing": _standard,
}
