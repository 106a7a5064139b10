"""Inventories of other programs: nodes of Kubernetes, hosts of Ansible; and one that is written down."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hostgw.checks.run import run
from hostgw.errors import UsageError
from hostgw.inventory.files import load
from hostgw.inventory.hosts_toml import parse
from hostgw.inventory.inventory import Inventory
from hostgw.inventory.naming import Naming, naming
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.host import Role
from hostgw.model.host_state import HostState
from hostgw.model.ip import address_number, prefix
from hostgw.report.inventory import hosts_toml
from hostgw.ssh.target import Target
from tests.fabrics import healthy

DOCS = Path(__file__).parents[2] / "docs" / "inventories.md"
Data = dict[str, Any]


def documented(number: int) -> Data:
    """The n-th JSON example of the documentation."""
    found: Data = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.S)[number])
    return found


NODES, ANSIBLE = 0, 1


def loaded(tmp_path: Path, data: object, template: str = "") -> Inventory:
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(data), "utf-8")
    return load(path, naming(template))


def test_documented_nodes(tmp_path: Path) -> None:
    found = loaded(tmp_path, documented(NODES))
    assert found.targets == (Target("node-a", host="10.5.7.60"), Target("node-b", host="10.5.7.61"))
    assert found.intents["node-a"].subnets == (prefix("10.244.0.0/24"),)
    assert found.intents["node-b"].underlay == address_number("10.5.7.61")
    assert not found.complete
    assert found.notes == ("node-b: fd00:10:244:1::/64 is left out, IPv6 is shown but not checked",)


def changed(number: int, **fields: Any) -> Data:
    """The nodes with fields of the first one replaced, by their path with dots as ``__``."""
    data = copy.deepcopy(documented(NODES))
    for name, value in fields.items():
        *path, last = name.split("__")
        node: Data = data["items"][number]
        for each in path:
            node = node.setdefault(each, {})
        node[last] = value
    return data


def test_flannel_says_which_address_it_uses(tmp_path: Path) -> None:
    told = {"flannel.alpha.coreos.com/public-ip": "10.5.8.9", "flannel.alpha.coreos.com/backend-type": "host-gw"}
    found = loaded(tmp_path, changed(0, metadata__annotations=told))
    assert found.intents["node-a"].underlay == address_number("10.5.8.9")
    assert found.targets[0].host == "10.5.8.9"


def test_a_node_without_pod_cidr_is_looked_at(tmp_path: Path) -> None:
    found = loaded(tmp_path, changed(0, spec={}))
    assert found.intents["node-a"].subnets == ()
    assert found.notes[0] == "node-a has no podCIDR: what it owns is found out by looking"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metadata__annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan"}}, "by vxlan, not by host-gw"),
        ({"status": {"addresses": []}}, "node-a has no IPv4 address"),
        ({"status": {"addresses": [{"type": "InternalIP", "address": "fd00::1"}]}}, "node-a has no IPv4 address"),
        ({"status": {"addresses": [{"type": "InternalIP", "address": "10.5.7"}]}}, "has the address 10.5.7"),
        ({"spec": {"podCIDR": "10.244.0.0/99"}}, "has the podCIDR 10.244.0.0/99"),
        ({"metadata": {"name": "node-b"}}, "node-b is named twice"),
        ({"metadata": {"name": "-oProxyCommand=x"}}, "is no host name"),
        ({"metadata": {"name": "a\x1b[2J"}}, "is no host name"),
        ({"metadata": 7}, "is wrong"),
        ({"kind": "Pod"}, "it lists Pod"),
    ],
)
def test_wrong_nodes(tmp_path: Path, fields: Data, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, changed(0, **fields))
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_documented_ansible(tmp_path: Path) -> None:
    found = loaded(tmp_path, documented(ANSIBLE))
    assert found.targets == (
        Target("web1", "admin", "10.5.7.60", 2222, sudo=True, python="/usr/bin/python3.11"),
        Target("web2"),
        Target("gate"),
    )
    assert found.intents["web1"].subnets == (prefix("10.239.0.0/24"),)
    assert found.intents["gate"].role is Role.EXTERNAL


def test_passwords_of_ansible_are_not_read(tmp_path: Path) -> None:
    data = documented(ANSIBLE)
    data["_meta"]["hostvars"]["web1"] |= {"ansible_password": "hunter2", "ansible_become_password": "hunter2"}
    assert "hunter2" not in repr(loaded(tmp_path, data))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ansible_port": "many"}, "web2 is wrong"),
        ({"ansible_port": 70_000}, "70000 is no port"),
        ({"ansible_host": "a b"}, "is no host name"),
        ({"hostgw_subnet": "10.239.0.0/24"}, "has two owners"),
        ({"hostgw_subnet": "x"}, "web2.subnet is wrong"),
        ({"hostgw_role": "king"}, "web2 is wrong"),
    ],
)
def test_wrong_ansible(tmp_path: Path, variables: Data, words: str) -> None:
    data = documented(ANSIBLE)
    data["_meta"]["hostvars"]["web2"] = variables
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, data)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ('{"a": 1}', "is no inventory that is known"),
        ('{"items": [], "kind": "List"}', "the list is empty"),
        ('{"_meta": {}, "all": {}}', "names no hosts"),
        ('{"_meta": {}, "all": 5}', "is wrong"),
        ('{"_meta": {"hostvars": [1]}, "all": {"hosts": ["a"]}}', "is wrong"),
        ('{"_meta": 7, "all": {"children": [], "hosts": ["a"]}}', "is wrong"),
        ('{"kind": "List", "items": [7]}', "is wrong"),
        ("x = 1", "unknown key x"),
    ],
)
def test_other_files(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "inventory"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("template", "target"),
    [
        ("", Target("a", host="10.0.0.1")),
        ("{name}", Target("a")),
        ("{address}", Target("a", host="10.0.0.1")),
        ("admin@{name}.example.org", Target("a", "admin", "a.example.org")),
    ],
)
def test_names_in_ssh(template: str, target: Target) -> None:
    assert naming(template).target("a", "10.0.0.1") == target
    assert naming("") == Naming()


@pytest.mark.parametrize("template", ["x", "{nam}", "{name", "{name}}", "{0}", "{name.__class__}"])
def test_wrong_names(template: str) -> None:
    with pytest.raises(UsageError, match="no template"):
        naming(template)


def test_what_was_found_is_written_and_read_again() -> None:
    fabric = healthy(3)
    mesh = build(fabric)
    text = hosts_toml(View(fabric, mesh, run(fabric, mesh)), 0.0)
    found = parse(text)
    assert [target.name for target in found.targets] == ["vm1", "vm2", "vm3"]
    assert found.network == prefix("10.239.0.0/16")
    assert found.intents["vm2"].subnets == (prefix("10.239.1.0/24"),)
    assert found.intents["vm3"].underlay == address_number("10.5.7.62")
    again = build(fabric, found.intents, found.network)
    assert again.owners == mesh.owners


def test_a_host_that_was_not_read_is_written_with_its_reason() -> None:
    fabric = healthy(2)
    from hostgw.fabric import Host

    fabric = fabric.with_host(Host("vm2", HostState.UNREACHABLE, 'no route "to" host', address="10.5.7.61"))
    mesh = build(fabric)
    text = hosts_toml(View(fabric, mesh, ()), 0.0)
    assert '# unreachable: no route "to" host' in text
    assert parse(text).targets[1] == Target("vm2", host="10.5.7.61")
