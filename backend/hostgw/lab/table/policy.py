"""Faults of policy rules."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, step
from hostgw.lab.table.words import C1, C2

_R17: Final = Fault(
    "R17",
    "a rule of vm1 sends what its containers send by a table that knows nothing but a default route",
    "vm1",
    (
        step("vm1", "ip route add default via 10.5.7.1 dev eth0 table 100"),
        step("vm1", f"ip rule add from {C1} lookup 100 pref 1000"),
    ),
    (Expected("rule-diverts-subnet", "vm1", C2), Expected("rule-diverts-subnet", "vm1", C1)),
    f"table 100 of vm1 has routes to {C2} and to its own {C1} too",
)

_R18: Final = Fault(
    "R18",
    "vm1 has no rule that looks up table main, but for its own segment",
    "vm1",
    (
        step("vm1", "ip rule add to 10.5.7.0/24 lookup main pref 100"),
        step("vm1", "ip rule del pref 32766"),
    ),
    (Expected("rules-missing", "vm1", "32766"),),
    "vm1 has the rule 32766 again",
)

FAULTS: Final[tuple[Fault, ...]] = (_R17, _R18)
