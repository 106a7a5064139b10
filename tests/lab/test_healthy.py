"""False alarms: healthy variants of a fabric, each as its real program leaves the hosts, bring no finding.

Probes in them go as predicted, too.

A case is one or more scripts of tests/data/healthy, run on every host of one lab, or a variant of `lab up`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import VARIANTS, Lab, LabError, dockerd
from hostgw.lab.variants import check_possible
from tests.lab import results
from tests.lab.conftest import Run
from tests.lab.dressing import assert_predicted, assert_reaches, assert_understood, check, dress, owned, run, undress

pytestmark = pytest.mark.lab
CASES = {
    "flannel, its chains": ("flannel-chains",),
    "flannel, older dialect": ("flannel-direct",),
    "flannel, nftables mode": ("flannel-nft",),
    "flannel, DirectRouting": ("flannel-chains", "direct-routing"),
    "Docker 27, iptables on": ("docker-27",),
    "Docker 28, iptables on": ("docker-28",),
    "Docker 29, nftables": ("docker-29-nft",),
    "docker0 idle everywhere": ("docker-idle",),
    "kube-proxy, 500 services": ("flannel-chains", "kube-proxy"),
    "kube-proxy, nftables mode": ("flannel-chains", "kube-nft"),
    "NIC, VPN, rules, IPv6": ("company",),
    "libvirt": ("libvirt",),
    "libvirt, nftables": ("libvirt-nft",),
    "native nft": ("native-nft",),
    "kube-router": ("kube-router",),
    "kindnet, no bridge": ("kindnet",),
    "Calico, no bridge": ("calico",),
    "several underlay addresses": ("addresses",),
    "firewalld, trusted zone": ("firewalld",),
    "ufw, forward accepted": ("ufw",),
    "strict settings, vxlan": ("settings",),
    "Docker, libvirt, VPN, ufw": ("docker-idle", "libvirt", "company", "ufw"),
}
TOLD = ("kindnet, no bridge", "Calico, no bridge", "several underlay addresses")
"""Cases that are judged by a complete inventory too."""
HEALED_OTHERWISE = ("nft", "flannel", "lan-bridge", "dual-stack")
"""Variants that heal must put back in a way of their own."""
PAIRS = ("vm1:c1>vm2:c1", "vm2:c1>vm1", "vm1>vm2:c1", "vm1:c1>192.0.2.9")
NAME = f"h{os.getpid()}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts and an external machine; whoever dresses them undresses them."""
    try:
        yield labs.up(NAME, hosts=3, containers=2, external=True)
    finally:
        labs.down(NAME)


@pytest.fixture
def plain(lab: Lab) -> Iterator[Lab]:
    yield lab
    undress(lab)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[results.Case]:
    """The test's own line in the table."""
    with results.healthy(request.node.callspec.id) as kept:
        yield kept


@pytest.fixture
def inventory(lab: Lab, tmp_path: Path) -> tuple[str, ...]:
    """How to check the lab by an inventory that names every owner."""
    path = tmp_path / "hosts.toml"
    hosts = "\n".join(f'[hosts.{h.name}]\nsubnet = "{h.subnet}"' for h in lab.shape.owners)
    path.write_text(f'network = "10.239.0.0/16"\ncomplete = true\n{hosts}\n')
    return ("--inventory", str(path), "--ssh-config", str(lab.directory / "ssh_config"))


@pytest.mark.parametrize("scripts", CASES.values(), ids=CASES)
def test_dressed_fabric(
    scripts: tuple[str, ...], plain: Lab, hostgw: Run, inventory: tuple[str, ...], row: results.Case
) -> None:
    for host in plain.shape.owners:
        for script in scripts:
            dress(plain, host, script)
    assert_reaches(plain, "vm1", "vm2")
    assert_reaches(plain, "vm2", "vm1")
    assert_understood(check(hostgw, "--lab", plain.name), plain)
    assert_predicted(plain, *PAIRS, "vm1:c1>ext1", "ext1>vm2:c1")
    if row.name in TOLD:
        check(hostgw, *inventory)
    row.findings = "none"


