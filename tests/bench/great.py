"""A recording of a great fabric in which a thousand things change a second: what the dashboard is measured with."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import msgspec

from hostgw.fabric import Host
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Neighbour, Route
from hostgw.recording.lines import Told
from hostgw.recording.tape import Tape
from hostgw.wire import Delta, Key, Ready, Row, Section, Synced, key
from tests.fabrics import NIC, delta, healthy_rows, host, subnet, underlay

HOSTS, CONTAINERS, EVENTS_A_SECOND = 255, 254, 1_000
S = 1_000_000_000
FLAPPING = 20
"""One event in so many takes a route away or brings it back; the others are of neighbours, as on real hosts."""


def write(path: Path, seconds: int, hosts: int = HOSTS, containers: int = CONTAINERS) -> None:
    """Write a recording: all hosts at once, then so many seconds of events."""
    clock = [1_700_000_000 * S]
    tape = Tape(path, Told("10.239.0.0/16"), now_ns=lambda: clock[0])
    for number in range(1, hosts + 1):
        greet(tape, host(f"vm{number}", healthy_rows(number, hosts, containers), underlay(number)))
    clock[0] += S
    numbers = cycle(range(1, hosts + 1))
    for event in range(seconds * EVENTS_A_SECOND):
        clock[0] += S // EVENTS_A_SECOND
        number = next(numbers)
        tape.message(
            f"vm{number}", flap(event, number, hosts) if event % FLAPPING == 0 else heard(event, number, hosts)
        )
    tape.close()


def greet(tape: Tape, host: Host) -> None:
    """Record how a host comes."""
    if host.snapshot is None:
        return
    tape.address(host.name, host.address)
    tape.state(host.name, HostState.UP)
    tape.message(host.name, Ready(host.snapshot.facts))
    for ns, state in host.snapshot.states.items():
        for section, table in state.tables.items():
            tape.message(host.name, delta(section, table.values(), ns))
    tape.message(host.name, Synced())


def flap(event: int, number: int, hosts: int) -> Delta:
    """Return a route that goes, or comes back."""
    other = (number + 1 + (event // (2 * FLAPPING)) % 7) % hosts + 1
    row = Route(subnet(other), gateway=underlay(other), oif=NIC, protocol="static")
    gone = (event // FLAPPING) % 2 == 0
    return _one(Section.ROUTES, row, gone)


def heard(event: int, number: int, hosts: int) -> Delta:
    """Return a neighbour in another state."""
    other = (number + event) % hosts + 1
    state = ("reachable", "stale", "delay")[event % 3]
    return _one(Section.NEIGHBOURS, Neighbour(NIC, underlay(other), f"02:00:00:00:00:{other:02x}", state), False)


def _one(section: Section, row: Row, gone: bool) -> Delta:
    known: tuple[Key, ...] = (key(section, row),) if gone else ()
    return Delta(section, 0, msgspec.Raw(msgspec.json.encode([] if gone else [row])), known)
