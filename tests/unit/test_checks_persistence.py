"""Files, daemons and clouds: each state made by hand brings its finding, and what is usual brings none."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.finding import Finding, listed
from hostgw.model.kernel import Address, Link, Program, Route, Setting
from hostgw.plans.build import plan
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, altered, healthy, routes

CODES = {
    "routes-not-persistent",
    "networkd-purges-routes",
    "networkmanager-takes-veths",
    "sysctl-file-forwarding-off",
    "cni-files-many",
    "left-from-another-cluster",
    "module-not-at-boot",
    "cloud-filters-sources",
    "port-detached",
}
NETWORK_FILE = "/run/systemd/network/10-netplan-eth0.network"
DMI = "/sys/class/dmi/id/"
Files = dict[str, dict[str, str]]


def found(fabric: Fabric) -> list[Finding]:
    return [f for f in run(fabric, build(fabric)) if f.code in CODES]


def ids(fabric: Fabric) -> set[str]:
    return {f.id for f in found(fabric) if f.code != "routes-not-persistent"}


def with_files(fabric: Fabric, name: str, files: Files, *programs: str) -> Fabric:
    rows = [Setting(path, key, value) for path, values in files.items() for key, value in values.items()]
    fabric = altered(fabric, name, Section.SETTINGS, lambda held: [*held, *rows])
    return altered(fabric, name, Section.PROGRAMS, lambda held: [*held, *(Program(p, 7) for p in programs)])


def hardware(fabric: Fabric) -> Fabric:
    """vm1's NIC is one of a machine, not the end of a veth."""
    return altered(
        fabric,
        "vm1",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, kind="", peer=0) if r.index == NIC else r for r in rows],
    )


def test_nothing_is_said_of_hosts_whose_files_were_not_read() -> None:
    assert found(healthy(3)) == []


# ---- P1 ----


def test_routes_in_no_file_are_a_notice_for_each_host_once() -> None:
    fabric = with_files(healthy(3), "vm1", {})
    named = found(fabric)
    assert [(f.id, f.entry) for f in named] == [("routes-not-persistent/vm1/10.239.0.0/16", "P1")]
    assert listed(named) == ()


@pytest.mark.parametrize("path", ["/etc/network/interfaces", "/etc/systemd/network/10-eth0.network"])
def test_routes_that_a_file_holds_are_kept(path: str) -> None:
    held = {"route.10.239.1.0/24": "10.5.7.61", "route.10.239.2.0/24": "10.5.7.62"}
    assert found(with_files(healthy(3), "vm1", {path: held})) == []
    assert found(with_files(healthy(3), "vm1", {path: {"route.10.239.0.0/16": "10.5.7.61"}})) == []


def test_routes_that_a_program_keeps_are_kept() -> None:
    assert found(with_files(healthy(3), "vm1", {}, "flanneld")) == []


# ---- P2 ----

MANAGED: Files = {f"/run/systemd/netif/links/{NIC}": {"ADMIN_STATE": "configured", "NETWORK_FILE": NETWORK_FILE}}


def test_networkd_that_manages_the_nic_is_a_notice() -> None:
    named = [f for f in found(with_files(healthy(3), "vm1", MANAGED, "systemd-networkd")) if f.entry == "P2"]
    assert [f.id for f in named] == ["networkd-purges-routes/vm1/systemd-networkd"]
    assert listed(named) == ()


@pytest.mark.parametrize(
    ("files", "programs"),
    [
        ({}, ("systemd-networkd",)),
        (MANAGED, ()),
        ({f"/run/systemd/netif/links/{NIC}": {"ADMIN_STATE": "unmanaged"}}, ("systemd-networkd",)),
        (MANAGED | {"/etc/systemd/networkd.conf": {"Network.ManageForeignRoutes": "no"}}, ("systemd-networkd",)),
        (MANAGED | {NETWORK_FILE: {"Network.KeepConfiguration": "static"}}, ("systemd-networkd",)),
        (MANAGED | {NETWORK_FILE: {f"route.10.239.{n}.0/24": "x" for n in (1, 2)}}, ("systemd-networkd",)),
    ],
    ids=["no-state", "not-running", "unmanaged", "told-not-to", "keeps", "its-own"],
)
def test_networkd_that_leaves_the_routes_alone_is_none(files: Files, programs: tuple[str, ...]) -> None:
    assert ids(with_files(healthy(3), "vm1", files, *programs)) == set()


def test_a_drop_in_wins_over_the_main_file() -> None:
    files = MANAGED | {
        "/etc/systemd/networkd.conf": {"Network.ManageForeignRoutes": "no"},
        "/etc/systemd/networkd.conf.d/90-x.conf": {"Network.ManageForeignRoutes": "yes"},
    }
    assert ids(with_files(healthy(3), "vm1", files, "systemd-networkd")) == {
        "networkd-purges-routes/vm1/systemd-networkd"
    }


# ---- P3 ----


def on_port(fabric: Fabric, address: str) -> Fabric:
    return altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [*rows, Address(11, address, 16)])


