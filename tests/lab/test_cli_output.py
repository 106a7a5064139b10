"""`routes`, `nat`, `snapshot` and `capture`: what they print, write and refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostgw.errors import UsageError
from hostgw.fabric import Fabric
from hostgw.lab import Lab
from hostgw.report.model import SCHEMAS
from hostgw.report.snapshot import lines, read_snapshot
from tests.lab.cli_hosts import agents
from tests.lab.conftest import Run
from tests.lab.ssh_arena import until

pytestmark = pytest.mark.lab


def report(hostgw: Run, lab: Lab, command: str, *words: str) -> Any:
    text = hostgw(command, "--lab", lab.name, "--json", *words, code=0).stdout
    msgspec.json.decode(text, type=SCHEMAS[command])
    return json.loads(text)


def test_routes(shared_lab: Lab, hostgw: Run) -> None:
    rows = report(hostgw, shared_lab, "routes")["routes"]
    standings = {(row["host"], row["prefix"]): row["standing"] for row in rows}
    for host in shared_lab.hosts:
        for other in shared_lab.hosts:
            expected = "own" if host is other else "ok"
            assert standings[host.name, str(other.subnet)] == expected
    only = report(hostgw, shared_lab, "routes", "--host", "vm2")["routes"]
    assert only == [row for row in rows if row["host"] == "vm2"]
    text = hostgw("routes", "--lab", shared_lab.name, code=0).stdout
    assert len(text.splitlines()) == len(rows)


def test_nat(shared_lab: Lab, hostgw: Run) -> None:
    made = report(hostgw, shared_lab, "nat", "--host", "vm1")
    rules = [row for row in made["rules"] if row["chain"] == "POSTROUTING"]
    assert [row["number"] for row in rules] == [1, 2, 3, 4]
    assert [row["rule"].split()[-1] for row in rules] == ["RETURN", "MASQUERADE", "RETURN", "MASQUERADE"]
    assert all(row["meaning"] for row in rules)
    assert {row["host"] for row in made["cases"]} == {"vm1"}
    text = hostgw("nat", "--lab", shared_lab.name, "--host", "vm1", code=0).stdout
    assert all(row["rule"] in text for row in rules)


def plainly(fabric: Fabric) -> list[bytes]:
    """A fabric's records, without the moments."""
    encoder = msgspec.json.Encoder(enc_hook=str)
    return [encoder.encode(msgspec.structs.replace(line, time_ns=0)) for line in lines(fabric, 0)]


def test_snapshot_reads_back_as_the_fabric(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    path, again = tmp_path / "snap", tmp_path / "again"
    hostgw("snapshot", "--lab", shared_lab.name, "-o", str(path), code=0)
    assert path.stat().st_mode & 0o777 == 0o600
    fabric = read_snapshot(path)
    assert list(fabric.hosts) == ["vm1", "vm2", "vm3"]
    assert all(host.readable and host.root.routes and host.root.links_by_name["br0"] for host in fabric.hosts.values())
    written = [json.loads(line) for line in path.read_bytes().splitlines()]
    read = [json.loads(line) for line in plainly(fabric)]
    assert [{**line, "time_ns": 0} for line in written] == read
    again.write_bytes(b"".join(line + b"\n" for line in plainly(fabric)))
    assert plainly(read_snapshot(again)) == plainly(fabric)
    assert list(tmp_path.glob(".*")) == []


def test_snapshot_refuses(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    for place in (tmp_path / "absent" / "file", tmp_path, Path("/dev/full/x")):
        done = hostgw("snapshot", "--lab", shared_lab.name, "-o", str(place), code=2)
        assert done.stderr.count("error:") == 1
    for content in (b"", b"{}\n", b"\x1b[2J\n", b'{"record":"header","format":9,"version":"","time_ns":0}\n', b"\xff"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(UsageError) as caught:
            read_snapshot(tmp_path / "bad")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tap", "vm1:nope"], "There are: vm1:br0"),
        (["--tap", "\x1b[2J"], "no tap"),
        (["--tap", "vm1:br0", "--filter", "bad bad"], "filter"),
        (["-w", "/nonexistent/file"], "cannot be written"),
    ],
)
def test_capture_refuses(words: list[str], said: str, shared_lab: Lab, hostgw: Run) -> None:
    done = hostgw("capture", "--lab", shared_lab.name, "--seconds", "5", *words, code=2)
    assert done.stderr.count("error:") == 1
    assert said in done.stderr
    assert "\x1b" not in done.stderr
    until(lambda: not agents(shared_lab))


def test_capture_stops_by_itself(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    path = tmp_path / "file.pcapng"
    lab = ("--lab", shared_lab.name)
    done = hostgw("capture", *lab, "--seconds", "1", "--tap", "vm1:br0", "vm1:c1:eth0", "-w", str(path), code=0)
    assert "2 taps are open" in done.stderr
    assert path.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert path.stat().st_mode & 0o777 == 0o600
    argv = [sys.executable, "-m", "hostgw_tui", "capture", *lab, "--tap", "vm1:br0", "vm2:br0", "--packets", "4"]
    said = tmp_path / "said"
    with said.open("w") as errors:
        process = subprocess.Popen([*argv, "--seconds", "40"], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        until(lambda: "taps are open" in said.read_text() or process.poll() is not None, 30)
        peer = str(shared_lab.host("vm2").container_address("c1"))
        shared_lab.exec("vm1", ["ping", "-c4", "-i0.2", peer], "c1", capture_output=True, check=True)
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said.read_text()
    assert "10.239.1.2" in out


STATISTIC = ("-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0")
DROPPED = ("FORWARD", "-s", "10.239.0.2", "-p", "icmp", *STATISTIC, "-j", "DROP")


def test_capture_prints_each_packet_once_also_lost_ones_between_answered_ones(shared_lab: Lab, tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "hostgw_tui",
        "capture",
        "--lab",
        shared_lab.name,
        "--filter",
        "icmp",
        "--seconds",
        "6",
    ]
    said = tmp_path / "said"
    with said.open("w") as errors, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            until(lambda: "taps are open" in said.read_text() or process.poll() is not None, 30)
            shared_lab.exec("vm1", ["iptables", "-I", *DROPPED], check=True)
            ping = ["ping", "-c6", "-i0.2", "-W1", "10.239.1.2"]
            shared_lab.exec("vm1", ping, "c1", capture_output=True, check=False)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            shared_lab.exec("vm1", ["iptables", "-D", *DROPPED], check=True)
    requests = [line for line in out.splitlines() if "10.239.0.2 > 10.239.1.2" in line]
    assert len(requests) == 6, out
    assert sum("lost after vm1/br0" in line for line in requests) == 3, out
    assert sum("answered" in line for line in requests) == 3, out


def test_capture_says_what_its_limits_held_back(shared_lab: Lab, hostgw: Run) -> None:
    where = ("--lab", shared_lab.name, "--tap", "vm1:eth0", "--bytes", "x")
    assert "x" in hostgw("capture", *where, code=2).stderr
