"""Hosts without a Python, and hosts where we are not root: the same picture by other means, and what it lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hostgw import lab as labs
from hostgw.fabric import Snapshot
from hostgw.lab import Lab
from hostgw.live.replay import Replay
from hostgw.model.kernel import Neighbour, Rule
from hostgw.recording.reader import read
from hostgw.wire import Section
from tests.lab.cli_hosts import Names
from tests.lab.conftest import Run

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
NAME = f"n{os.getpid()}"
HIDE = 'for p in /usr/bin/python3*; do if [ -f "$p" ] && [ ! -L "$p" ]; then mount --bind /etc/hostname "$p"; fi; done'
SHOW = 'for p in /usr/bin/python3*; do umount "$p" 2>/dev/null || true; done'
ODD = """
ip route add 10.250.1.0/24 nexthop via 10.5.7.60 dev eth0 weight 2 nexthop via 10.5.7.1 dev eth0
ip route add blackhole 10.250.2.0/24
ip route add 10.250.3.0/24 via 10.5.7.60 dev eth0 metric 50 mtu 1400 src 10.5.7.61
ip route add 10.250.4.0/24 via 10.9.9.9 dev eth0 onlink table 77
ip nexthop add id 5 via 10.5.7.60 dev eth0
ip route add 10.250.5.0/24 nhid 5
ip route add unreachable 10.250.6.7
ip route add default via 10.5.7.60 dev eth0 metric 900
ip rule add from 10.239.1.0/24 to 10.250.0.0/16 lookup 77 priority 1000
ip rule add not fwmark 0x10/0xff lookup main suppress_prefixlength 0 priority 1001
ip rule add iif br0 blackhole priority 1002
ip rule add oif eth0 tos 0x10 goto 32766 priority 1003
ip rule add ipproto tcp dport 80 lookup 77 priority 1004
ip address add 10.5.7.99/24 dev eth0
ip address add 10.8.8.1 peer 10.8.8.2/32 dev eth0
ip link add br9 type bridge stp_state 1
ip link set br9 address 02:00:00:00:09:09
ip link add d0 type veth peer name d1
ip link set d0 master br9 up alias 'a name'
bridge link set dev d0 hairpin on isolated on
ip neigh replace 10.5.7.77 dev eth0 lladdr 02:00:00:00:00:77 nud permanent
bridge fdb add 02:00:00:00:00:78 dev d0 master static
nft add table inet own
nft add chain inet own c '{ type filter hook forward priority 5; }'
nft add rule inet own c ip saddr 10.1.2.3 counter drop
"""
"""What `ip` prints in other forms than usual."""
UNDO = """
ip nexthop flush >/dev/null
for n in 1000 1001 1002 1003 1004; do ip rule del priority $n 2>/dev/null || true; done
for d in br9 d0; do ip link del $d 2>/dev/null || true; done
nft delete table inet own 2>/dev/null || true
"""
MOVING = {Section.COUNTERS, Section.SNMP, Section.SETTINGS}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    try:
        yield labs.up(NAME, hosts=2, containers=2)
    finally:
        labs.down(NAME)


@pytest.fixture
def healed(lab: Lab) -> Iterator[Lab]:
    yield lab
    shell(lab, SHOW)
    shell(lab, UNDO)
    labs.heal(lab.name)


def shell(lab: Lab, script: str, host: str = "vm2") -> str:
    done = lab.exec(host, ["sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def looked(lab: Lab, hostgw: Run, path: Path) -> Snapshot:
    """Return what a snapshot holds of vm2."""
    hostgw("--lab", lab.name, "snapshot", "-o", str(path), code=0)
    found = Replay(read(path))
    found.to_end()
    snapshot = found.view().fabric.hosts["vm2"].snapshot
    assert snapshot
    return snapshot


def rows(snapshot: Snapshot) -> dict[str, list[object]]:
    """Return what stands still, by namespace and section; without counters of rules."""
    names = {each.id: each.name for each in snapshot.namespaces.values()}
    return {
        f"{names[ns]} {section}": sorted(map(still, table.values()), key=repr)
        for ns, state in snapshot.states.items()
        for section, table in state.tables.items()
        if section not in MOVING and table
    }


def still(row: object) -> object:
    """Return a row without what moves by itself: counters of rules, how a neighbour is doing just now."""
    if text := getattr(row, "text", ""):
        kept = [line.partition("] ")[2] or line for line in str(text).splitlines() if not line.startswith(":")]
        return type(row).__name__, getattr(row, "backend", ""), kept if "nftables" not in str(text) else "nftables"
    if isinstance(row, Neighbour):
        return row.index, row.address
    if isinstance(row, Rule):
        return replace(row, other=("set",) if row.other else ())  # what is not modelled has other names there
    return row


def test_the_picture_is_the_agents(healed: Lab, hostgw: Run, tmp_path: Path) -> None:
    shell(healed, ODD)
    agents = looked(healed, hostgw, tmp_path / "agent")
    shell(healed, HIDE)
    plain = looked(healed, hostgw, tmp_path / "plain")
    assert (agents.facts.python != "", plain.facts.python) == (True, "")
    assert rows(plain).keys() == rows(agents).keys()
    for place, found in rows(agents).items():
        if not place.endswith(" sysctls"):  # the agent reads those of network devices that matter
            assert rows(plain)[place] == found, place
        else:
            assert {repr(row) for row in found} <= {repr(row) for row in rows(plain)[place]}


def test_what_is_wrong_is_found_and_told_but_not_mended(healed: Lab, hostgw: Run) -> None:
    shell(healed, HIDE)
    shell(healed, "ip route del 10.239.0.0/24; sysctl -qw net.ipv4.ip_forward=0")
    found = hostgw("--lab", healed.name, "check", code=1).stdout
    assert "ERROR route-missing (R2) on vm2" in found
    assert "ERROR forwarding-off" in found
    refused = hostgw("--lab", healed.name, "fix", "--yes", code=1).stdout
    assert "run:    ip route add 10.239.0.0/24 via 10.5.7.60 dev eth0 proto static" in refused
    assert "vm2: no Python there: it is only read; run the commands there by hand" in refused
    assert shell(healed, "ip route show 10.239.0.0/24") == ""


def test_other_hosts_are_mended_all_the_same(healed: Lab, hostgw: Run) -> None:
    shell(healed, HIDE)
    shell(healed, "ip route del 10.239.0.0/24")
    shell(healed, "ip route del 10.239.1.0/24", "vm1")
    done = hostgw("--lab", healed.name, "fix", "--yes").stdout
    assert "note: left out: [vm2] ip route add 10.239.0.0/24 via 10.5.7.60 dev eth0 proto static" in done
    assert "verified: the kernel says so" in done
    assert "via 10.5.7.61" in shell(healed, "ip route show 10.239.1.0/24", "vm1")


def test_what_is_missing_is_named(healed: Lab, hostgw: Run) -> None:
    shell(healed, HIDE)
    told = hostgw("--lab", healed.name, "doctor", code=0).stdout
    assert "its tools are asked every few seconds; nothing is changed or probed" in told
    assert "of them only flannel's subnet.env is read without a Python" in told
    probed = hostgw("--lab", healed.name, "check", "--probe").stdout
    assert "vm2 was not probed: no Python there: it is only read" in probed


def test_without_an_ip_that_writes_json_nothing_is_made_up(healed: Lab, hostgw: Run) -> None:
    shell(healed, f"{HIDE}; mount --bind /bin/false $(readlink -f /usr/sbin/ip)")
    try:
        told = hostgw("--lab", healed.name, "check", code=4).stdout
    finally:
        shell(healed, "umount $(readlink -f /usr/sbin/ip)")
    assert "no Python that is new enough, and no ip that writes JSON" in told
    assert "Install Python 3.9 or later there, or iproute2" in told


@pytest.mark.parametrize("python", [True, False], ids=["python", "no python"])
def test_a_user_who_is_not_root_sees_what_is_for_everybody(
    python: bool, healed: Lab, hostgw: Run, tmp_path: Path
) -> None:
    shell(healed, "mkdir -p /run/op/.ssh; cp /root/.ssh/authorized_keys /run/op/.ssh/; chown -R 54321 /run/op")
    shell(healed, "grep -q ^op: /etc/passwd || echo op:x:54321:54321::/run/op:/bin/sh >>/etc/passwd")
    if not python:
        shell(healed, HIDE)
    shell(healed, "ip route del 10.239.0.0/24")
    ssh = Names(healed, tmp_path)
    ssh.add("vm2", ssh.address("vm2"), "User op")
    where = ("--lab", healed.name, "--ssh-config", str(ssh.path), "--hosts", "vm2")
    found = hostgw("--network", "10.239.0.0/16", *where, "check").stdout
    assert "vm2: no-root · eth0 10.5.7.61/24 · 10.239.1.0/24" in found
    assert "no findings in what could be read: not root on vm2" in found
    told = hostgw(*where, "doctor").stdout
    assert "Log in as root, or use --sudo." in told
    assert "10.239.1.0/24" in hostgw("--network", "10.239.0.0/16", *where, "routes").stdout
