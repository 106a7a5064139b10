"""The faults that `lab break` knows: id, exact break, expected findings, state after the fix; a file per area."""

from __future__ import annotations

from itertools import chain
from typing import Final

from hostgw.lab.faults import Fault
from hostgw.lab.table import (
    addressing,
    bridging,
    containers,
    filtering,
    links,
    mtu,
    nat,
    neighbours,
    persistence,
    policy,
    probing,
    routes,
)

AREAS: Final = (
    routes,
    policy,
    addressing,
    links,
    bridging,
    neighbours,
    mtu,
    filtering,
    nat,
    containers,
    persistence,
    probing,
)
_LETTERS: Final = "RALFNCPU"


def _place(fault: Fault) -> tuple[int, int, str]:
    """Return where a fault stands: by the areas of the catalogue, then by number; A7B follows A7."""
    number = "".join(c for c in fault.id if c.isdigit())
    return _LETTERS.index(fault.id[0]), int(number), fault.id


FAULTS: Final[tuple[Fault, ...]] = tuple(sorted(chain.from_iterable(area.FAULTS for area in AREAS), key=_place))
"""Every fault, in the order in which `lab faults` lists them."""


def markdown() -> str:
    """Return the table of the faults as the documentation shows it."""
    head = "| id | what is wrong | exact break | expected findings | after the fix |\n|---|---|---|---|---|\n"
    return head + "".join(_row(fault) for fault in FAULTS)


def _row(fault: Fault) -> str:
    breaks = "<br>".join(f"{each.place}: `{' '.join(each.argv)}`" for each in fault.steps).replace("|", "\\|")
    found = "<br>".join(f"`{each.code}` {each.host} {each.subject}" for each in fault.expected)
    return f"| {fault.id} | {fault.title} | {breaks} | {found} | {fault.after_fix} |\n"
