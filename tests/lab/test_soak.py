"""Two or three faults at once: all named, mended, taken back; 20 seeded rounds in a test, 200 in `make soak`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.errors import LabError
from hostgw.lab import FAULTS, Fault, Lab
from tests.lab.conftest import Run
from tests.lab.test_breaks import Found, told

pytestmark = pytest.mark.lab
SOAK = bool(os.environ.get("HOSTGW_SOAK"))
ROUNDS = 200 if SOAK else 20
MENDED_EACH = 1 if SOAK else 5
"""Every so many rounds the faults are mended and taken back too."""
ALONE = frozenset({"R7", "R25"})
"""Faults that move a host: what else is true of it then, is another network."""
TRIES = 20
LEADING_AWAY = ("R1", "R2", "R3", "R4", "R5", "R6", "R8", "R10", "R24", "R29")
"""Faults after which vm1 sends nothing to vm2 by the right next hop."""
HIDING = (
    {"A5", "F3"},  # vm1's routes are wrong: what strict filtering drops follows from them
    {"L4", "A9"},  # one container with a foreign address in a foreign bridge is another network's container
    {"A2", "L6"},  # both are about the one address of vm2's bridge
    *({late, entry} for late in ("L8", "L9") for entry in LEADING_AWAY),  # no route uses that neighbour any more
    *({"A9", entry} for entry in ("A8", "A10", "C1", "C2", "C3", "C4", "C5")),  # of a container that is no longer ours
)
"""Pairs of which one truly hides the other."""
Name = tuple[str, str, str]


def names(found: Found) -> set[Name]:
    return {(f["code"], f["host"], f["subject"]) for f in found}


def combinations(seed: random.Random) -> Iterator[list[Fault]]:
    """Yield faults that lie on different hosts or in different areas: two at one object are one fault."""
    able = [f for f in FAULTS if not f.notice and not f.options and f.id not in ALONE]
    while True:
        chosen = seed.sample(able, seed.choice((2, 2, 3)))
        places = {(f.host, f.id[0]) for f in chosen}
        hidden = any(pair <= {f.id for f in chosen} for pair in HIDING)
        if len(places) == len(chosen) and not hidden:
            yield chosen


def broken(name: str, faults: list[Fault]) -> bool:
    """Bring faults about together; tell whether that was possible."""
    try:
        for fault in faults:
            labs.break_(name, fault.id)
    except LabError:
        labs.heal(name)
        return False
    return True


@pytest.mark.timeout(7200)
def test_faults_at_once_are_all_named_and_mended(shared_lab: Lab, hostgw: Run) -> None:
    seed = random.Random(1)
    where = ("--lab", shared_lab.name)
    chosen = combinations(seed)
    wrong: list[str] = []
    for number in range(ROUNDS):
        faults = next(c for _, c in zip(range(TRIES), chosen, strict=False) if broken(shared_lab.name, c))
        try:
            found, _ = told(hostgw, *where, code=1)
            unnamed = [fault.id for fault in faults if not set(fault.expected) <= names(found)]
            assert not unnamed, f"{unnamed} not named among {sorted(names(found))}"
            assert_causes_are_faults(faults, found)
            if number % MENDED_EACH == 0 and all(fault.fixable and fault.undoable for fault in faults):
                mend_and_take_back(hostgw, where, found)
        except AssertionError as error:
            wrong.append(f"{[fault.id for fault in faults]}: {error}")
        finally:
            labs.heal(shared_lab.name)
    assert not wrong, "\n".join(wrong)


def assert_causes_are_faults(faults: list[Fault], found: Found) -> None:
    """What was broken is a headline of its own, or truly explained by something else that was broken."""
    expected = {"/".join(each) for fault in faults for each in fault.expected}
    for each in found:
        if each["id"] in expected:
            assert set(each["caused_by"]) <= expected, each


def mend_and_take_back(hostgw: Run, where: tuple[str, ...], found: Found) -> None:
    hostgw(*where, "fix", "--yes", code=0)
    left, _ = told(hostgw, *where, code=0)
    assert left == []
    hostgw(*where, "undo", "--all", "--yes", code=0)
    again, _ = told(hostgw, *where, code=1)
    assert names(again) == names(found)
