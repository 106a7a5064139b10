"""The Docker practice for real: the page that teaches it is carried out word by word, on two real daemons."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run
from tests.lab.pages import carry_out, vanishing

pytestmark = [
    pytest.mark.lab,
    pytest.mark.practice,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="needs dockerd"),
]
NAME = f"p{os.getpid()}"


@pytest.fixture
def practice() -> Iterator[Lab]:
    with vanishing(NAME) as name:
        yield labs.up(name, hosts=2, containers=0, variant="practice")


def test_the_page_is_true(hostgw: Run) -> None:
    assert carry_out("docker.md", hostgw) > 20


def broken_off() -> None:
    """Fail while daemons and a container run; the lab's end checks that nothing of them is left."""
    with vanishing(NAME) as name:
        lab = labs.up(name, hosts=2, containers=0, variant="practice")
        lab.exec("vm1", ["docker", "run", "-d", "busybox", "sleep", "1000"], check=True, capture_output=True)
        raise ValueError("half way")


def test_nothing_stays_behind_of_a_story_that_breaks_off() -> None:
    with pytest.raises(ValueError, match="half way"):
        broken_off()


def test_a_bip_that_docker_has_not_read_yet_is_mended_by_a_restart(hostgw: Run, practice: Lab) -> None:
    """Both machines as Docker leaves them, the files written, and nothing restarted: the usual afternoon."""
    forget = "systemctl stop docker; ip link delete docker0; rm -r /var/lib/docker/network; systemctl restart docker"
    for host, bip in (("vm1", "172.17.0.1/24"), ("vm2", "172.17.1.1/24")):
        script = f"""
        echo '{{"iptables": false}}' >/etc/docker/daemon.json; {forget}
        docker run -d --name c1 --stop-timeout 1 busybox sleep 1000
        echo '{{"iptables": false, "bip": "{bip}"}}' >/etc/docker/daemon.json
        """
        practice.exec(host, ["sh", "-ec", script], check=True, capture_output=True)
    found = hostgw("--lab", NAME, "check", code=1).stdout
    assert "docker0 of vm2 has 172.17.0.1/16; 172.17.1.1/24 is expected" in found
    assert found.count("systemctl restart docker") == 2
    done = hostgw("--lab", NAME, "fix", "--yes", code=0).stdout
    assert "Docker's containers on vm1, vm2 stop" in done
    assert "verified: the kernel says so" in done
    for host, address in (("vm1", "172.17.0.1/24"), ("vm2", "172.17.1.1/24")):
        shown = practice.exec(host, ["ip", "-br", "-4", "address", "show", "docker0"], capture_output=True, text=True)
        assert address in shown.stdout
