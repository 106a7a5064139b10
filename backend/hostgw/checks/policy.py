"""Policy rules that lead containers' packets away from the routes, or nowhere (catalogue 3.1)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.judge import Judgement, judge, judge_own
from hostgw.checks.standing import Standing
from hostgw.checks.travel import meets
from hostgw.checks.words import cannot, finding, rule_text
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.ip import address_text
from hostgw.model.kernel import Rule
from hostgw.paths.fib import DEFAULT_TABLE, LOCAL, MAIN, Fib, fib
from hostgw.paths.words import route_text

STANDARD = {LOCAL: 0, MAIN: 32766, DEFAULT_TABLE: 32767}
"""The priorities of the rules that the kernel makes for the standard tables."""
_NAMES = {LOCAL: "local", MAIN: "main", DEFAULT_TABLE: "default"}


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield which rules are missing, and which lead astray."""
    model = fib(host.root)
    if model.plain or host.name not in mesh.routes:
        return
    missing = missing_tables(host, mesh, model)
    yield from (_missing(host, table) for table in missing)
    for judgement in _astray(host, mesh):
        if judgement.rule is not None:
            yield _diverted(host, judgement, judgement.rule)


def missing_tables(host: Host, mesh: Mesh, model: Fib) -> tuple[int, ...]:
    """Return the standard tables that hold something and that no rule leads every packet to.

    A rule of another priority is as good as the kernel's own.
    """
    held = [table for table in STANDARD if table in model.tables or table == LOCAL]
    return tuple(table for table in held if not meets(host, mesh, model, table))


def _astray(host: Host, mesh: Mesh) -> Iterator[Judgement]:
    judged = [judge(host, expected, mesh) for expected in mesh.expected_of(host.name)]
    judged += [judge_own(host, subnet) for subnet in _own(host, mesh)]
    return (judgement for judgement in judged if judgement.astray)


def _own(host: Host, mesh: Mesh) -> tuple[Subnet, ...]:
    member = mesh.members.get(host.name)
    return member.subnets if member else ()


def _missing(host: Host, table: int) -> Finding:
    name, priority = _NAMES[table], STANDARD[table]
    summary = f"{host.name} has no policy rule that looks up table {name} for every packet ({priority} is missing)"
    effect = f"the routes of table {name} serve nobody"
    evidence = tuple(rule_text(rule) for rule in host.root.rules)
    return finding("rules-missing", host.name, str(priority), summary, effect, evidence)


def _diverted(host: Host, judgement: Judgement, rule: Rule) -> Finding:
    subnet, route = judgement.subnet, judgement.route
    where = f"table {rule.table}" if rule.action == "lookup" else f"'{rule.action}'"
    whose = "packets" if subnet.owner == host.name else "containers' packets"
    whose = "its own replies" if judgement.replies else whose
    summary = f"rule {rule.priority} of {host.name} sends {whose} to {subnet.prefix} by {where}"
    shown = [route_text(route, host.root)] if route else []
    unanswered = f"containers on {host.name} get no answer from their gateway {address_text(subnet.gateway)}"
    who = unanswered if judgement.replies else cannot(host, subnet)
    effect = f"{who}: {_fault(judgement, rule)}, whatever table main says"
    return finding("rule-diverts-subnet", host.name, str(subnet.prefix), summary, effect, (rule_text(rule), *shown))


def _fault(judgement: Judgement, rule: Rule) -> str:
    if rule.action != "lookup":
        return "the rule ends the look-up"
    without = judgement.standing in (Standing.MISSING, Standing.OFF_SEGMENT)
    return f"table {rule.table} {'has no route to it' if without else 'leads elsewhere'}"
