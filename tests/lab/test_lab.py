"""The lab itself: what it builds, breaks, heals and leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hostgw import lab as labs
from hostgw.lab import FAULTS, Fault, Lab, LabError, store

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nsenter"), reason="needs root and util-linux"),
]
NAME = f"t{os.getpid()}a"
OTHER = f"t{os.getpid()}b"
PROXY = "import sys; from hostgw.lab import connect; connect(sys.argv[1], sys.argv[2], int(sys.argv[3]))"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield labs.up(NAME, hosts=3, containers=2, external=True)
    labs.down(NAME)


@pytest.fixture
def other() -> Iterator[str]:
    """A second lab's name; whatever the test leaves of it is removed."""
    yield OTHER
    with suppress(LabError):
        labs.down(OTHER)


def out(lab: Lab, host: str, command: str, container: str | None = None) -> str:
    done = lab.exec(host, command.split(), container, capture_output=True, text=True, check=False)
    return str(done.stdout) + str(done.stderr)


def traces() -> dict[str, Any]:
    """All that the second lab could leave on the real machine; other tests' labs come and go meanwhile."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    mounts = sorted(line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    ours = {"netns": listed, "mounts": mounts, "labs": labs.names()}
    named = {where: [line for line in lines if OTHER in line] for where, lines in ours.items()}
    return {**named, "links": links}


def thresholds() -> list[str]:
    """How many neighbours the real machine keeps: a lab of many hosts raises that, also one of another test."""
    return [path.read_text() for path in sorted(Path("/proc/sys/net/ipv4/neigh/default").glob("gc_thresh*"))]


def test_container_reaches_container_on_another_host(lab: Lab) -> None:
    assert "ttl=62" in out(lab, "vm1", f"ping -c1 -W2 {lab.host('vm2').container_address('c1')}", "c1")


def test_container_reaches_outside_as_its_host(lab: Lab) -> None:
    assert "ttl=62" in out(lab, "vm3", "ping -c1 -W2 192.0.2.9", "c2")
    assert "dst=10.5.7.62" in out(lab, "vm3", "conntrack -L")


def test_external_machine_reaches_containers(lab: Lab) -> None:
    assert "ttl=63" in out(lab, "ext1", "ping -c1 -W2 10.239.2.3")


def test_host_is_a_machine_of_its_own(lab: Lab) -> None:
    assert out(lab, "vm2", "hostname") == "vm2\n"
    assert sorted(line.split()[0] for line in out(lab, "vm2", "ip netns").splitlines()) == ["c1", "c2"]
    assert set(out(lab, "vm2", "ls /sys/class/net").split()) == {"br0", "eth0", "lo", "veth-c1", "veth-c2"}
    assert out(lab, "vm2", "cat /proc/1/comm") == "init\n"
    private = [f"/{top}/{NAME}" for top in ("etc", "run", "root", "var/lib", "tmp", "dev/shm")]
    lab.exec("vm2", ["touch", *private], check=True)
    assert not any(Path(path).exists() for path in private)


def test_iptables_shows_the_four_rules(lab: Lab) -> None:
    rules = [line for line in out(lab, "vm2", "iptables-save -t nat").splitlines() if line.startswith("-A")]
    assert len(rules) == 4
    assert "-d 10.239.1.0/24 -j RETURN" in rules[2]


def ssh_from_operator(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(lab.directory / "inside_ssh_config"), *words]
    done: subprocess.CompletedProcess[str] = lab.exec("operator", argv, capture_output=True, text=True, check=False)
    return done


def test_ssh_from_operator_namespace(lab: Lab) -> None:
    done = ssh_from_operator(lab, "vm3", "hostname; command -v python3; ip -j route | head -c 1")
    assert done.stdout == "vm3\n/usr/bin/python3\n[", done.stderr


def test_ssh_through_proxy_command(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "proxy.py"
    script.write_text(f"import sys\nsys.path[:0] = {sys.path!r}\n{PROXY}\n")
    config = tmp_path / "config"
    text = labs.ssh_config(NAME)
    assert f"-m hostgw_tui lab connect {NAME} %h %p" in text
    config.write_text(text.replace("-m hostgw_tui lab connect", str(script)))
    data = "x" * 300_000
    done = subprocess.run(
        ["ssh", "-F", str(config), "vm2", "hostname; wc -c"], input=data, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["vm2", "300000"], done.stderr


def test_exec_returns_the_exit_code(lab: Lab) -> None:
    assert lab.exec("vm1", ["sh", "-c", "exit 7"], check=False).returncode == 7
    assert lab.exec("vm1", ["sh", "-c", "exit 9"], "c1", check=False).returncode == 9
    with pytest.raises(LabError, match="no host nobody"):
        lab.exec("nobody", ["true"], check=False)
    with pytest.raises(LabError, match="no container c9"):
        lab.exec("vm1", ["true"], "c9", check=False)


UNRECORDED = {"N6", "N7", "N8", "N14"}
"""Faults that leave the recorded state as it is: the healthy lab is worth these notices; tracked flows are no state."""


def changed(fault: Fault) -> set[str]:
    """Nodes on which the fault does something: the one where it shows need not be among them."""
    return {fault.host, *(step.place for step in fault.steps)}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault_changes_the_state_and_heal_restores_it(lab: Lab, fault: Fault) -> None:
    before = labs.state(lab)
    try:
        labs.break_(NAME, fault.id)
        broken = labs.differences(before, labs.state(lab))
        assert {each.split()[0] for each in broken} & changed(fault) or fault.id in UNRECORDED, broken
        assert "vm2\n" in ssh_from_operator(lab, "vm2", "hostname").stdout
    finally:
        healed = labs.heal(NAME)
    assert healed == broken
    assert labs.differences(before, labs.state(lab)) == []
    assert "ttl=62" in out(lab, "vm1", "ping -c1 -W2 10.239.1.2", "c1")


def test_heal_after_wild_changes(lab: Lab) -> None:
    before = labs.state(lab)
    for fault in ("R10", "F1", "L6", "N3", "C1"):
        labs.break_(NAME, fault)
    for command in (
        "ip link del br0",
        "ip netns del c2",
        "ip rule add to 10.1.0.0/16 lookup 99",
        "ip route add 10.1.0.0/16 via 10.5.7.1 table 99",
        "ip neigh replace 10.5.7.60 lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
        "ip link set eth0 mtu 1400",
        "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.forwarding=0",
        "iptables -P FORWARD DROP",
        "nft add table inet mine",
        "ip link add stranger type bridge",
    ):
        lab.exec("vm2", command.split(), check=True)
    lab.exec("vm2", ["pkill", "-F", "/run/sshd.pid"], check=True)
    labs.heal(NAME)
    assert labs.differences(before, labs.state(lab)) == []
    assert "PERMANENT" not in out(lab, "vm2", "ip neigh")
    assert "ttl=62" in out(lab, "vm1", "ping -c1 -W2 10.239.1.3", "c1")
    assert "vm2\n" in ssh_from_operator(lab, "vm2", "hostname").stdout
    assert labs.heal(NAME) == []


def test_up_twice_is_refused_and_the_first_stays(lab: Lab) -> None:
    with pytest.raises(LabError, match="exists already"):
        labs.up(NAME)
    assert all(init.alive for init in lab.inits.values())


def test_two_labs_side_by_side(lab: Lab, other: str) -> None:
    second = labs.up(other, hosts=2, containers=1, variant="legacy")
    assert {NAME, other} <= set(labs.names())
    assert "ttl=62" in out(second, "vm1", "ping -c1 -W2 10.239.1.2", "c1")
    assert "MASQUERADE" in out(second, "vm1", "iptables-save")
    before = labs.state(second)
    labs.break_(other, "N3")
    labs.heal(other)
    assert labs.differences(before, labs.state(second)) == []
    with pytest.raises(LabError, match="needs 3 hosts"):
        labs.break_(other, "R4")
    labs.down(other)
    assert "ttl=62" in out(lab, "vm1", "ping -c1 -W2 10.239.1.2", "c1")


def test_down_leaves_nothing_also_after_a_killed_host(other: str) -> None:
    before = traces()
    second = labs.up(other, hosts=2, containers=1, variant="none")
    os.kill(second.inits["vm1"].pid, signal.SIGKILL)
    labs.down(other)
    assert traces() == before
    assert not any(init.alive for init in second.inits.values())
    assert not list(Path("/run/netns").glob(f"hgw-{other}-*"))


def test_many_hosts_raise_the_thresholds_and_down_restores_them(
    other: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = traces(), thresholds()
    monkeypatch.setattr("hostgw.lab.machine.MANY_HOSTS", 0)
    labs.up(other, hosts=8, containers=0)
    assert "gc_thresh" in capfd.readouterr().err
    monkeypatch.undo()
    labs.down(other)
    assert (traces(), thresholds()) == before


def test_failed_up_leaves_nothing(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = traces()

    def fail(_: Lab) -> None:
        raise OSError("no more of it")

    monkeypatch.setattr("hostgw.lab.life.add_rules", fail)
    with pytest.raises(LabError, match="no more of it"):
        labs.up(other, hosts=2)
    assert traces() == before


def test_builder_killed_half_way(other: str) -> None:
    before = traces()
    code = (
        f"import os, signal, sys\nsys.path[:0] = {sys.path!r}\nfrom hostgw.lab import life\n"
        "life.add_rules = lambda lab: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"life.up({other!r}, hosts=2)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    recorded = store.inits(other)
    assert len(recorded) == 2
    with pytest.raises(LabError, match="half-made"):
        labs.load(other)
    labs.down(other)
    assert traces() == before
    assert not any(init.alive for init in recorded.values())


def test_down_of_an_unknown_lab_names_the_others(lab: Lab) -> None:
    with pytest.raises(LabError) as caught:
        labs.down("nosuchlab")
    assert NAME in caught.value.remedy
