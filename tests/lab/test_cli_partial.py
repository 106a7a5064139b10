"""No false alarm: healthy labs of every kind, looked at as a whole and in part."""

from __future__ import annotations

import itertools
import json
import os
import subprocess

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab


def assert_clean(hostgw: Run, lab: Lab, *hosts: str) -> None:
    words = ["--hosts", ",".join(hosts)] if hosts else []
    report = json.loads(hostgw("check", "--lab", lab.name, "--json", *words).stdout)
    assert report["findings"] == [], hosts
    assert {host["state"] for host in report["hosts"]} == {"up"}


@pytest.mark.parametrize("number", [1, 2])
def test_parts_of_a_healthy_lab(number: int, shared_lab: Lab, hostgw: Run) -> None:
    for hosts in itertools.combinations([host.name for host in shared_lab.hosts], number):
        assert_clean(hostgw, shared_lab, *hosts)


@pytest.mark.parametrize(("variant", "external"), [("plain", True), ("legacy", False), ("none", False)])
def test_healthy_variants(variant: str, external: bool, hostgw: Run) -> None:
    lab = labs.up(f"v{os.getpid()}", hosts=3, containers=2, external=external, variant=variant)
    try:
        assert_clean(hostgw, lab)
        assert_clean(hostgw, lab, "vm1", "vm2")
        assert_clean(hostgw, lab, "vm3")
        if external:
            assert_clean(hostgw, lab, "vm1", "vm2", "vm3")
            assert_clean(hostgw, lab, "vm1", "ext1")
            assert_clean(hostgw, lab, "ext1")
    finally:
        labs.down(lab.name)


def test_a_path_to_a_host_that_cannot_be_reached_is_partial(hostgw: Run) -> None:
    lab = labs.up(f"u{os.getpid()}", hosts=2, containers=1)
    try:
        subprocess.run([*lab.entry("vm2"), "ip", "link", "set", "eth0", "down"], check=True, timeout=30)
        for command in ("path", "trace"):
            done = hostgw(command, "--lab", lab.name, "--timeout", "5", "vm1:c1", "vm2:c1", code=4)
            assert "error: vm2: nothing is known of it" in done.stderr
    finally:
        labs.down(lab.name)