@pytest.mark.parametrize("tunnel", ["flannel.1", "vxlan.calico", "tun-1062"])
def test_host_of_another_segment_behind_a_tunnel(
    tunnel: str, plain: Lab, hostgw: Run, inventory: tuple[str, ...], row: results.Case
) -> None:
    quiet = "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"
    run(plain, "gateway", quiet)
    run(plain, "gateway", "ip address add 10.6.0.1/24 dev eth0")
    run(plain, "operator", "iptables-nft -t nat -A OUTPUT -d 10.5.7.62 -j DNAT --to-destination 10.6.0.62")
    for host in plain.shape.owners:
        dress(plain, host, "other-segment", TUNNEL=tunnel)
    run(plain, "ext1", "ip route del 10.239.2.0/24")
    assert_reaches(plain, "vm1", "vm3")
    assert_reaches(plain, "vm3", "vm1")
    report = check(hostgw, "--lab", plain.name, "--hosts", "vm1,vm2,vm3")
    assert owned(report) == {host.name: [host.subnet] for host in plain.shape.owners}
    check(hostgw, *inventory)
    row.findings = "none"


@pytest.mark.parametrize("hosts", ["vm1,vm2", "vm2,vm3,ext1"])
def test_part_of_a_fabric(hosts: str, lab: Lab, hostgw: Run, row: results.Case) -> None:
    check(hostgw, "--lab", lab.name, "--hosts", hosts)
    row.findings = "none"


@pytest.mark.parametrize("state", ["one host down"])
def test_host_that_is_down(state: str, plain: Lab, hostgw: Run, row: results.Case) -> None:
    run(plain, "vm3", "ip link set eth0 down")
    report = check(hostgw, "--lab", plain.name, "--timeout", "3", code=4)
    assert [host["name"] for host in report["hosts"] if host["state"] != "up"] == ["vm3"], state
    row.findings = "none"


@pytest.mark.parametrize("variant", [name for name, each in VARIANTS.items() if not each.bare])
def test_variant(variant: str, hostgw: Run, row: results.Case) -> None:
    try:
        check_possible(VARIANTS[variant])
    except LabError as refusal:  # with a clear word, and nothing left behind
        with pytest.raises(LabError, match=str(refusal)):
            labs.up(f"{NAME}v", variant=variant)
        row.findings = "refused"
        return
    built = labs.up(f"{NAME}v", hosts=2, containers=1, variant=variant)
    try:
        assert_reaches(built, "vm1", "vm2")
        assert_understood(check(hostgw, "--lab", built.name), built)
        assert_predicted(built, *PAIRS)
        if variant in HEALED_OTHERWISE:
            run(built, "vm1", "sh -e", "ip link set eth0 down\nip address add 1.1.1.1/24 dev lo\nnft flush ruleset\n")
            assert labs.heal(built.name) != []
            assert labs.heal(built.name) == []
            assert_reaches(built, "vm1", "vm2")
        row.findings = "none"
    finally:
        labs.down(built.name)


IMAGE = "ldd /bin/sleep | grep -o '/[^ ]*' | xargs tar -chPf - /bin/sleep | docker import - idle"
"""A container image from this machine's own files; nothing is downloaded."""


@pytest.mark.skipif(not shutil.which("dockerd"), reason="dockerd is not on PATH")
@pytest.mark.parametrize("case", ["dockerd, iptables on"])
def test_real_docker_daemon(case: str, hostgw: Run, row: results.Case) -> None:
    """The daemon puts its own MASQUERADE first; the operator's exemption and accepts go before it."""
    built = labs.up(f"{NAME}d", hosts=2, containers=1)
    folder = Path(shutil.which("dockerd") or "").parent
    try:
        for host in built.shape.owners:
            assert host.subnet is not None
            settings = json.dumps({"bridge": "br0", "fixed-cidr": host.subnet.replace(".0/24", ".128/25")})
            run(built, host.name, "sh -e", f"mkdir -p /etc/docker; echo '{settings}' >/etc/docker/daemon.json\n")
        dockerd.start(built)
        for host in built.shape.owners:
            run(built, host.name, "sh -e", f"PATH={folder}:$PATH\n{IMAGE}\n")
            for mode in ("bridge", "host"):
                docker = f"docker run -d --name {mode} --network {mode} idle /bin/sleep 1000"
                run(built, host.name, "sh -e", f"PATH={folder}:$PATH\n{docker}\n")
            dress(built, host, "docker-operator")
        assert_reaches(built, "vm1", "vm2")
        assert_understood(check(hostgw, "--lab", built.name), built)
        row.findings = "none"
    finally:
        labs.down(built.name)
