"""A real Docker daemon on each host of a lab, over the bridge that the lab made."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hostgw.errors import LabError
from hostgw.lab.lab import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostgw.lab.lab import Lab

_LIMIT: Final = 60.0
_STEP: Final = 0.05
_COVER: Final = "mkdir -p /run/opt/upper /run/opt/work; mount -t overlay -o {} opt /opt".format(
    "lowerdir=/opt,upperdir=/run/opt/upper,workdir=/run/opt/work"
)
"""containerd makes a directory in /opt, which is the real machine's."""
_START: Final = "setsid dockerd --storage-driver vfs >/var/log/dockerd.log 2>&1 </dev/null &"
"""vfs works on any file system; the daemon's files are in the host's own /var/lib and /run."""


def settings(subnet: str) -> str:
    """What daemon.json says on the owner of a subnet: its address on docker0, and hands off the rules."""
    return json.dumps({"bip": subnet.replace(".0/24", ".1/24"), "iptables": False}) + "\n"


def start(lab: Lab) -> None:
    """Start dockerd on every owner and wait until each answers; raises LabError."""
    folder = Path(shutil.which("dockerd") or "dockerd").parent
    env = environment()
    env["PATH"] = f"{folder}:{env['PATH']}"
    script = "\n".join([*_cgroup_mounts(), _COVER, _START])
    for owner in lab.shape.owners:
        done = lab.exec(owner.name, ["sh", "-ec", script], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"dockerd was not started on {owner.name}", done.stderr.strip())
    deadline = time.monotonic() + _LIMIT
    for owner in lab.shape.owners:
        _wait(lab, owner.name, deadline)


def _wait(lab: Lab, host: str, deadline: float) -> None:
    ready = ["grep", "-q", "API listen on", "/var/log/dockerd.log"]
    while lab.exec(host, ready, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise LabError(f"dockerd of {host} does not answer", "its words are in /var/log/dockerd.log of the host")
        time.sleep(_STEP)


def _cgroup_mounts() -> Iterator[str]:
    """Yield commands that mount the machine's cgroup hierarchies on a host, which has an empty /sys of its own."""
    top = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        point, (kind, _, options) = Path(before.split()[4]), after.split()
        if kind == "cgroup2" and point == top:
            yield f"mount -t cgroup2 cgroup2 {top}"
        elif kind == "tmpfs" and point == top:
            yield f"mount -t tmpfs cgroup {top}"
        elif kind == "cgroup" and point.parent == top:
            chosen = ",".join(word for word in options.split(",") if word not in ("rw", "ro"))
            yield f"mkdir {point}; mount -t cgroup -o {chosen} cgroup {point} || rmdir {point}"
