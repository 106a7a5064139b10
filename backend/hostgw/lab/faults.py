"""Breaking a lab on purpose: what a fault is, and bringing one about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hostgw.errors import LabError
from hostgw.lab import store
from hostgw.lab.lab import Lab, load

if TYPE_CHECKING:
    from collections.abc import Iterable


class Expected(NamedTuple):
    """One finding that a fault must bring: its code, host and subject."""

    code: str
    host: str
    subject: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a fault and where it runs: a host, `HOST/CONTAINER`, or a plain node."""

    place: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of the catalogue as the lab makes it."""

    id: str
    """Entry of the catalogue, `R1`."""
    title: str
    """What is wrong, in plain words."""
    host: str
    """Where it is wrong."""
    steps: tuple[Step, ...]
    """Commands that bring it about, in order."""
    expected: tuple[Expected, ...]
    """Findings that it must bring; others may follow from it."""
    after_fix: str
    """State after the fix."""
    hosts: int = 2
    """Hosts that the lab must have."""
    containers: int = 0
    """Containers per host that the lab must have."""
    entry: str = ""
    """Entry that the findings name, where it is not the fault's own id."""
    fixable: bool = True
    """A key mends it; not so where the fix is advice."""
    undoable: bool = True
    """The fix can be taken back; not so where flows are forgotten."""
    notice: bool = False
    """It is worth a notice, and no more."""
    pings: bool = True
    """Containers reach each other once it is mended."""
    options: tuple[str, ...] = ()
    """Options that `check` needs to see it."""
    files: tuple[str, ...] = ()
    """Paths on the hosts that it makes: `lab heal` removes them."""

    @property
    def entries(self) -> tuple[str, ...]:
        """Entries of the catalogue that its findings name."""
        return (self.entry or self.id,)


def step(place: str, command: str) -> Step:
    """A step from a command without quoting, for tables that are read by people."""
    return Step(place, tuple(command.split()))


def break_(name: str, fault_id: str) -> Fault:
    """Bring a fault about; raises LabError when it is unknown, does not fit the lab or a command fails."""
    fault = find(fault_id)
    lab = load(name)
    check_fit(lab, fault)
    with store.locked(lab.directory):
        for each in _steps_for(lab, fault):
            _run(lab, fault, each)
    return fault


def find(fault_id: str) -> Fault:
    """The fault of that id, in either case; raises LabError naming those that exist."""
    from hostgw.lab.table import FAULTS

    for fault in FAULTS:
        if fault.id == fault_id.upper():
            return fault
    raise LabError(f"there is no fault {fault_id}", remedy=f"one of: {', '.join(fault.id for fault in FAULTS)}")


def check_fit(lab: Lab, fault: Fault) -> None:
    """Raise LabError unless a lab has what a fault needs."""
    if lab.shape.hosts < fault.hosts:
        raise LabError(f"{fault.id} needs {fault.hosts} hosts, lab {lab.name} has {lab.shape.hosts}")
    if lab.shape.containers < fault.containers:
        raise LabError(f"{fault.id} needs a container per host, lab {lab.name} has none")
    if not lab.shape.kind.ordinary:
        what = f"faults speak of br0 and eth0, lab {lab.name} has other names, or nothing to break"
        raise LabError(what, remedy="build a plain lab")
    if fault.id.startswith("N") and lab.shape.kind.nat not in ("iptables", "legacy"):
        raise LabError(f"{fault.id} needs NAT rules of iptables, lab {lab.name} has none")


def _steps_for(lab: Lab, fault: Fault) -> Iterable[Step]:
    """A step for `others` runs on every machine but the fault's own host."""
    for each in fault.steps:
        if each.place != "others":
            yield each
            continue
        for host in lab.hosts:
            if host.name != fault.host:
                yield Step(host.name, each.argv)


def _run(lab: Lab, fault: Fault, each: Step) -> None:
    host, _, container = each.place.partition("/")
    done = lab.exec(host, each.argv, container or None, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            f"{fault.id}: {' '.join(each.argv)} failed on {each.place}",
            done.stderr.strip(),
            f"run: hostgw-tui lab heal {lab.name}",
        )
