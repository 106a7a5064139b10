"""Inventories of other programs on real hosts: they are reached, and what is told of them is what shall be."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab

pytestmark = pytest.mark.lab
Run = Callable[..., subprocess.CompletedProcess[str]]


def node(lab: Lab, name: str, subnet: str) -> dict[str, Any]:
    """What kubectl prints of a host, as far as it is read."""
    address = {"type": "InternalIP", "address": str(lab.host(name).address)}
    return {
        "kind": "Node",
        "metadata": {"name": name, "annotations": {"flannel.alpha.coreos.com/backend-type": "host-gw"}},
        "spec": {"podCIDR": subnet},
        "status": {"addresses": [address]},
    }


@pytest.fixture
def options(shared_lab: Lab, tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Return the options that reach the hosts of an inventory through the lab's own ssh settings."""
    settings = tmp_path / "ssh_config"
    settings.write_text(labs.ssh_config(shared_lab.name))

    def named(content: str, suffix: str = "json", *more: str) -> tuple[str, ...]:
        path = tmp_path / f"inventory.{suffix}"
        path.write_text(content)
        return ("--ssh-config", str(settings), "--inventory", str(path), *more)

    return named


def nodes(lab: Lab, **subnets: str) -> str:
    own = {host.name: f"10.239.{number}.0/24" for number, host in enumerate(lab.hosts)} | subnets
    return json.dumps({"kind": "List", "items": [node(lab, name, subnet) for name, subnet in own.items()]})


def test_nodes_of_a_cluster(shared_lab: Lab, hostgw: Run, options: Callable[..., tuple[str, ...]]) -> None:
    found = hostgw(*options(nodes(shared_lab), "json", "--ssh-name", "{name}"), "check", "--json", code=0)
    report = json.loads(found.stdout)
    assert {host["name"]: host["subnets"] for host in report["hosts"]} == {
        "vm1": ["10.239.0.0/24"],
        "vm2": ["10.239.1.0/24"],
        "vm3": ["10.239.2.0/24"],
    }


def test_what_a_cluster_says_goes_before_what_is_found(
    shared_lab: Lab, hostgw: Run, options: Callable[..., tuple[str, ...]]
) -> None:
    told = nodes(shared_lab, vm2="10.239.77.0/24")
    found = hostgw(*options(told, "json", "--ssh-name", "{name}"), "check", "--json", code=1)
    report = json.loads(found.stdout)
    subnets = {host["name"]: host["subnets"] for host in report["hosts"]}
    assert "10.239.77.0/24" in subnets["vm2"]
    assert any("10.239.77.0/24" in finding["summary"] for finding in report["findings"])


def test_hosts_of_ansible(shared_lab: Lab, hostgw: Run, options: Callable[..., tuple[str, ...]]) -> None:
    names = [host.name for host in shared_lab.hosts]
    variables = {"vm1": {"hostgw_subnet": "10.239.0.0/24"}}
    told = {"_meta": {"hostvars": variables}, "all": {"children": ["lab"]}, "lab": {"hosts": names}}
    found = hostgw(*options(json.dumps(told)), "check", code=0)
    assert "no findings" in found.stdout


def test_an_inventory_that_was_written_is_read_again(
    shared_lab: Lab, hostgw: Run, options: Callable[..., tuple[str, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "hosts.toml"
    hostgw("--lab", shared_lab.name, "inventory", "init", "-o", str(path), code=0)
    assert 'subnet = "10.239.1.0/24"' in path.read_text()
    hostgw("--lab", shared_lab.name, "inventory", "init", "-o", str(path), code=2)
    reached = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("address"))
    assert "no findings" in hostgw(*options(reached, "toml"), "check", code=0).stdout
