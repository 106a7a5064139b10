"""Docker's settings: broken, not read yet, or everywhere the same; and what is offered for each."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hostgw.agent.settings import BROKEN, Settings
from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import AddressChange, ServiceChange
from hostgw.model.finding import Finding, listed
from hostgw.plans.advice import alternatives
from hostgw.plans.build import plan
from hostgw.plans.model import Plan
from hostgw.plans.setup import setup_plan, wishes
from hostgw.plans.setup.wishes import Nat, Wishes
from hostgw.report.columns import aligned
from hostgw.wire import Section
from tests.fabrics import BRIDGE, altered, healthy, routes
from tests.unit.test_checks_addressing import bip_changed, everywhere, held
from tests.unit.test_checks_persistence import with_files
from tests.unit.test_setup import NETWORK

DAEMON = "/etc/docker/daemon.json"
MISSING_COMMA = '{\n  "bip": "172.17.0.1/24"\n  "iptables": false\n}\n'


def found(fabric: Fabric) -> list[Finding]:
    return [f for f in listed(run(fabric, build(fabric))) if f.code != "routes-not-persistent"]


def dockers(fabric: Fabric, bip: str) -> Fabric:
    """The bridge of vm2 is Docker's, whose settings give it an address."""
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, name="docker0") if r.name == "br0" else r for r in rows],
    )
    return with_files(fabric, "vm2", {DAEMON: {"bip": bip}}, "dockerd")


# ---- a file that is no JSON ----


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (MISSING_COMMA, "line 3 column 3: Expecting ',' delimiter"),
        ("{} {}", "line 1 column 4: Extra data"),
    ],
)
def test_the_agent_says_where_a_file_is_broken_and_nothing_of_what_stands_there(
    tmp_path: Path, text: str, place: str
) -> None:
    path = tmp_path / DAEMON.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    [row] = Settings(str(tmp_path)).read()
    assert (row["path"], row["key"]) == (DAEMON, BROKEN)
    assert row["value"] == place


def test_an_empty_file_is_not_broken(tmp_path: Path) -> None:
    path = tmp_path / DAEMON.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text("\n")
    assert Settings(str(tmp_path)).read() == []


def test_a_broken_file_is_named_with_its_place_and_without_a_fix() -> None:
    fabric = with_files(healthy(2), "vm2", {DAEMON: {BROKEN: "line 3 column 3: Expecting ',' delimiter"}}, "dockerd")
    [named] = found(fabric)
    assert named.id == f"settings-broken/vm2/{DAEMON}"
    assert "line 3 column 3: a comma is missing before this place" in named.summary
    made = plan([named], fabric, build(fabric))
    assert made.steps == ()
    assert any("json.tool" in text for text in made.alternatives)


# ---- an address that Docker has not given its bridge ----


def test_what_docker_will_do_when_it_starts_again() -> None:
    fabric = dockers(healthy(2), "172.17.5.1/24")
    [named] = found(fabric)
    assert named.id == "bridge-address-pending/vm2/docker0"
    assert "has 10.239.1.1/24, and gets 172.17.5.1/24 when Docker starts again" in named.summary
    assert plan([named], fabric, build(fabric)).steps == ()


def test_what_docker_did_already_is_no_finding() -> None:
    assert found(dockers(healthy(2), "10.239.1.1/24")) == []


def restarting(program: bool) -> Plan:
    fabric = bip_changed(healthy(3))
    if program:
        fabric = with_files(fabric, "vm2", {}, "dockerd")
    mesh = build(fabric)
    named = [f for f in run(fabric, mesh) if f.code == "bridge-address-wrong"]
    assert [f.id for f in named] == ["bridge-address-wrong/vm2/docker0"]
    return plan(named, fabric, mesh)


def test_dockers_own_bridge_is_moved_by_docker() -> None:
    made = restarting(program=True)
    assert [type(step.change) for step in made.steps] == [ServiceChange]
    assert made.cuts
    assert "containers on vm2 stop" in made.risk


def test_without_docker_nobody_is_restarted() -> None:
    assert not any(isinstance(step.change, ServiceChange) for step in restarting(program=False).steps)


def test_an_empty_bridge_of_ours_is_moved_by_hand() -> None:
    fabric = held(healthy(2, 0), "vm2", BRIDGE, "10.9.9.1/24")
    mesh = build(fabric, told_network=NETWORK)
    steps = [s for f in run(fabric, mesh) if f.code == "bridge-address-wrong" for s in plan([f], fabric, mesh).steps]
    assert all(isinstance(step.change, AddressChange) for step in steps)


# ---- Docker's subnet everywhere ----


def test_routes_of_a_better_day_do_not_hide_that_all_have_one_subnet() -> None:
    fabric = everywhere(healthy(2))
    for name, other in (("vm1", 2), ("vm2", 1)):
        told = [r for r in healthy(2).hosts[name].root.routes if r.dst == f"10.239.{other - 1}.0/24"]
        moved = [msgspec.structs.replace(r, dst=f"172.17.{other - 1}.0/24") for r in told]
        fabric = routes(fabric, name, lambda rows, moved=moved: [*rows, *moved])  # type: ignore[misc]
    assert "subnet-everywhere/vm1/172.17.0.0/16" in [f.id for f in found(fabric)]


# ---- NAT rules where a network stands without ----


def without_nat() -> Fabric:
    fabric = healthy(2)
    for name in fabric.hosts:
        fabric = altered(fabric, name, Section.FILTERS, lambda rows: [])
    return fabric


def asked(nat: Nat, fabric: Fabric) -> Plan:
    mesh = build(fabric, told_network=NETWORK)
    made = wishes(fabric, mesh, NETWORK, {})
    return setup_plan(fabric, mesh, Wishes(made.network, made.hosts, nat))


def test_nat_is_added_to_a_network_that_stands_only_when_asked_for() -> None:
    assert asked(Nat.NEW, without_nat()).steps == ()
    assert [step.host for step in asked(Nat.ALL, without_nat()).steps] == ["vm1", "vm1", "vm2", "vm2"]


def test_what_masquerades_already_gets_no_second_set_of_rules() -> None:
    assert asked(Nat.ALL, healthy(2)).steps == ()


# ---- columns ----


def test_columns_are_as_wide_as_their_widest_cell_and_texts_stay() -> None:
    rows = [("tap", "TTL"), ("vm1/a-long-name/eth0", "9"), "      route default", ("vm1/eth0", "64")]
    assert list(aligned(rows, right=(1,))) == [
        "  tap                   TTL",
        "  vm1/a-long-name/eth0    9",
        "      route default",
        "  vm1/eth0               64",
    ]


# ---- words in capitals ----


def test_what_is_known_stands_in_the_place_of_words_in_capitals() -> None:
    named = next(f for f in found(everywhere(healthy(2))) if f.code == "subnet-everywhere")
    twice = msgspec.structs.replace(named, code="address-duplicate", entry="A7", subject="10.5.7.61")
    assert any("ip address del 10.5.7.61 dev NIC" in text for text in alternatives(twice, "10.239.0.0/16"))
    ufw = msgspec.structs.replace(named, code="forward-dropped", entry="F8", subject="10.239.1.0/24")
    assert "ufw route allow from 10.239.0.0/16 to 10.239.0.0/16" in alternatives(ufw, "10.239.0.0/16")
    assert "ufw route allow from NETWORK to NETWORK" in alternatives(ufw, "")
