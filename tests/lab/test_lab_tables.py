"""The lab's tables and arithmetic, without root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostgw.errors import LabError
from hostgw.lab import FAULTS, store
from hostgw.lab.addresses import Shape, check_name, check_shape
from hostgw.lab.faults import find
from hostgw.lab.table import markdown
from hostgw.lab.topology import topology

DOCUMENT = Path(__file__).parents[2] / "docs" / "lab.md"


def shape(hosts: int, containers: int = 2, external: bool = False, variant: str = "plain") -> Shape:
    return Shape(hosts, containers, external, variant)


def test_every_fault_is_there_once_and_documented() -> None:
    """HOSTGW_UPDATE=1 writes the table anew."""
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    text = DOCUMENT.read_text(encoding="utf-8")
    head, tail = text.split("<!-- faults -->\n")[0], text.split("<!-- /faults -->\n")[1]
    wanted = f"{head}<!-- faults -->\n{markdown()}<!-- /faults -->\n{tail}"
    if os.environ.get("HOSTGW_UPDATE"):
        DOCUMENT.write_text(wanted, encoding="utf-8")
    assert text == wanted or os.environ.get("HOSTGW_UPDATE")


def test_find_takes_either_case_and_names_the_others() -> None:
    assert find("r4").id == "R4"
    with pytest.raises(LabError) as caught:
        find("R99")
    assert "R24" in caught.value.remedy


@pytest.mark.parametrize(("hosts", "length"), [(2, 24), (100, 24), (101, 16), (255, 16)])
def test_addresses_and_macs_are_unique(hosts: int, length: int) -> None:
    asked = shape(hosts, external=True)
    addresses = [host.address for host in asked.all_hosts]
    assert len(set(addresses)) == hosts + 1
    assert not {"10.5.7.1", "10.5.7.250"} & set(addresses)
    assert asked.underlay_length == length
    macs = [each.mac for node in topology(asked).nodes for each in node.interfaces]
    assert len(macs) == len(set(macs))


def test_a_host_has_a_route_to_every_other_owner() -> None:
    made = topology(shape(4, external=True))
    routes = [(way.destination, way.gateway) for way in made.node("vm2").routes]
    assert routes == [
        ("default", "10.5.7.1"),
        ("10.239.0.0/24", "10.5.7.60"),
        ("10.239.2.0/24", "10.5.7.62"),
        ("10.239.3.0/24", "10.5.7.63"),
    ]
    assert len(made.node("ext1").routes) == 5
    assert [each.name for each in made.node("ext1").interfaces] == ["eth0"]


@pytest.mark.parametrize("asked", [shape(0), shape(256), shape(1, 254), shape(1, -1), shape(1, variant="wrong")])
def test_impossible_shapes_are_refused(asked: Shape) -> None:
    with pytest.raises(LabError) as caught:
        check_shape(asked)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["", "a-b", "../x", "A", "1a", "a" * 17])
def test_names_that_could_clash_are_refused(name: str) -> None:
    with pytest.raises(LabError):
        check_name(name)


def test_a_reused_pid_is_not_ours() -> None:
    mine = store.start_time(os.getpid())
    assert mine
    assert store.Init(os.getpid(), mine).alive
    assert not store.Init(os.getpid(), str(int(mine) + 1)).alive
