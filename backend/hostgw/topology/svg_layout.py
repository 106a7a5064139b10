"""Where everything of the picture goes: hosts in rows under the bar of their segment, room for arcs below each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil, sqrt

from hostgw.topology.graph import BridgeNode, ContainerNode, HostNode, Topology

MARGIN, WIDTH, GAP = 28, 240, 36
HEADER, BAR, STUB, LINE = 74, 26, 20, 18
HEAD, FOOT, BRIDGE_HEAD, CHIP = 52, 28, 26, 22
"""Heights: of a host's head and foot, of a bridge's head, of a container."""
FEW = 5
"""Up to so many hosts stand in one row."""
MOST_COLUMNS = 16
FEW_CONTAINERS = 4
"""Up to so many containers of a bridge are drawn one by one."""
CALM_GUTTER = 22
LEAST_WIDTH = 560


@dataclass(frozen=True, slots=True)
class Placed:
    """A host and its box."""

    host: HostNode
    row: int
    column: int
    x: float
    y: float
    height: float

    @property
    def bottom(self) -> float:
        """Where arcs begin and end."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a segment's bar, over one row of hosts."""

    prefix: str
    x: float
    y: float
    width: float
    stubs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """All of the picture but the lines of routes."""

    width: float
    bottom: float
    bars: tuple[Bar, ...]
    hosts: dict[str, Placed]


def shown(containers: tuple[ContainerNode, ...]) -> tuple[ContainerNode, ...]:
    """Return the containers that are drawn one by one: all of few, else none."""
    return containers if len(containers) <= FEW_CONTAINERS else ()


def bridge_height(bridge: BridgeNode) -> float:
    """Return the height of a bridge with its containers."""
    held = len(shown(bridge.containers)) or 1
    return BRIDGE_HEAD + LINE * max(0, len(bridge.subnets) - 1) + held * CHIP + 8


def height_of(host: HostNode) -> float:
    """Return the height of a host's box."""
    inside = sum(bridge_height(bridge) + 8 for bridge in host.bridges) + (LINE if host.apart else 0)
    return HEAD + (inside or LINE) + FOOT


def columns_for(hosts: int) -> int:
    """Return how many hosts stand side by side: few in one row, many in a picture rather broad than high."""
    return max(1, hosts) if hosts <= FEW else min(MOST_COLUMNS, max(FEW, ceil(sqrt(hosts * 1.3))))


def layout(picture: Topology, gutter: float) -> Layout:
    """Place everything; `gutter` is the room for arcs below a row."""
    columns = columns_for(max((len(segment.hosts) for segment in picture.segments), default=0))
    bars: list[Bar] = []
    hosts: dict[str, Placed] = {}
    y: float = HEADER
    for segment in picture.segments:
        for held in _rows(tuple(picture.on(segment)), columns):
            placed = _row(held, len(bars), y + BAR + STUB)
            hosts |= {each.host.name: each for each in placed}
            stubs = tuple(each.x + WIDTH / 2 for each in placed)
            bars.append(Bar(segment.prefix, MARGIN, y, len(held) * (WIDTH + GAP) - GAP, stubs))
            y = max(each.bottom for each in placed) + gutter
    widest = max(chain([LEAST_WIDTH - 2 * MARGIN], (bar.width for bar in bars)))
    return Layout(widest + 2 * MARGIN, y, tuple(bars), hosts)


def _rows(hosts: Sequence[HostNode], columns: int) -> Iterable[Sequence[HostNode]]:
    rest = iter(hosts)
    return iter(lambda: tuple(islice(rest, columns)), ())


def _row(hosts: Sequence[HostNode], row: int, y: float) -> tuple[Placed, ...]:
    height = max(height_of(host) for host in hosts)
    return tuple(
        Placed(host, row, column, MARGIN + column * (WIDTH + GAP), y, height) for column, host in enumerate(hosts)
    )
