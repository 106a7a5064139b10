"""What the agent reads of configuration files and running programs: the keys that are named, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw.agent import programs, settings_text
from hostgw.agent.settings import MAX_FILES, MAX_ROWS, MAX_TOTAL, PLACES, Settings
from hostgw.model.kernel import Program, Setting

SECRET = "hunter2"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return tmp_path


def write(machine: Path, path: str, text: str) -> None:
    file = machine / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def read(machine: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in Settings(str(machine)).read():
        found.setdefault(row["path"], {})[row["key"]] = row["value"]
    return found


def test_a_machine_without_files_says_nothing(machine: Path) -> None:
    assert read(machine) == {}


def test_subnet_env(machine: Path) -> None:
    text = 'FLANNEL_NETWORK=10.239.0.0/16\nFLANNEL_SUBNET="10.239.1.1/24"\nFLANNEL_MTU=1500\nPASSWORD=hunter2\n'
    write(machine, "/run/flannel/subnet.env", text)
    assert read(machine) == {
        "/run/flannel/subnet.env": {
            "FLANNEL_NETWORK": "10.239.0.0/16",
            "FLANNEL_SUBNET": "10.239.1.1/24",
            "FLANNEL_MTU": "1500",
        }
    }


def test_daemon_json(machine: Path) -> None:
    daemon = {
        "bip": "172.17.1.1/24",
        "iptables": False,
        "default-address-pools": [{"base": "172.20.0.0/16", "size": 24}],
        "registry-mirrors": ["https://user:hunter2@example.net"],
        "http-proxy": SECRET,
        "mtu": 1450,
    }
    write(machine, "/etc/docker/daemon.json", json.dumps(daemon))
    assert read(machine)["/etc/docker/daemon.json"] == {
        "bip": "172.17.1.1/24",
        "iptables": "false",
        "default-address-pools.0.base": "172.20.0.0/16",
        "default-address-pools.0.size": "24",
        "mtu": "1450",
    }


def test_cni_files_and_reservations(machine: Path) -> None:
    flannel = {
        "name": "cbr0",
        "cniVersion": "0.3.1",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": True, "bridge": "cni1"}, "token": SECRET},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    write(machine, "/etc/cni/net.d/10-flannel.conflist", json.dumps(flannel))
    plain = {"name": "old", "type": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]]}}
    write(machine, "/etc/cni/net.d/87-podman.conf", json.dumps(plain))
    write(machine, "/etc/cni/net.d/README", "nothing")
    for name in ("10.239.1.2", "10.239.1.3", "last_reserved_ip.0", "lock"):
        write(machine, f"/var/lib/cni/networks/cbr0/{name}", "container-id")
    assert read(machine) == {
        "/etc/cni/net.d/10-flannel.conflist": {
            "name": "cbr0",
            "plugins.0.type": "flannel",
            "plugins.0.delegate.hairpinMode": "true",
            "plugins.0.delegate.bridge": "cni1",
            "plugins.1.type": "portmap",
        },
        "/etc/cni/net.d/87-podman.conf": {
            "name": "old",
            "type": "bridge",
            "ipam.type": "host-local",
            "ipam.ranges.0.0.subnet": "10.88.0.0/16",
        },
        "/var/lib/cni/networks/cbr0": {"reservations": "2", "example": "10.239.1.2"},
    }


def test_sysctl_files_hide_each_other_by_name(machine: Path) -> None:
    write(machine, "/usr/lib/sysctl.d/50-default.conf", "net.ipv4.ip_forward = 0\n")
    write(machine, "/etc/sysctl.d/50-default.conf", "# nothing here\nkernel.sysrq = 1\n")
    write(machine, "/etc/sysctl.d/60-own.conf", "-net/ipv4/conf/eth0.5/rp_filter=2\nnet.ipv4.tcp_syncookies = 1\n")
    write(machine, "/etc/sysctl.conf", "net.ipv4.ip_forward=1\n;net.ipv4.ip_forward=0\n")
    assert read(machine) == {
        "/etc/sysctl.d/60-own.conf": {"net.ipv4.conf.eth0/5.rp_filter": "2"},
        "/etc/sysctl.conf": {"net.ipv4.ip_forward": "1"},
    }


def test_networkd(machine: Path) -> None:
    write(machine, "/etc/systemd/networkd.conf.d/x.conf", "[Network]\nManageForeignRoutes=no\n[DHCPv4]\nDUIDType=x\n")
    write(machine, "/run/systemd/netif/links/2", "ADMIN_STATE=configured\nNETWORK_FILE=/run/a.network\nDNS=9.9.9.9\n")
    network = (
        "[Match]\nName=eth0\n[Network]\nKeepConfiguration=static\n"
        "[Route]\nDestination=10.239.1.0/24\nGateway=10.5.7.61\n\n[Route]\nGateway=10.5.7.1\n"
        "[Route]\nDestination=10.239.2.0/24\nGateway=10.5.7.62\n[WireGuard]\nPrivateKey=hunter2\n"
    )
    write(machine, "/etc/systemd/network/10-eth0.network", network)
    assert read(machine) == {
        "/etc/systemd/networkd.conf.d/x.conf": {"Network.ManageForeignRoutes": "no"},
        "/run/systemd/netif/links/2": {"ADMIN_STATE": "configured", "NETWORK_FILE": "/run/a.network"},
        "/etc/systemd/network/10-eth0.network": {
            "Network.KeepConfiguration": "static",
            "route.10.239.1.0/24": "10.5.7.61",
            "route.10.239.2.0/24": "10.5.7.62",
        },
    }


def test_routes_of_drop_ins_and_scripts(machine: Path) -> None:
    route = "[Route]\nDestination=10.239.1.0/24\nGateway=10.5.7.61\n"
    write(machine, "/etc/systemd/network/10-eth0.network.d/90-x.conf", route)
    write(machine, "/etc/systemd/network/10-eth0.network.d/90-x.conf.hostgw-backup", route)
    write(machine, "/etc/systemd/network/20-br.netdev.d/90-x.conf", route)
    write(machine, "/etc/network/if-up.d/x", "#!/bin/sh\nip route replace 10.239.2.0/24 via 10.5.7.62 dev eth0\n")
    assert read(machine) == {
        "/etc/systemd/network/10-eth0.network.d/90-x.conf": {"route.10.239.1.0/24": "10.5.7.61"},
        "/etc/network/if-up.d/x": {"route.10.239.2.0/24": "10.5.7.62"},
    }


def test_routes_of_netplan(machine: Path) -> None:
    text = (
        "network:\n  renderer: NetworkManager\n  wifis:\n    w0:\n      access-points:\n        x:\n"
        "          password: hunter2\n      routes:\n        - to: 10.239.1.0/24\n          via: 10.5.7.61\n"
        "        - via: '10.5.7.62'\n          metric: 7\n          to: \"10.239.2.0/24\"\n"
        "        - to: 10.239.3.0/24\n"
    )
    write(machine, "/etc/netplan/x.yaml", text)
    assert read(machine) == {
        "/etc/netplan/x.yaml": {
            "renderer": "NetworkManager",
            "route.10.239.1.0/24": "10.5.7.61",
            "route.10.239.2.0/24": "10.5.7.62",
        }
    }


def test_networkmanager(machine: Path) -> None:
    connection = (
        "[connection]\nid=lan\ninterface-name=eth0\n[wifi-security]\npsk=hunter2\n"
        "[ipv4]\nroute1=10.239.1.0/24,10.5.7.61,100\nroute2=10.239.2.0/24,10.5.7.62\naddress1=10.5.7.60/24,10.5.7.1\n"
    )
    write(machine, "/etc/NetworkManager/system-connections/lan.nmconnection", connection)
    write(machine, "/etc/NetworkManager/conf.d/x.conf", "[keyfile]\nunmanaged-devices=interface-name:veth*\n")
    write(machine, "/run/NetworkManager/devices/7", "[device]\nmanaged=true\nconnection-uuid=1-2\n")
    assert read(machine) == {
        "/etc/NetworkManager/system-connections/lan.nmconnection": {
            "connection.interface-name": "eth0",
            "route.10.239.1.0/24": "10.5.7.61",
            "route.10.239.2.0/24": "10.5.7.62",
        },
        "/etc/NetworkManager/conf.d/x.conf": {"keyfile.unmanaged-devices": "interface-name:veth*"},
        "/run/NetworkManager/devices/7": {"device.managed": "true", "device.connection-uuid": "1-2"},
    }


def test_routes_in_scripts(machine: Path) -> None:
    text = (
        "iface eth0 inet static\n  up ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0\n"
        "  #up ip route add 10.239.9.0/24 via 10.5.7.61\n  up route add -net 10.239.2.0/24 gw 10.5.7.62\n"
        "  wpa-psk hunter2\n"
    )
    write(machine, "/etc/network/interfaces", text)
    unit = "[Service]\nEnvironment=TOKEN=hunter2\nExecStart=/sbin/ip route replace 10.239.3.0/24 via 10.5.7.63\n"
    write(machine, "/etc/systemd/system/routes.service", unit)
    assert read(machine) == {
        "/etc/network/interfaces": {"route.10.239.1.0/24": "10.5.7.61", "route.10.239.2.0/24": "10.5.7.62"},
        "/etc/systemd/system/routes.service": {"route.10.239.3.0/24": "10.5.7.63"},
    }


def test_the_rest(machine: Path) -> None:
    write(machine, "/etc/netplan/50-cloud-init.yaml", "network:\n  renderer: NetworkManager\n  password: hunter2\n")
    write(machine, "/etc/modules-load.d/k8s.conf", "overlay\nbr_netfilter\nsecret_module\n")
    write(machine, "/sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
    write(machine, "/sys/class/dmi/id/product_serial", SECRET)
    write(machine, "/etc/ufw/ufw.conf", "ENABLED=yes\nLOGLEVEL=low\n")
    assert read(machine) == {
        "/etc/netplan/50-cloud-init.yaml": {"renderer": "NetworkManager"},
        "/etc/modules-load.d/k8s.conf": {"overlay": "load", "br_netfilter": "load"},
        "/sys/class/dmi/id/sys_vendor": {"value": "Amazon EC2"},
        "/etc/ufw/ufw.conf": {"ENABLED": "yes"},
    }


def test_a_file_is_opened_again_only_when_it_changed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(machine, "/etc/docker/daemon.json", '{"bip": "172.17.1.1/24"}')
    found = Settings(str(machine))
    first = found.read()
    opened: list[str] = []
    plain = found._parsed

    def counted(path: str, place: Any) -> list[dict[str, Any]]:
        opened.append(path)
        return plain(path, place)

    monkeypatch.setattr(found, "_parsed", counted)
    assert found.read() == first
    assert opened == []
    write(machine, "/etc/docker/daemon.json", '{"bip": "172.17.20.1/24"}')
    assert [row["value"] for row in found.read()] == ["172.17.20.1/24"]
    assert opened == ["/etc/docker/daemon.json"]
    (machine / "etc/docker/daemon.json").unlink()
    assert found.read() == []


def test_amounts_are_bounded(machine: Path) -> None:
    many = "".join(f"[Route]\nDestination=10.{n // 256}.{n % 256}.0/24\nGateway=10.5.7.1\n" for n in range(2000))
    for number in range(MAX_FILES + 20):
        write(machine, f"/etc/systemd/network/{number:03}.network", many)
    found = Settings(str(machine))
    rows = found.read()
    assert len(rows) == MAX_TOTAL
    per_file = [row for row in rows if row["path"].endswith("/000.network")]
    assert len(per_file) == MAX_ROWS
    assert len(found._known) == MAX_FILES


def test_odd_files_are_no_obstacle(machine: Path) -> None:
    write(machine, "/etc/docker/daemon.json", "{ not json")
    write(machine, "/etc/cni/net.d/10-deep.conf", "[" * 5000)
    write(machine, "/run/flannel/subnet.env", "FLANNEL_SUBNET=" + "x" * 5000 + "\n")
    (machine / "etc/sysctl.d").mkdir(parents=True)
    os.mkfifo(machine / "etc/sysctl.d/10-pipe.conf")
    (machine / "etc/sysctl.d/20-gone.conf").symlink_to(machine / "nowhere")
    found = read(machine)
    assert len(found.pop("/run/flannel/subnet.env")["FLANNEL_SUBNET"]) == 200
    assert found["/etc/docker/daemon.json"].keys() == {"(broken)"}
    assert {path for path, values in found.items() if values.keys() != {"(broken)"}} == set()


PARSERS = sorted({place.parse.__name__ for place in PLACES})


@pytest.mark.parametrize("name", PARSERS)
@given(text=st.text(st.sampled_from('abc[]=#;./ \n{}":,0129'), max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_parser_falls_over(name: str, text: str) -> None:
    keys = frozenset().union(*(place.keys for place in PLACES))
    try:
        pairs = list(getattr(settings_text, name)(text, keys))
    except ValueError:
        pairs = []
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in pairs)


def test_rows_are_those_of_the_wire(machine: Path) -> None:
    write(machine, "/run/flannel/subnet.env", "FLANNEL_SUBNET=10.239.1.1/24\n")
    assert msgspec.convert(Settings(str(machine)).read(), list[Setting]) == [
        Setting("/run/flannel/subnet.env", "FLANNEL_SUBNET", "10.239.1.1/24")
    ]
    assert all(program.pid > 0 for program in msgspec.convert(programs.read(), list[Program]))


def test_names_are_known_as_the_kernel_cuts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = {"7": b"dockerd", "12": b"systemd-network", "13": b"dockerd", "14": b"bash"}
    monkeypatch.setattr(os, "listdir", lambda _path: ["14", "13", "7", "12", "self"])
    monkeypatch.setattr(programs, "_command", commands.__getitem__)
    monkeypatch.setattr(programs, "_ours", lambda pid: pid != "7")
    assert programs.read() == [{"name": "dockerd", "pid": 13}, {"name": "systemd-networkd", "pid": 12}]
