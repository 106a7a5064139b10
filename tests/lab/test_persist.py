"""What is made lasting on real hosts: programs can read it, a second run has nothing to do, undo leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from hostgw.plans.persist import netplan, networkmanager, rules, scripts
from hostgw.plans.persist.ifupdown import script
from hostgw.plans.persist.model import BridgeConfig, Nic, Rules, Wanted, Way
from hostgw.plans.persist.oneshot import unit_text
from hostgw.plans.setup.steps import CHAIN, masquerade_lines
from tests.lab.agent_rig import Nets
from tests.lab.conftest import Run
from tests.unit.test_persist import INTERFACES, KEYFILE, NETPLAN, RULES_V4

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
NAME = f"p{os.getpid()}"
WANTED = Wanted(
    Nic("eth0", ""),
    (Way("10.239.1.0/24", "10.9.0.2"), Way("10.239.2.0/24", "10.9.0.3", 50)),
    (BridgeConfig("br7", "0a:58:0a:ef:00:01", "10.239.0.1/24"),),
    (
        Rules("nft", "nat", CHAIN, masquerade_lines("10.239.0.0/16", "10.239.0.0/24"), own=True),
        Rules("nft", "nat", "POSTROUTING", (f"-A POSTROUTING -j {CHAIN}",)),
        Rules("nft", "filter", "FORWARD", ("-A FORWARD -s 10.239.0.0/16 -d 10.239.0.0/16 -j ACCEPT",)),
    ),
)


# ---- texts, read by the programs that they are for ----


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=0)
        made.exec("h", "iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.0/24", "-j", "MASQUERADE")
        yield made


def made(nets: Nets) -> list[str]:
    routes = [" ".join(str(row.get(k)) for k in ("dst", "gateway", "metric")) for row in nets.json("h", "-4 route")]
    saved = [line for line in nets.exec("h", "iptables-nft-save").splitlines() if line.startswith("-A")]
    (bridge,) = nets.json("h", "address show dev br7")
    held = [f"{a['local']}/{a['prefixlen']}" for a in bridge["addr_info"] if a["family"] == "inet"]
    return [*[row for row in routes if row.startswith("10.239.")], bridge["address"], *held, *saved]


def assert_made(nets: Nets) -> None:
    assert made(nets) == [
        *("10.239.0.0/24 None None", "10.239.1.0/24 10.9.0.2 None", "10.239.2.0/24 10.9.0.3 50"),
        *("0a:58:0a:ef:00:01", "10.239.0.1/24", *WANTED.rules[2].lines, f"-A POSTROUTING -j {CHAIN}"),
        *("-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE", *WANTED.rules[0].lines),
    ]


def test_the_script_of_ifupdown_brings_all_of_it_and_again_no_more(nets: Nets, tmp_path: Path) -> None:
    path = tmp_path / "hostgw-tui"
    path.write_text(script(WANTED))
    path.chmod(0o755)
    for _ in range(2):
        nets.exec("h", "env", "IFACE=eth0", "run-parts", "--exit-on-error", str(tmp_path))
        assert_made(nets)


def test_it_does_nothing_for_another_interface(nets: Nets, tmp_path: Path) -> None:
    path = tmp_path / "hostgw-tui"
    path.write_text(script(WANTED))
    nets.exec("h", "env", "IFACE=eth1", "sh", str(path))
    assert "br7" not in str(nets.json("h", "link"))


def test_the_unit_is_none_that_systemd_complains_of_and_its_commands_bring_all_of_it(
    nets: Nets, tmp_path: Path
) -> None:
    path = tmp_path / "hostgw-tui.service"
    path.write_text(unit_text(WANTED))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "hostgw" in line] == []
    assert done.returncode == 0 or "hostgw" not in done.stderr
    for _ in range(2):
        for line in scripts.commands(WANTED):
            nets.exec("h", "sh", "-c", line)
        assert_made(nets)


@pytest.mark.parametrize("held", [RULES_V4, "", "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"])
def test_a_file_of_rules_is_one_that_iptables_restores(nets: Nets, held: str) -> None:
    text = rules.saved_text(held, WANTED.rules)
    assert rules.saved_text(text, WANTED.rules) == text
    nets.exec("h", "iptables-restore", "--test", text=text)
    nets.exec("h", "iptables-restore", text=text)
    saved = nets.exec("h", "iptables-nft-save").splitlines()
    ours = [line for line in saved if line.startswith("-A") and "192.168" not in line and "tun0" not in line]
    assert ours == [*WANTED.rules[2].lines, f"-A POSTROUTING -j {CHAIN}", *WANTED.rules[0].lines]


def test_a_file_of_nftables_is_one_that_nft_reads_and_reads_again(nets: Nets, tmp_path: Path) -> None:
    path = tmp_path / "nftables.conf"
    path.write_text(rules.native_text("#!/usr/sbin/nft -f\n\nflush ruleset\n", WANTED.rules))
    nets.exec("h", "nft", "-c", "-f", str(path))
    for _ in range(2):
        nets.exec("h", "nft", "-f", str(path))
        listed = nets.exec("h", "nft", "list", "ruleset")
        assert listed.count("masquerade fully-random") == 2
        assert listed.count("accept") == 3  # two rules and a policy


NETPLAN_GENERATE = Path("/usr/libexec/netplan/generate")


@pytest.mark.skipif(not NETPLAN_GENERATE.exists(), reason="needs netplan")
def test_netplan_adds_our_routes_to_those_of_the_other_file(tmp_path: Path) -> None:
    directory = tmp_path / "etc/netplan"
    directory.mkdir(parents=True)
    held = NETPLAN.replace("bonds", "ethernets").replace(
        "dhcp4: true", "routes:\n        - to: default\n          via: 10.9.0.254"
    )
    (directory / "50-cloud.yaml").write_text(held)
    wanted = replace(WANTED, nic=Nic("eth0", "netplan", "lan"))
    (directory / "90-hostgw-tui.yaml").write_text(netplan.yaml_text(wanted, "ethernets"))
    subprocess.run([NETPLAN_GENERATE, "--root-dir", tmp_path], check=True, capture_output=True)
    made = (tmp_path / "run/systemd/network/10-netplan-lan.network").read_text()
    assert made.count("[Route]") == 3
    assert "Destination=10.239.1.0/24\nGateway=10.9.0.2" in made
    bridge = (tmp_path / "run/systemd/network/10-netplan-br7.network").read_text()
    assert "Address=10.239.0.1/24" in bridge
    assert "ConfigureWithoutCarrier=yes" in bridge


@pytest.mark.skipif(shutil.which("nmcli") is None, reason="needs nmcli")
def test_networkmanager_reads_what_was_written() -> None:
    held = KEYFILE.replace("[802-1x]\npassword=hunter2\n\n", "")
    texts = (networkmanager.with_routes(held, WANTED.ways), networkmanager.bridge_text(WANTED.bridges[0]))
    argv = ["nmcli", "--offline", "connection", "modify", "connection.autoconnect", "yes"]
    routes, bridge = (
        subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout for text in texts
    )
    assert "route1=192.0.2.0/24,10.5.7.9,50\nroute1_options=onlink=true\n" in routes
    assert "route2=10.239.1.0/24,10.9.0.2\nroute3=10.239.2.0/24,10.9.0.3,50\n" in routes
    assert "address1=10.239.0.1/24" in bridge
    assert "mac-address=0A:58:0A:EF:00:01" in bridge


# ---- hosts ----

DRESS = {
    "networkd": """
        cp /bin/sleep /run/systemd-networkd; setsid /run/systemd-networkd 1000 >/dev/null 2>&1 </dev/null &
        mkdir -p /run/systemd/netif/links /etc/systemd/network
        printf '[Match]\\nName=eth0\\n' > /etc/systemd/network/10-eth0.network
        index=$(cat /sys/class/net/eth0/ifindex 2>/dev/null || ip -o link show dev eth0 | cut -d: -f1)
        printf 'ADMIN_STATE=configured\\nNETWORK_FILE=/etc/systemd/network/10-eth0.network\\n' \
            > /run/systemd/netif/links/$index
    """,
    "NetworkManager": """
        cp /bin/sleep /run/NetworkManager.bin; mkdir -p /run/nm; cp /bin/sleep /run/nm/NetworkManager
        setsid /run/nm/NetworkManager 1000 >/dev/null 2>&1 </dev/null &
        mkdir -p /run/NetworkManager/devices /etc/NetworkManager/system-connections
        cat > "/etc/NetworkManager/system-connections/Wired connection 1"
        chmod 600 "/etc/NetworkManager/system-connections/Wired connection 1"
        index=$(ip -o link show dev eth0 | cut -d: -f1)
        printf '[device]\\nmanaged=true\\nconnection-uuid=11111111-2222-3333-4444-555555555555\\n' \
            > /run/NetworkManager/devices/$index
    """,
    "netplan": "mkdir -p /etc/netplan; cat > /etc/netplan/50-cloud.yaml; chmod 600 /etc/netplan/50-cloud.yaml",
    "ifupdown": "mkdir -p /etc/network/if-up.d; cat > /etc/network/interfaces",
    "systemd": "mkdir -p /run/systemd/system",
}
INPUT = {"NetworkManager": KEYFILE, "netplan": NETPLAN, "ifupdown": INTERFACES}
GETS = {
    "networkd": "/etc/systemd/network/10-eth0.network.d/90-hostgw-tui.conf",
    "NetworkManager": "/etc/NetworkManager/system-connections/Wired connection 1",
    "netplan": "/etc/netplan/90-hostgw-tui.yaml",
    "ifupdown": "/etc/network/if-up.d/hostgw-tui",
    "systemd": "/etc/systemd/system/hostgw-tui.service",
}


@pytest.fixture
def lab() -> Iterator[Lab]:
    try:
        yield labs.up(NAME, hosts=2, containers=1)
    finally:
        labs.down(NAME)


def shell(lab: Lab, script: str, text: str = "") -> str:
    done = lab.exec("vm1", ["sh", "-ec", script], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def picture(lab: Lab) -> dict[str, tuple[int, int, str]]:
    """Everything below /etc and /var/lib of vm1: owner, mode, content."""
    root = Path(f"/proc/{lab.init('vm1').pid}/root")
    found = {}
    for top in ("etc", "var/lib"):
        for path in (root / top).rglob("*"):
            status = path.lstat()
            plain = path.is_file() and not path.is_symlink()
            content = path.read_bytes().hex() if plain else str(path.readlink()) if path.is_symlink() else ""
            found[str(path.relative_to(root))] = status.st_uid, status.st_mode, content
    return found


def host_run(lab: Lab, hostgw: Run, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    return hostgw("--lab", lab.name, *words, code=code)


@pytest.mark.parametrize("kind", DRESS)
def test_a_host_keeps_its_network_and_undo_leaves_no_trace(lab: Lab, hostgw: Run, kind: str) -> None:
    shell(lab, DRESS[kind], INPUT.get(kind, ""))
    before, state = picture(lab), labs.state(lab)
    plan = json.loads(host_run(lab, hostgw, "persist", "--host", "vm1", "--dry-run", "--json").stdout)
    assert any(step["finding"] == "routes-not-persistent/vm1/10.239.0.0/16" for step in plan["steps"])
    assert picture(lab) == before
    host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    made = picture(lab)
    assert "10.239.1.0/24" in bytes.fromhex(made[GETS[kind].lstrip("/")][2]).decode()
    assert labs.differences(state, labs.state(lab)) == ["vm1 files"]
    again = host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    assert "does so already" in again.stdout
    assert picture(lab) == made
    host_run(lab, hostgw, "undo", "--yes")
    assert picture(lab) == before


def test_systemd_would_start_the_unit_at_boot(lab: Lab, hostgw: Run) -> None:
    shell(lab, DRESS["systemd"])
    host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    told = shell(lab, "SYSTEMD_LOG_LEVEL=debug systemd-analyze verify multi-user.target 2>&1 || true")
    assert "hostgw-tui.service: Installed new job hostgw-tui.service/start" in told
    assert "Wants: hostgw-tui.service (origin-file)" in told


NETWORKD = "/lib/systemd/systemd-networkd"
UNDER_NETWORKD = f"""
    mount -o remount,ro /sys  # as in a container: there is no udev to wait for
    for name in netif netif/links netif/leases netif/lldp; do
        install -d -o systemd-network -g systemd-network /run/systemd/$name
    done
    cat > /etc/systemd/network/10-eth0.network
    setsid {NETWORKD} >/run/networkd.log 2>&1 </dev/null &
    until grep -q ADMIN_STATE=configured /run/systemd/netif/links/*; do sleep 0.1; done
"""
KEPT = "[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nKeepConfiguration=yes\n"
"""The address stays the lab's: networkd of Debian 12 and kernel 6.18 never agree on one that it sets itself."""


@pytest.mark.skipif(not Path(NETWORKD).exists(), reason="needs systemd-networkd")
def test_networkd_itself_brings_it_back(lab: Lab, hostgw: Run) -> None:
    shell(lab, UNDER_NETWORKD, KEPT)
    before = json.loads(shell(lab, "ip -j address show dev br0"))[0]
    host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    shell(lab, "kill $(pidof systemd-networkd); ip route del 10.239.1.0/24; ip link del br0")
    shell(lab, f"setsid {NETWORKD} >/run/networkd.log 2>&1 </dev/null &")
    shell(lab, "until ip route | grep -q '^10.239.1.0/24 via 10.5.7.61 dev eth0 proto static'; do sleep 0.1; done")
    shell(lab, "until ip -4 address show dev br0 | grep -q 'inet 10.239.0.1/24'; do sleep 0.1; done")
    after = json.loads(shell(lab, "ip -j address show dev br0"))[0]
    assert after["address"] == before["address"]
    again = host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    assert "does so already" in again.stdout


def test_a_file_that_changed_meanwhile_is_left_alone(lab: Lab, hostgw: Run) -> None:
    """So is one that cannot be written, and one that is a link."""
    shell(lab, DRESS["ifupdown"], INTERFACES)
    shell(lab, "ln -s /etc/passwd /etc/sysctl.d/90-hostgw-tui.conf")
    before = picture(lab)
    shown = host_run(lab, hostgw, "persist", "--host", "vm1", "--dry-run").stdout
    assert "note: vm1: left alone: /etc/sysctl.d/90-hostgw-tui.conf is a link" in shown
    shell(lab, "mount -o remount,ro /etc")
    failed = host_run(lab, hostgw, "persist", "--host", "vm1", "--yes", code=1)
    assert "Read-only file system" in failed.stdout
    assert picture(lab) == before
    shell(lab, "mount -o remount,rw /etc")
    host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    shell(lab, "echo '# mine' >> /etc/network/if-up.d/hostgw-tui")
    made = picture(lab)
    stale = host_run(lab, hostgw, "undo", "--yes", code=1)
    assert "no longer as the preview showed it" in stale.stdout
    assert picture(lab) == made


def test_a_fix_offers_it(lab: Lab, hostgw: Run) -> None:
    labs.break_(lab.name, "R1")
    fixed = host_run(lab, hostgw, "fix", "--yes", "--watch", "0")
    assert f"these changes last until the next reboot: `hostgw-tui --lab {lab.name} persist` makes" in fixed.stderr


def test_a_file_that_switches_forwarding_off_is_outdone(lab: Lab, hostgw: Run) -> None:
    labs.break_(lab.name, "P4")
    assert "sysctl-file-forwarding-off" in host_run(lab, hostgw, "check", code=1).stdout
    host_run(lab, hostgw, "persist", "--host", "vm1", "--yes")
    assert "sysctl-file-forwarding-off" not in host_run(lab, hostgw, "check").stdout
    done = shell(lab, "sysctl -w net.ipv4.ip_forward=0 >/dev/null; sysctl --system 2>&1; sysctl net.ipv4.ip_forward")
    assert done.splitlines()[-1] == "net.ipv4.ip_forward = 1"


def test_healing_a_lab_takes_the_files_away(lab: Lab, hostgw: Run) -> None:
    shell(lab, DRESS["ifupdown"], INTERFACES)
    before = picture(lab)
    host_run(lab, hostgw, "persist", "--yes")
    assert picture(lab) != before
    labs.heal(lab.name)
    assert picture(lab) == before
