"""The topology as a graph and in its forms: what is broken is in each, whatever the names are and however many."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as Tree

import msgspec
import pytest

from hostgw.checks.judge import Standing
from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.live.view import View
from hostgw.mesh import build
from hostgw.model.host_state import HostState
from hostgw.report.topology.dot import dot, quoted
from hostgw.report.topology.graph import Topology, topology
from hostgw.report.topology.svg import svg
from hostgw.wire import Section
from hostgw_tui.topology.rows import as_text
from tests.fabrics import altered, healthy, routes

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "a\"b\\c<d>&e'{|}"


def graph_of(fabric: Fabric) -> Topology:
    mesh = build(fabric)
    return topology(View(fabric, mesh, run(fabric, mesh), 1))


def one_missing(hosts: int = 3, containers: int = 2) -> Fabric:
    """vm1 lacks the route to vm2's subnet."""
    return routes(healthy(hosts, containers), "vm1", lambda rows: [r for r in rows if r.dst != "10.239.1.0/24"])


def test_the_graph_has_what_the_network_has() -> None:
    graph = graph_of(healthy(3))
    assert graph.network == "10.239.0.0/16"
    assert [host.name for host in graph.hosts] == ["vm1", "vm2", "vm3"]
    first = graph.hosts[0]
    assert (first.nic, first.address, first.segment, first.current) == ("eth0", "10.5.7.60", "10.5.7.0/24", True)
    (bridge,) = first.bridges
    assert (bridge.name, bridge.subnets, bridge.up) == ("br0", ("10.239.0.0/24",), True)
    assert [(leaf.name, leaf.addresses, leaf.up) for leaf in bridge.containers] == [
        ("c1", ("10.239.0.2",), True),
        ("c2", ("10.239.0.3",), True),
    ]
    assert {(edge.source, edge.target) for edge in graph.routes} == {
        (a, b) for a in ("vm1", "vm2", "vm3") for b in ("vm1", "vm2", "vm3") if a != b
    }
    assert graph.broken == ()


def test_a_broken_route_is_an_edge_with_its_finding() -> None:
    graph = graph_of(one_missing())
    (edge,) = graph.broken
    assert (edge.source, edge.target, edge.subnet) == ("vm1", "vm2", "10.239.1.0/24")
    assert (edge.standing, edge.code) == (Standing.MISSING, "route-missing")


def test_all_forms_tell_the_broken_route() -> None:
    graph = graph_of(one_missing())
    assert "vm1 ─✗→ vm2  10.239.1.0/24 missing  route-missing" in as_text(graph, 120)
    assert re.search(r'h0 -> h1 \[label="10.239.1.0/24 missing", .*style=dashed', dot(graph))
    drawn = [path for path in Tree.fromstring(svg(graph)).iter(f"{SVG}path") if path.get("class") == "broken"]
    assert [path.findtext(f"{SVG}title") for path in drawn] == ["vm1 to 10.239.1.0/24 of vm2: missing"]


@pytest.mark.parametrize(("hosts", "containers"), [(1, 0), (2, 2), (10, 8), (255, 20)])
def test_every_size_is_drawn(hosts: int, containers: int) -> None:
    graph = graph_of(healthy(hosts, containers))
    root = Tree.fromstring(svg(graph))
    boxes = [box for box in root.iter(f"{SVG}rect") if "box" in (box.get("class") or "")]
    assert len(boxes) == hosts
    assert len({(box.get("x"), box.get("y")) for box in boxes}) == hosts
    assert dot(graph).count("subgraph") == hosts
    text = as_text(graph, 120)
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("● up") == hosts
    assert len(msgspec.json.encode(graph)) > 0


def named(fabric: Fabric, old: str, new: str) -> Fabric:
    host = fabric.hosts[old]
    return Fabric({(new if name == old else name): (replace(host, name=new) if name == old else each)
                   for name, each in fabric.hosts.items()})  # fmt: skip


def test_names_cannot_leave_their_place() -> None:
    graph = graph_of(named(one_missing(), "vm2", NASTY))
    root = Tree.fromstring(svg(graph))
    assert any(NASTY in (text.text or "") for text in root.iter(f"{SVG}text"))
    written = dot(graph)
    assert f"label={quoted(NASTY)}" in written
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", written).count('"') == 0
    assert "{|}" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", written)


def test_quoting_is_graphviz_own() -> None:
    assert quoted('a "b" \\ c') == '"a \\"b\\" \\\\ c"'


def test_a_host_that_is_away_claims_nothing() -> None:
    fabric = healthy(2)
    fabric = fabric.with_host(replace(fabric.hosts["vm2"], state=HostState.UNREACHABLE, error="no route to host"))
    graph = graph_of(fabric)
    assert not graph.hosts[1].current
    text = as_text(graph, 120)
    assert "✗ unreachable" in text
    assert "routes not known" in text


def test_a_container_whose_veth_is_down_is_marked() -> None:
    fabric = altered(
        healthy(2),
        "vm1",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, up=False, carrier=False) if r.name == "veth-c1" else r for r in rows],  # type: ignore[union-attr]
    )
    text = as_text(graph_of(fabric), 120)
    assert "c1 10.239.0.2 down" in text
    assert "c2 10.239.0.3 down" not in text


def test_nothing_is_a_picture_too() -> None:
    graph = graph_of(Fabric())
    assert "No hosts are listed" in as_text(graph, 120)
    Tree.fromstring(svg(graph))
    assert dot(graph).endswith("}\n")
