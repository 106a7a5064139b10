"""The tree of taps: what hangs at what."""

from __future__ import annotations

from hostgw.checks.run import run
from hostgw.live.points import default_points, points_along, tap_points
from hostgw.live.tap_tree import tap_tree
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.paths.predict import find_end, predict
from tests.fabrics import healthy


def view() -> View:
    fabric = healthy(2)
    mesh = build(fabric)
    return View(fabric, mesh, tuple(run(fabric, mesh)), 1)


def test_ports_hang_at_bridges_and_containers_at_ports() -> None:
    tree = tap_tree(view())
    assert [(branch.depth, branch.point.name) for branch in tree[:6]] == [
        (1, "vm1/eth0"),
        (1, "vm1/br0"),
        (2, "vm1/veth-c1"),
        (3, "vm1/c1/eth0"),
        (2, "vm1/veth-c2"),
        (3, "vm1/c2/eth0"),
    ]


def test_the_tree_holds_every_tap_once() -> None:
    assert sorted(branch.point.name for branch in tap_tree(view())) == sorted(p.name for p in tap_points(view()))


def test_taps_along_a_path_are_those_of_both_ways_and_of_its_ends() -> None:
    shown = view()
    ends = (find_end(shown.fabric, shown.mesh, text) for text in ("vm1:c1", "vm2:c2"))
    names = [point.name for point in points_along(shown, predict(shown.fabric, *ends))]
    assert names == ["vm1/eth0", "vm1/br0", "vm1/veth-c1", "vm1/c1/eth0",
                     "vm2/eth0", "vm2/br0", "vm2/veth-c2", "vm2/c2/eth0"]  # fmt: skip
    assert {point.name for point in default_points(shown)} < set(names)
