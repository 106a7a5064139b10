"""The main job, fault by fault: break, found, mended, traffic as it should be, taken back, healed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hostgw import lab as labs
from hostgw.lab import FAULTS, Fault, Lab
from tests.lab import results
from tests.lab.conftest import Run

pytestmark = [pytest.mark.lab, pytest.mark.cut]
Found = list[dict[str, Any]]


@pytest.fixture
def inventory(shared_lab: Lab, tmp_path: Path) -> Path:
    path = tmp_path / "hosts.toml"
    hosts = "\n".join(f'[hosts.{h.name}]\nsubnet = "{h.subnet}"' for h in shared_lab.hosts if h.subnet)
    path.write_text(f'network = "10.239.0.0/16"\ncomplete = true\n{hosts}\n')
    return path


def check(hostgw: Run, *where: str, code: int) -> Found:
    """Return the findings, as roots first."""
    return told(hostgw, *where, code=code)[0]


def told(hostgw: Run, *where: str, code: int, options: tuple[str, ...] = ()) -> tuple[Found, Found]:
    """Return (findings, notices)."""
    report = json.loads(hostgw(*where, "check", *options, "--json", code=code).stdout)
    return report["findings"], report["notices"]


def ping(lab: Lab, source: str, target: str) -> str:
    address = lab.host(target).container_address("c1")
    done = lab.exec(source, ["ping", "-c1", "-W2", str(address)], "c1", capture_output=True, text=True)
    return str(done.stdout)


def seen_by_receiver(lab: Lab, source: str, target: str) -> str:
    """Return how tcpdump in the target container describes the echo request of a ping."""
    argv = ["tcpdump", "-i", "eth0", "-nn", "-v", "-c1", "--immediate-mode", "icmp[icmptype] == icmp-echo"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*lab.entry(target, "c1"), *argv], stdout=pipe, stderr=pipe, text=True) as receiver:
        try:
            assert receiver.stdout is not None
            assert receiver.stderr is not None
            assert any("listening on" in line for line in receiver.stderr)
            assert re.search(r"ttl=62\b", ping(lab, source, target)), (source, target)
            return receiver.communicate(timeout=10)[0]
        finally:
            receiver.kill()


def assert_traffic_is_right(lab: Lab) -> None:
    """TTL 62 at the receiver means exactly two routing hosts; the source is the container's own address."""
    for source, target in (("vm1", "vm2"), ("vm2", "vm1"), ("vm2", "vm3")):
        seen = seen_by_receiver(lab, source, target)
        own, other = (lab.host(name).container_address("c1") for name in (source, target))
        assert "ttl 62" in seen
        assert f"{own} > {other}" in seen


def test_healthy_lab_has_no_finding(shared_lab: Lab, hostgw: Run, inventory: Path) -> None:
    assert check(hostgw, "--lab", shared_lab.name, code=0) == []
    assert check(hostgw, "--lab", shared_lab.name, "--hosts", "vm1,vm2", code=0) == []
    assert check(hostgw, "--lab", shared_lab.name, "--hosts", "vm3", code=0) == []
    assert check(hostgw, *with_inventory(shared_lab, inventory), code=0) == []


def with_inventory(lab: Lab, inventory: Path) -> tuple[str, ...]:
    return ("--inventory", str(inventory), "--ssh-config", str(lab.directory / "ssh_config"))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.id for fault in FAULTS])
def test_fault_is_found_mended_and_taken_back(fault: Fault, shared_lab: Lab, hostgw: Run, inventory: Path) -> None:
    where = ("--lab", shared_lab.name)
    with results.row(fault.id) as result:
        try:
            labs.break_(shared_lab.name, fault.id)
            broken = labs.state(labs.load(shared_lab.name))
            for place in (where, with_inventory(shared_lab, inventory)):
                assert_named(fault, *seen(fault, hostgw, place))
            result.detected = "notice" if fault.notice else "yes"
            if fault.fixable:
                mend_and_take_back(fault, hostgw, shared_lab.name, broken)
            else:
                assert_explained(fault, hostgw, where)
            result.fixed = "yes" if fault.fixable else "advice"
        finally:
            labs.heal(shared_lab.name)
    assert labs.heal(shared_lab.name) == []


def mend_and_take_back(fault: Fault, hostgw: Run, name: str, broken: dict[str, Any]) -> None:
    where = ("--lab", name)
    mend(fault, hostgw, where)
    assert_gone(fault, *told(hostgw, *where, code=0, options=fault.options))
    if fault.pings:
        assert_traffic_is_right(labs.load(name))
    if not fault.undoable:
        hostgw(*where, "undo", "--yes", code=1)
        return
    hostgw(*where, "undo", "--yes", code=0)
    assert labs.differences(broken, labs.state(labs.load(name))) == []
    assert_named(fault, *seen(fault, hostgw, where))


def seen(fault: Fault, hostgw: Run, where: tuple[str, ...]) -> tuple[Found, Found]:
    return told(hostgw, *where, code=0 if fault.notice else 1, options=fault.options)


def assert_named(fault: Fault, findings: Found, notices: Found) -> None:
    """The expected findings are there, as roots; every other finding has the fault's own code or a cause."""
    roots = {
        (f["code"], f["host"], f["subject"]) for f in (notices if fault.notice else findings) if not f["caused_by"]
    }
    assert set(fault.expected) <= roots, (fault.expected, roots)
    codes = {expected.code for expected in fault.expected}
    extra = [f for f in findings if not f["caused_by"] and f["code"] not in codes]
    assert not extra, extra
    named = {f["entry"] for f in (*findings, *notices) if f["code"] in codes}
    assert named & set(fault.entries), (named, fault.entries)


def assert_gone(fault: Fault, findings: Found, notices: Found) -> None:
    assert findings == []
    assert not {(f["code"], f["host"], f["subject"]) for f in notices} & set(fault.expected)


def mend(fault: Fault, hostgw: Run, where: tuple[str, ...]) -> None:
    """A notice is mended only where it is asked for by its code."""
    only = ("--code", fault.expected[0].code) if fault.notice else ()
    hostgw(*where, "fix", *only, *fault.options, "--yes", code=0)


def assert_explained(fault: Fault, hostgw: Run, where: tuple[str, ...]) -> None:
    """What no key can mend says so, and what could be done instead."""
    only = ("--code", fault.expected[0].code)
    done = hostgw(*where, "fix", *only, *fault.options, "--yes", code=1)
    said = done.stdout + done.stderr
    assert fault.expected[0].host in said
    assert "instead: " in said
