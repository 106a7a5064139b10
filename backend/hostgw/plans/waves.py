"""In which order hosts are changed: one first, then several at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hostgw.plans.model import Plan

AT_ONCE = 8


def waves(hosts: Sequence[str], at_once: int = AT_ONCE) -> tuple[tuple[str, ...], ...]:
    """Return groups of hosts: the canary alone, the others behind it."""
    rest = hosts[1:]
    groups = (tuple(rest[start : start + at_once]) for start in range(0, len(rest), at_once))
    return (tuple(hosts[:1]), *groups) if hosts else ()


def due(plan: Plan, wave: Collection[str], kept: Collection[str]) -> tuple[str, ...]:
    """Return the findings that must be gone once `wave` is changed: those that need no host that comes later."""
    needs: dict[str, set[str]] = {}
    for step in plan.steps:
        needs.setdefault(step.finding, set()).add(step.host)
    done = {*wave, *kept}
    return tuple(f for f in plan.findings if needs.get(f, set()) <= done and needs.get(f, set()) & set(wave))
