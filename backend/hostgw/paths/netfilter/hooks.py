"""The base chains of all backends in the order in which the kernel calls them.

Priorities: enum nf_ip_hook_priorities. NAT chains of any declared priority are called where nf_nat stands, in the
order of their own priorities. Chains of equal priority are called in an order that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final

from hostgw.paths.netfilter.program import Base, Program

CONNTRACK: Final = -200
"""Where connection tracking looks at a packet, in prerouting and output."""
DESTINATION_NAT, SOURCE_NAT = -100, 100
Groups = tuple[tuple[int, tuple[Base, ...]], ...]
"""Chains of one hook: by the priority at which they are called, those of equal rank together."""


def _called_at(base: Base) -> tuple[int, int]:
    if base.kind != "nat":
        return base.priority, base.priority
    late = base.hook in ("input", "postrouting")
    return (SOURCE_NAT if late else DESTINATION_NAT), base.priority


def _matters(base: Base) -> bool:
    return base.drops or bool(base.chains.get(base.chain))


@lru_cache(maxsize=512)
def ordered(programs: tuple[Program, ...]) -> dict[str, Groups]:
    """Return the chains of each hook in order; those that do nothing are left out."""
    hooks: dict[str, list[Base]] = {}
    for base in (base for program in programs for base in program.bases if _matters(base)):
        hooks.setdefault(base.hook, []).append(base)
    return {hook: _groups(bases) for hook, bases in hooks.items()}


def _groups(bases: Iterable[Base]) -> Groups:
    grouped = groupby(sorted(bases, key=_called_at), key=_called_at)
    return tuple((called[0], tuple(found)) for called, found in grouped)
