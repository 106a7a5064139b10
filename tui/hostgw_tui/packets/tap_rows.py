"""Where one can tap, as a tree of rows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from hostgw.capture.tap_points import TapPoint
from hostgw.live.tap_tree import Branch
from hostgw_tui.look import Row, Tone, cell

PLACES = {0: "container", 1: "port of a container", 2: "bridge: only what is routed"}
HOST = "host "
"""What the key of a host's row begins with; the key of a tap's is its number in the tree."""


def tap_rows(tree: Sequence[Branch], chosen: Collection[TapPoint], folded: Collection[str]) -> list[Row]:
    """Return the rows of a tree: each host, and below it its taps with a mark on chosen ones, unless it is folded."""
    return [row for host, own in _by_host(tree) for row in _host(host, own, chosen, host in folded)]


def _by_host(tree: Sequence[Branch]) -> Iterator[tuple[str, list[tuple[int, Branch]]]]:
    for host, own in groupby(enumerate(tree), key=lambda pair: pair[1].point.host):
        yield host, list(own)


def _host(host: str, own: list[tuple[int, Branch]], chosen: Collection[TapPoint], folded: bool) -> Iterator[Row]:
    count = sum(branch.point in chosen for _, branch in own)
    mark = cell("[x]" if count == len(own) else "[-]" if count else "[ ]", Tone.OK if count else Tone.DIM)
    told = f"{count} of {len(own)} taps"
    yield Row(f"{HOST}{host}", (mark, cell(f"{'▸' if folded else '▼'} {host}", Tone.STRONG), cell(told, Tone.DIM)))
    if not folded:
        yield from (_tap(number, branch, chosen) for number, branch in own)


def _tap(number: int, branch: Branch, chosen: Collection[TapPoint]) -> Row:
    point = branch.point
    mark = cell("[x]", Tone.OK) if point in chosen else cell("[ ]", Tone.DIM)
    name = cell("  " * branch.depth + point.name.partition("/")[2], Tone.NAME if branch.depth == 1 else Tone.PLAIN)
    return Row(str(number), (mark, name, cell(_place(point), Tone.DIM)))


def _place(point: TapPoint) -> str:
    if point.underlay:
        return "underlay; our own SSH is left out"
    return PLACES.get(point.order, "")
