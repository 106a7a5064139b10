from __future__ import annotations

from hostgw.live.points import count_default_points, default_points, tap_points
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.ip import address_number
from tests.fabrics import healthy


def shown(hosts: int = 3) -> View:
    fabric = healthy(hosts)
    return View(fabric, build(fabric))


def test_by_default_bridges_and_nics_are_tapped_and_counting_them_says_the_same() -> None:
    view = shown()
    points = default_points(view)
    assert {(point.host, point.interface) for point in points} == {
        (f"vm{n}", device) for n in (1, 2, 3) for device in ("eth0", "br0")
    }
    assert count_default_points(view) == (len(points), 3)


def test_every_default_point_is_one_of_all_points() -> None:
    view = shown()
    assert set(default_points(view)) < set(tap_points(view))


def test_a_port_and_its_bridge_have_the_container_behind_them() -> None:
    points = {point.name: point for point in tap_points(shown())}
    inner = next(point for point in points.values() if point.host == "vm1" and point.container)
    (port,) = (p for p in points.values() if p.host == "vm1" and p.interface.startswith("veth") and not p.container
               and inner.addresses <= p.addresses)  # fmt: skip
    assert port.addresses == inner.addresses
    assert inner.addresses < points["vm1/br0"].addresses
    assert address_number("10.5.7.60") in inner.near


def test_nothing_to_tap_without_hosts() -> None:
    assert count_default_points(View()) == (0, 0)
    assert default_points(View()) == ()