def test_networkmanager_that_took_a_veth_is_named() -> None:
    files = {"/run/NetworkManager/devices/11": {"device.managed": "true"}}
    fabric = with_files(on_port(healthy(3), "169.254.7.8"), "vm2", files, "NetworkManager")
    assert "networkmanager-takes-veths/vm2/NetworkManager" in ids(fabric)


def test_networkmanager_that_only_lists_veths_is_none() -> None:
    files = {f"/run/NetworkManager/devices/{n}": {"device.managed": "true"} for n in (BRIDGE, 11, 12)}
    assert ids(with_files(healthy(3), "vm2", files, "NetworkManager")) == set()


# ---- P4 ----


def sysctls(**values: str) -> Files:
    paths = {"early": "/usr/lib/sysctl.d/10-a.conf", "late": "/etc/sysctl.d/99-z.conf", "last": "/etc/sysctl.conf"}
    return {paths[name]: {"net.ipv4.ip_forward": value} for name, value in values.items()}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (sysctls(late="0"), "/etc/sysctl.d/99-z.conf"),
        (sysctls(late="1", last="0"), "/etc/sysctl.conf"),
        (sysctls(early="0", late="1"), ""),
        (sysctls(early="1"), ""),
        ({"/etc/sysctl.d/50.conf": {"net.ipv4.conf.all.forwarding": "0"}}, "/etc/sysctl.d/50.conf"),
        ({"/etc/sysctl.d/50.conf": {"net.ipv4.conf.eth1.forwarding": "0"}}, ""),
        ({}, ""),
    ],
)
def test_the_file_that_is_applied_last_decides(files: Files, named: str) -> None:
    expected = {f"sysctl-file-forwarding-off/vm1/{named}"} if named else set()
    fabric = with_files(healthy(3), "vm1", files)
    assert ids(fabric) == expected
    assert {f.entry for f in listed(found(fabric))} == ({"P4"} if named else set())


# ---- P7 ----


def cni(name: str, kind: str) -> Files:
    return {f"/etc/cni/net.d/{name}": {"name": name, "plugins.0.type": kind}}


FLANNEL, CALICO = cni("10-flannel.conflist", "flannel"), cni("10-calico.conflist", "calico")
CONTAINERD, PODMAN = cni("10-containerd-net.conflist", "bridge"), cni("87-podman-bridge.conflist", "bridge")


@pytest.mark.parametrize(
    ("files", "programs", "named"),
    [
        (FLANNEL | CONTAINERD, ("flanneld",), "10-containerd-net.conflist"),
        (FLANNEL | CALICO, ("flanneld",), "10-calico.conflist"),
        (FLANNEL | PODMAN, ("flanneld",), ""),
        (FLANNEL | CALICO, ("flanneld", "calico-node"), ""),
        (FLANNEL | CONTAINERD, (), ""),
        (FLANNEL | cni("00-multus.conf", "multus") | cni("99-loopback.conf", "loopback"), ("flanneld",), ""),
    ],
)
def test_the_first_cni_file_is_the_clusters(files: Files, programs: tuple[str, ...], named: str) -> None:
    expected = {f"cni-files-many/vm1//etc/cni/net.d/{named}"} if named else set()
    assert ids(with_files(healthy(3), "vm1", files, *programs)) == expected


# ---- P8, P9, P10 ----


def test_veths_whose_bridge_is_gone_are_named_and_the_subnet_keeps_its_owner() -> None:
    fabric = with_files(healthy(3), "vm2", {})
    fabric = altered(
        fabric,
        "vm2",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, master=0) for r in rows if r.index != BRIDGE],
    )
    fabric = altered(fabric, "vm2", Section.ADDRESSES, lambda rows: [a for a in rows if a.index != BRIDGE])
    fabric = routes(fabric, "vm2", lambda rows: [r for r in rows if r.oif != BRIDGE])
    fabric = altered(fabric, "vm2", Section.FILTERS, lambda rows: [])
    assert ids(fabric) == {"port-detached/vm2/veth-c1", "port-detached/vm2/veth-c2"}
    assert {f.entry for f in listed(found(fabric))} == {"P8"}
    made = plan(listed(found(fabric)), fabric, build(fabric))
    assert made.steps == ()
    assert any("make the bridge again" in line for line in made.alternatives)


def with_old_bridge(name: str, address: str) -> Fabric:
    fabric = altered(healthy(3), "vm1", Section.LINKS, lambda rows: [*rows, Link(30, name, "bridge", True)])
    fabric = altered(fabric, "vm1", Section.ADDRESSES, lambda rows: [*rows, Address(30, address, 24)])
    return with_files(fabric, "vm1", {})


def test_an_idle_cni_bridge_outside_the_network_is_a_notice() -> None:
    named = [f for f in found(with_old_bridge("cni0", "10.244.3.1")) if f.entry == "P9"]
    assert [f.id for f in named] == ["left-from-another-cluster/vm1/10.244.3.0/24"]
    assert listed(named) == ()
    assert ids(with_old_bridge("docker0", "172.17.0.1")) == set()
    assert ids(with_old_bridge("virbr0", "192.168.122.1")) == set()


LOADED: Files = {"/sys/module/br_netfilter/initstate": {"value": "live"}}


