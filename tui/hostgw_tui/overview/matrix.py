"""The mesh matrix: how each host stands to each subnet. Rows are judged when they come in sight."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hostgw.checks.standing import Standing
from hostgw.fabric import Host
from hostgw.live.view import View
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix, maybe_prefix
from hostgw.topology.blame import ABOUT_ROUTES
from hostgw.topology.blame import finding_of as blamed
from hostgw_tui.look import ANSWERS, STANDINGS, LazyRows, Line, Part, Row, Sign, Tone, cell

Standings = dict[Prefix, Standing]
Cell = tuple[str, Prefix]
"""A host, and the subnet that it sends to."""
Answers = Mapping[Cell, Sign]
_NO_ANSWERS: Answers = MappingProxyType({})
CELLS = {standing: sign.cell for standing, sign in STANDINGS.items()}
LAST_HEARD = {
    standing: cell(f"~ {sign.word}", Tone.DIM) if sign.tone in (Tone.BAD, Tone.WARN) else sign.cell
    for standing, sign in STANDINGS.items()
} | {Standing.OK: CELLS[Standing.UNKNOWN]}
"""Of a host that is not up: what was wrong may still be, but that a route was right does not tell that it is."""


def subnets_of(mesh: Mesh) -> tuple[Subnet, ...]:
    """Return the columns of the matrix: each subnet once, however many claim it."""
    return tuple({subnet.prefix: subnet for subnet in reversed(mesh.subnets)}.values())[::-1]


class MatrixRows(LazyRows):
    """A row per host, made on demand; its cells are words, or glyphs alone."""

    def __init__(self, view: View, glyphs: bool = False, answers: Answers = _NO_ANSWERS) -> None:
        self._hosts = tuple(view.fabric.hosts.values())
        self._mesh, self._glyphs, self._answers = view.mesh, glyphs, answers
        self.subnets = subnets_of(view.mesh)

    def __len__(self) -> int:
        return len(self._hosts) if self.subnets else 0

    def index_of(self, key: str) -> int | None:
        """Return the place of a host."""
        return next((i for i, host in enumerate(self._hosts) if host.name == key), None)

    def row(self, index: int) -> Row:
        """Return the row of a host."""
        host = self._hosts[index]
        stands = _standings(host, self._mesh) if host.readable else {}
        old = host.state is not HostState.UP
        known = LAST_HEARD if old else CELLS
        cells = tuple(known[_standing(stands, subnet.prefix, host)] for subnet in self.subnets)
        if self._answers:
            cells = tuple(self._probed(host, *each) for each in zip(self.subnets, cells, strict=True))
        if self._glyphs:
            cells = tuple((Part(part.text[0], part.tone),) for (part,) in cells)
        return Row(host.name, (cell(host.name, Tone.NAME), *cells), dim=old)

    def _probed(self, host: Host, subnet: Subnet, shown: Line) -> Line:
        """Return a cell as probes know it, where the route alone says that all is well."""
        sign = self._answers.get((host.name, subnet.prefix)) if shown == CELLS[Standing.OK] else None
        return sign.cell if sign else shown


def answers(view: View) -> Answers:
    """Return what the last round of probes says of the cells, as far as there was one."""
    if view.fabric.probes is None:
        return _NO_ANSWERS
    from hostgw.probing.cells import by_cell, worst  # not needed for the first picture

    found = ((key, ANSWERS.get(worst(results))) for key, results in by_cell(view.fabric.probes, view.mesh).items())
    return {key: sign for key, sign in found if sign}


def _standings(host: Host, mesh: Mesh) -> Standings:
    from hostgw.checks.judge import standings  # what judges is not needed for the first picture

    return {subnet.prefix: how for subnet, how in standings(host, mesh)}


def _standing(stands: Standings, wanted: Prefix, host: Host) -> Standing:
    return stands.get(wanted, Standing.NONE) if host.readable else Standing.UNKNOWN


def finding_of(view: View, host: str, wanted: Prefix) -> Finding | None:
    """Return the listed finding that a cell of the matrix stands for."""
    return blamed(view.listed, host, wanted)


def bad_cells(view: View, answers: Answers = _NO_ANSWERS) -> dict[Cell, Finding | None]:
    """Return the listed finding of each cell that has one, by host and subnet; None where only probes tell."""
    columns = [subnet.prefix for subnet in subnets_of(view.mesh)]
    known = set(columns)
    found: dict[Cell, Finding | None] = {}
    for finding in view.listed:
        if finding.code.startswith(ABOUT_ROUTES) and (about := maybe_prefix(finding.subject)):
            for column in [about] if about in known else [each for each in columns if each.covers(about)]:
                found.setdefault((finding.host, column), finding)
    for key, sign in answers.items():
        if sign.tone is not Tone.OK:
            found.setdefault(key, None)
    return found
