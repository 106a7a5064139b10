"""The Docker practice for real: the page that teaches it is carried out word by word, on two real daemons."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run
from tests.lab.pages import Line, commands, missing

pytestmark = [
    pytest.mark.lab,
    pytest.mark.practice,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="needs dockerd"),
]
NAME = f"p{os.getpid()}"


@pytest.fixture
def gone() -> Iterator[None]:
    """Whatever becomes of the story, no daemon, container, namespace or mount stays behind."""
    try:
        yield
    finally:
        if NAME in labs.names():
            labs.down(NAME)
    assert not list(Path("/sys/fs/cgroup").glob(f"**/hgw-{NAME}-*"))
    assert not list(Path("/run/netns").glob(f"hgw-{NAME}-*"))
    assert NAME not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")


def carried_out(line: Line, hostgw: Run, lab: Lab | None) -> tuple[int, str]:
    """Carry a command out, on the test's own lab; return how it ended and what it printed."""
    if line.host:
        assert lab
        done = lab.exec(line.host, line.argv, capture_output=True, text=True, timeout=120, check=False)
    else:
        pairs = zip(line.argv, ("", *line.argv), strict=False)
        words = [NAME if word == "practice" and before != "--variant" else word for word, before in pairs]
        done = hostgw(*words[1:], timeout=120)
    return done.returncode, f"{done.stdout}\n{done.stderr}".replace(NAME, "practice")


def test_the_page_is_true(hostgw: Run, gone: None) -> None:
    for line in commands("docker.md"):
        lab = labs.load(NAME) if NAME in labs.names() else None
        code, printed = carried_out(line, hostgw, lab)
        allowed = (0, 1) if "check" in line.argv else (0,)
        assert code in allowed, (line.argv, code, printed[-3000:])
        assert not (lost := missing(line.promised, printed)), (line.argv, lost, printed[-4000:])


def test_a_bip_that_docker_has_not_read_yet_is_mended_by_a_restart(hostgw: Run, gone: None) -> None:
    """Both machines as Docker leaves them, the files written, and nothing restarted: the usual afternoon."""
    lab = labs.up(NAME, hosts=2, containers=0, variant="practice")
    forget = "systemctl stop docker; ip link delete docker0; rm -r /var/lib/docker/network; systemctl restart docker"
    for host, bip in (("vm1", "172.17.0.1/24"), ("vm2", "172.17.1.1/24")):
        script = f"""
        echo '{{"iptables": false}}' >/etc/docker/daemon.json; {forget}
        docker run -d --name c1 --stop-timeout 1 busybox sleep 1000
        echo '{{"iptables": false, "bip": "{bip}"}}' >/etc/docker/daemon.json
        """
        lab.exec(host, ["sh", "-ec", script], check=True, capture_output=True)
    found = hostgw("--lab", NAME, "check", code=1).stdout
    assert "docker0 of vm2 has 172.17.0.1/16; 172.17.1.1/24 is expected" in found
    assert found.count("systemctl restart docker") == 2
    done = hostgw("--lab", NAME, "fix", "--yes", code=0).stdout
    assert "Docker's containers on vm1, vm2 stop" in done
    assert "verified: the kernel says so" in done
    for host, address in (("vm1", "172.17.0.1/24"), ("vm2", "172.17.1.1/24")):
        shown = lab.exec(host, ["ip", "-br", "-4", "address", "show", "docker0"], capture_output=True, text=True)
        assert address in shown.stdout