@pytest.mark.parametrize(
    ("files", "programs", "named"),
    [
        (LOADED, ("kube-proxy", "kubelet"), True),
        (LOADED | {"/etc/modules-load.d/k8s.conf": {"br_netfilter": "load"}}, ("kube-proxy",), False),
        (LOADED | {"/etc/modules": {"br_netfilter": "load"}}, ("kube-proxy",), False),
        (LOADED, ("kube-proxy", "dockerd"), False),
        (LOADED, ("dockerd",), False),
        ({}, ("kube-proxy",), False),
    ],
)
def test_a_module_that_only_the_boot_files_lack(files: Files, programs: tuple[str, ...], named: bool) -> None:
    fabric = with_files(healthy(3), "vm1", files, *programs)
    assert ids(fabric) == ({"module-not-at-boot/vm1/br_netfilter"} if named else set())
    assert {f.entry for f in found(fabric)} >= ({"P10"} if named else set())


# ---- clouds ----


@pytest.mark.parametrize(
    ("entry", "made"),
    [
        ("U1", {"sys_vendor": "OpenStack Foundation", "product_name": "OpenStack Nova"}),
        ("U1", {"sys_vendor": "Red Hat", "product_name": "OpenStack Compute"}),
        ("U2", {"sys_vendor": "Amazon EC2", "product_name": "m5.large"}),
        ("U2", {"sys_vendor": "Xen", "chassis_asset_tag": "Amazon EC2"}),
        ("U3", {"sys_vendor": "Google", "product_name": "Google Compute Engine"}),
        ("U4", {"sys_vendor": "Hetzner", "product_name": "vServer"}),
        ("U5", {"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}),
        ("", {"sys_vendor": "Dell Inc.", "product_name": "PowerEdge R640"}),
        ("", {"sys_vendor": "QEMU", "product_name": "Standard PC (Q35 + ICH9, 2009)"}),
        ("", {"sys_vendor": "VMware, Inc.", "product_name": "VMware7,1"}),
        ("", {"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}),
    ],
)
def test_the_maker_tells_the_cloud(entry: str, made: dict[str, str]) -> None:
    files = {DMI + name: {"value": value} for name, value in made.items()}
    named = [f for f in found(with_files(hardware(healthy(3)), "vm1", files)) if f.code == "cloud-filters-sources"]
    assert [(f.entry, f.id) for f in named] == ([(entry, "cloud-filters-sources/vm1/vm1")] if entry else [])
    assert listed(named) == ()
    assert ids(with_files(healthy(3), "vm1", files)) == set()


def test_a_hypervisor_matters_where_frames_leave_by_another_mac_address() -> None:
    files = {DMI + "sys_vendor": {"value": "VMware, Inc."}}
    fabric = altered(
        healthy(3),
        "vm1",
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, kind="macvlan", peer=0) if r.index == NIC else r for r in rows],
    )
    named = [f for f in found(with_files(fabric, "vm1", files)) if f.code == "cloud-filters-sources"]
    assert [f.entry for f in named] == ["U6"]


# ---- usual hosts ----

UBUNTU: Files = MANAGED | {
    "/etc/netplan/50-cloud-init.yaml": {"renderer": "networkd"},
    "/etc/sysctl.d/99-kubernetes.conf": {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1"},
    "/usr/lib/sysctl.d/50-default.conf": {"net.ipv4.conf.default.rp_filter": "2"},
}
FEDORA: Files = {
    "/etc/NetworkManager/NetworkManager.conf": {},
    "/run/NetworkManager/devices/2": {"device.managed": "true"},
    "/run/NetworkManager/devices/3": {"device.managed": "true"},
    "/etc/cni/net.d/87-podman-bridge.conflist": {"name": "podman", "plugins.0.type": "bridge"},
}


def usual(files: Files, *programs: str) -> Callable[[], Fabric]:
    def made() -> Fabric:
        fabric = healthy(3)
        for name in fabric.hosts:
            fabric = with_files(fabric, name, files, *programs)
        return fabric

    return made


@pytest.mark.parametrize(
    "fabric",
    [
        usual(UBUNTU, "systemd-networkd", "dockerd", "containerd"),
        usual(UBUNTU, "systemd-networkd", "flanneld", "kubelet", "kube-proxy", "containerd"),
        usual(FEDORA, "NetworkManager", "podman", "firewalld"),
        usual({DMI + "sys_vendor": {"value": "QEMU"}}, "dhclient", "dockerd"),
    ],
    ids=["ubuntu-docker", "ubuntu-flannel", "fedora", "debian"],
)
def test_usual_hosts_have_notices_at_most(fabric: Callable[[], Fabric]) -> None:
    assert listed(found(fabric())) == ()


def test_routes_by_dhcp_or_a_routing_daemon_are_not_made_by_hand() -> None:
    def by_bird(rows: list[Route]) -> list[Route]:
        return [msgspec.structs.replace(r, protocol="bird") if r.protocol == "static" else r for r in rows]

    assert found(routes(with_files(healthy(3), "vm1", {}), "vm1", by_bird)) == []
