"""The picture: what is an edge and how it stands, and that no name can break out of a file."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.checks.standing import Standing
from hostgw.fabric import Fabric, Host
from hostgw.live.view import View
from hostgw.mask import Mask
from hostgw.mesh.build import build as mesh_of
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Link, Route
from hostgw.report.share import names
from hostgw.topology.build import build
from hostgw.topology.dot import dot, quoted
from hostgw.topology.graph import Topology, crowd
from hostgw.topology.svg import svg
from hostgw.topology.svg_layout import columns_for, layout
from hostgw.wire import Section
from hostgw_tui.cli import main
from hostgw_tui.look import lines_text
from hostgw_tui.topology.rows import picture
from tests.fabrics import NIC, altered, healthy, routes, subnet

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'vm"1\\N<script>&amp;\x1b[2J]]>\n}; evil [label="x"] -> \u202e'
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|->|[\w.]+|[{}\[\]=;,]|\s+')
"""All that a file of ours may consist of."""


def view(fabric: Fabric) -> View:
    mesh = mesh_of(fabric)
    return View(fabric, mesh, run(fabric, mesh))


def drawn(fabric: Fabric) -> Topology:
    return build(view(fabric))


def two_broken() -> Fabric:
    fabric = routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != subnet(2)])
    astray = Route(subnet(1), gateway="10.5.7.61", oif=NIC)
    return routes(fabric, "vm3", lambda rows: [*(r for r in rows if r.dst != subnet(1)), astray])


def hostile() -> Fabric:
    """vm1 bears a name that wants to be markup, and so does a container."""
    fabric = two_broken()
    hosts = {HOSTILE if name == "vm1" else name: host for name, host in fabric.hosts.items()}
    return Fabric({name: replace(host, name=name) for name, host in hosts.items()})


def svg_text(made: Topology) -> list[str]:
    root = ET.fromstring(svg(made))
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def classes(made: Topology) -> list[str]:
    root = ET.fromstring(svg(made))
    return [element.get("class", "") for element in root.iter(f"{SVG}path")]


def test_a_healthy_network() -> None:
    made = drawn(healthy(3))
    assert made.network == "10.239.0.0/16"
    assert [(s.prefix, s.hosts) for s in made.segments] == [("10.5.7.0/24", ("vm1", "vm2", "vm3"))]
    vm1 = made.hosts[0]
    assert (vm1.interface, vm1.address, vm1.verdict) == ("eth0", "10.5.7.60", "both routes are right")
    (bridge,) = vm1.bridges
    assert (bridge.name, bridge.subnets, bridge.up) == ("br0", (subnet(1),), True)
    assert [(c.name, c.addresses, c.up) for c in bridge.containers] == [
        ("c1", ("10.239.0.2",), True),
        ("c2", ("10.239.0.3",), True),
    ]
    assert {(e.owner, e.subnet, e.standing) for e in vm1.routes} == {
        ("vm1", subnet(1), Standing.OWN),
        ("vm2", subnet(2), Standing.OK),
        ("vm3", subnet(3), Standing.OK),
    }


def test_broken_edges_name_their_findings() -> None:
    seen = view(two_broken())
    made = build(seen)
    assert [(e.host, e.owner, e.standing, e.code) for e in made.broken] == [
        ("vm1", "vm2", Standing.MISSING, "route-missing"),
        ("vm3", "vm1", Standing.WRONG, "route-wrong-next-hop"),
    ]
    assert {e.finding for e in made.broken} <= {found.id for found in seen.listed}
    assert made.hosts[0].verdict == "1 of 2 routes broken"


def test_what_is_down_or_apart_is_told() -> None:
    def down(rows: list[object]) -> list[object]:
        return [msgspec.structs.replace(r, up=False) if isinstance(r, Link) else r for r in rows]

    fabric = altered(healthy(2, 9), "vm1", Section.LINKS, down, ns=3)  # type: ignore[arg-type]
    loose = lambda rows: [  # noqa: E731
        msgspec.structs.replace(r, master=0) if isinstance(r, Link) and r.name == "veth-c5" else r for r in rows
    ]
    (vm1, _) = drawn(altered(fabric, "vm1", Section.LINKS, loose)).hosts
    assert crowd(vm1.bridges[0].containers) == "8 containers, 1 down"
    assert [container.name for container in vm1.apart] == ["c5"]


def test_hosts_without_a_picture_or_with_an_old_one() -> None:
    fabric = two_broken()
    fabric = fabric.with_host(replace(fabric.hosts["vm1"], state=HostState.STALE, error="nothing heard for 75 s"))
    fabric = fabric.with_host(Host("vm2", HostState.UNREACHABLE, "no route to host", address="10.5.7.61"))
    made = drawn(fabric)
    vm1, vm2, _ = made.hosts
    assert Standing.OK not in {edge.standing for edge in vm1.routes}
    assert (vm2.read, vm2.routes, vm2.verdict) == (False, (), "no route to host")
    assert any("unreachable" in text for text in svg_text(made))


def test_a_machine_outside_has_no_bridge() -> None:
    fabric = healthy(3, containers=0)
    bare = altered(fabric, "vm3", Section.LINKS, lambda rows: [r for r in rows if getattr(r, "index", 0) == NIC])
    mesh = mesh_of(bare)
    mesh = replace(mesh, members={**mesh.members, "vm3": replace(mesh.members["vm3"], role=Role.EXTERNAL, subnets=())})
    made = build(View(bare, mesh, ()))
    assert (made.hosts[2].role, made.hosts[2].bridges) == (Role.EXTERNAL, ())
    assert "no containers here" in svg_text(made)


@pytest.mark.parametrize("hosts", [1, 2, 3, 10, 40])
def test_all_sizes(hosts: int) -> None:
    made = drawn(healthy(hosts))
    told = svg_text(made)
    assert all(host.name in told for host in made.hosts)
    assert not any("broken" in kind for kind in classes(made))
    places = list(layout(made, 30).hosts.values())
    assert all(a.x + 240 <= b.x or a.bottom < b.y or b.bottom < a.y for a, b in pairwise(places))
    assert max(place.column for place in places) < columns_for(hosts)
    for width in (60, 112, 190):
        lines = lines_text(picture(made, width).lines).splitlines()
        assert max(map(len, lines)) <= width
        assert all(any(f" {host.name} " in line for line in lines) for host in made.hosts)


def test_nothing_at_all() -> None:
    made = drawn(Fabric())
    assert svg_text(made)
    assert lines_text(picture(made, 80).lines).startswith("network not known")
    assert dot(made).startswith("digraph")


def test_broken_ones_are_marked_by_form_and_word() -> None:
    made = drawn(two_broken())
    assert classes(made).count("broken") == 2
    assert {"✗ 1 missing", "✗ 2 wrong"} <= set(svg_text(made))
    text = lines_text(picture(made, 112).lines)
    assert f"─✗→ {subnet(2)} missing" in text
    assert re.search(rf"vm3 ─✗→ {subnet(1)} of vm1 +≠ wrong +route-wrong-next-hop", text)
    red = [line for line in dot(made).splitlines() if "dashed" in line]
    assert [line.split(" [")[0].strip() for line in red] == ["h0 -> h1b0", "h2 -> h0b0"]
    assert f'label="missing: {subnet(2)}"' in red[0]


def test_between_rows_only_the_beginning_is_drawn() -> None:
    fabric = routes(healthy(10), "vm1", lambda rows: [r for r in rows if r.dst != subnet(9)])
    assert "✗ 1 missing → vm9" in svg_text(drawn(fabric))


def test_no_name_breaks_out() -> None:
    made = drawn(hostile())
    assert not any(ord(char) < 32 and char != "\n" for char in svg(made) + dot(made))
    root = ET.fromstring(svg(made))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "style", "rect", "text", "g", "path",
    }  # fmt: skip
    rest = TOKEN.sub("", dot(made))
    assert rest == ""
    assert not re.search(r"\bevil\b", re.sub(r'"(?:[^"\\]|\\.)*"', "", dot(made)))


def test_quoting() -> None:
    assert quoted('a"b\\N\n') == '"a\\"b\\\\N\\n"'


def test_a_mask_hides_all_names_and_addresses() -> None:
    seen = view(two_broken())
    mask = Mask(names(seen.fabric), key=b"1" * 16)
    made = build(seen, mask.text)
    files = svg(made) + dot(made) + msgspec.json.encode(made).decode() + lines_text(picture(made, 112).lines)
    assert not re.search(r"\bvm[123]\b|10\.239\.\d|10\.5\.7\.", files)
    ET.fromstring(svg(made))
    assert [e.standing for e in made.broken] == [Standing.MISSING, Standing.WRONG]
    assert {e.owner for e in made.broken} <= {host.name for host in made.hosts}


def test_the_largest_network_is_drawn_at_once() -> None:
    fabric = routes(healthy(255, 3), "vm7", lambda rows: [r for r in rows if r.dst != subnet(200)])
    seen = view(fabric)
    made = build(seen)
    told = svg(made), dot(made), lines_text(picture(made, 112).lines)
    assert [(e.host, e.owner) for e in made.broken] == [("vm7", "vm200")]
    assert all("vm255" in text for text in told)
    assert classes(made).count("calm") == 0


@pytest.mark.parametrize("form", ["text", "svg", "dot", "json"])
def test_the_command(form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["--demo", "topology", "--format", form]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert all(f"vm{number}" in told for number in (1, 2, 3))
    path = tmp_path / "file"
    assert main([*words, "--mask", "-o", str(path)]) == 0
    hidden = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(hidden) == len(told)
    assert not re.search(r"\bvm\d|10\.5\.7\.", hidden)


def test_the_json_is_the_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--demo", "topology", "--json"]) == 0
    made = msgspec.json.decode(capsys.readouterr().out, type=Topology)
    assert [(host.name, host.role.value) for host in made.hosts][-1] == ("ext1", "external")
    assert not list(made.broken)
