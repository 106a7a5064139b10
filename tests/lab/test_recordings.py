"""Recordings of real hosts say the same as the hosts did; the doctor and reports look at real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run

pytestmark = pytest.mark.lab


def test_what_was_recorded_is_found_again(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    where, tape = ("--lab", shared_lab.name), tmp_path / "tape"
    try:
        labs.break_(shared_lab.name, "R1")
        then = json.loads(hostgw(*where, "--record", str(tape), "check", "--json", code=1).stdout)
        lost = hostgw(*where, "path", "vm1:c1", "vm2:c1", code=1).stdout
    finally:
        labs.heal(shared_lab.name)
    again = json.loads(hostgw("--replay", str(tape), "check", "--json", code=1).stdout)
    assert [found["id"] for found in then["findings"]] == ["route-missing/vm1/10.239.1.0/24"]
    assert again["findings"] == then["findings"]
    assert again["hosts"] == then["hosts"]
    assert hostgw("--replay", str(tape), "path", "vm1:c1", "vm2:c1", code=1).stdout == lost
    assert tape.stat().st_mode & 0o777 == 0o600
    assert "is there already" in hostgw(*where, "--record", str(tape), "check", code=2).stderr
    for words in (("fix", "--dry-run"), ("check", "--probe"), ("trace", "vm1:c1", "vm2:c1")):
        assert "error:" in hostgw("--replay", str(tape), *words, code=2).stderr


def test_a_report_of_real_hosts(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    where, page = ("--lab", shared_lab.name), tmp_path / "page.html"
    assert "# host-gw network 10.239.0.0/16" in hostgw(*where, "report", code=0).stdout
    hostgw(*where, "report", "--format", "html", "--mask", "-o", str(page), code=0)
    assert "Nothing that is checked is wrong." in page.read_text()
    for word in ("vm1", "10.239.", "10.5.7."):
        assert word not in page.read_text()


def test_the_doctor_visits_hosts(shared_lab: Lab, hostgw: Run) -> None:
    where = ("--lab", shared_lab.name, "doctor", "--json")
    items = json.loads(hostgw(*where, code=0).stdout)["items"]
    for host in ("vm1", "vm2", "vm3"):
        found = {item["subject"]: item["health"] for item in items if item["where"] == host}
        assert found == {"connection": "ok", "root": "ok", "python": "ok", "kernel": "ok"}
    items = json.loads(hostgw(*where, "--hosts", "vm1,10.5.7.99", code=1).stdout)["items"]
    (away,) = (item for item in items if item["where"] == "10.5.7.99")
    assert (away["subject"], away["health"]) == ("connection", "wrong")
    assert away["remedy"]
