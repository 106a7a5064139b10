"""Setting up hosts with a real dockerd: daemon.json, a restart that has to be allowed, and all of it back again.

No systemd runs on the hosts of a lab: what is systemctl there restarts their dockerd.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="needs dockerd"),
]
NAME = f"k{os.getpid()}"
JSON = "/etc/docker/daemon.json"
MOVED = ("--subnet", "vm1=10.239.7.0/24")


@pytest.fixture
def lab() -> Iterator[Lab]:
    try:
        yield labs.up(NAME, hosts=2, containers=1, variant="docker")
    finally:
        labs.down(NAME)


def shell(lab: Lab, host: str, script: str, text: str = "") -> str:
    done = lab.exec(host, ["sh", "-ec", script], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def bridge(lab: Lab) -> list[str]:
    (link,) = json.loads(shell(lab, "vm1", "ip -j -4 address show dev docker0"))
    return [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]]


def daemon(lab: Lab) -> str:
    return shell(lab, "vm1", f"cat /proc/$(cat /run/docker.pid)/stat | cut -d' ' -f22; ls -la {JSON}")


def test_the_file_is_written_and_docker_restarted_only_when_told(lab: Lab, hostgw: Run) -> None:
    where = ("--lab", lab.name, "--network", "10.239.0.0/16", "setup", *MOVED)
    held = shell(lab, "vm1", f"cat {JSON}")
    process = daemon(lab).split()[0]
    first = hostgw(*where, "--yes", code=0)
    assert "note: vm1: docker has to be restarted before docker0 is the gateway of 10.239.7.0/24" in first.stdout
    assert json.loads(shell(lab, "vm1", f"cat {JSON}")) == {"bip": "10.239.7.1/24", "iptables": False}
    assert (bridge(lab), daemon(lab).split()[0]) == (["10.239.0.1/24"], process)
    second = hostgw(*where, "--restart-docker", "--yes", code=0)
    assert "[vm1] RESTART docker: its containers stop" in second.stdout
    assert bridge(lab) == ["10.239.7.1/24"]
    assert daemon(lab).split()[0] != process
    third = hostgw(*where, "--restart-docker", "--yes", code=0)
    assert "nothing is missing" in third.stdout
    hostgw("--lab", lab.name, "undo", "--yes", code=0)  # the restart
    hostgw("--lab", lab.name, "undo", "--yes", code=0)  # the file
    assert shell(lab, "vm1", f"cat {JSON}") == held


def test_all_at_once_and_back(lab: Lab, hostgw: Run) -> None:
    """The undo restarts Docker once more, after its file was put back."""
    where = ("--lab", lab.name, "--network", "10.239.0.0/16")
    held = shell(lab, "vm1", f"cat {JSON}")
    hostgw(*where, "setup", *MOVED, "--restart-docker", "--yes", code=0)
    assert bridge(lab) == ["10.239.7.1/24"]
    hostgw(*where, "undo", "--yes", code=0)
    assert bridge(lab) == ["10.239.0.1/24"]
    assert shell(lab, "vm1", f"cat {JSON}") == held


def test_docker_that_does_not_come_up_gets_its_file_back(lab: Lab, hostgw: Run) -> None:
    where = ("--lab", lab.name, "--network", "10.239.0.0/16")
    held = shell(lab, "vm1", f"cat {JSON}")
    shell(lab, "vm1", "cat > /run/systemctl", "#!/bin/sh\necho 'Job for docker.service failed' >&2\nexit 1\n")
    failed = hostgw(*where, "setup", *MOVED, "--restart-docker", "--yes", code=1)
    assert "docker was not restarted: Job for docker.service failed" in failed.stdout
    assert shell(lab, "vm1", f"cat {JSON}") == held
    shell(lab, "vm1", f"echo '{{' > {JSON}")
    refused = hostgw(*where, "setup", *MOVED, "--restart-docker", "--yes", code=2)
    assert "vm1: /etc/docker/daemon.json is no valid JSON" in refused.stderr
