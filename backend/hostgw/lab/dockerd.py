"""A real Docker daemon on each host of a lab: started, restarted as systemd would, gone with the lab.

The daemon's data, sockets and settings are in the host's own /var/lib, /run and /etc.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hostgw.errors import LabError
from hostgw.lab.lab import environment, prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostgw.lab.lab import Lab

_LIMIT: Final = 60.0
_STEP: Final = 0.05
_CGROUPS: Final = Path("/sys/fs/cgroup")
_COVER: Final = "mkdir -p /run/opt/upper /run/opt/work; mount -t overlay -o {} opt /opt".format(
    "lowerdir=/opt,upperdir=/run/opt/upper,workdir=/run/opt/work"
)
"""containerd makes a directory in /opt, which is the real machine's."""
_START: Final = "/run/start-dockerd"
_STARTER: Final = """\
#!/bin/sh
export PATH="{path}"
: >/var/log/dockerd.log
setsid dockerd --storage-driver vfs --cgroup-parent /{parent} >>/var/log/dockerd.log 2>&1 </dev/null &
until grep -q 'API listen on' /var/log/dockerd.log; do
    kill -0 $! 2>/dev/null || exit 1
    sleep 0.1
done
"""
"""vfs works on any file system. No host looks into another's cgroups: all of a lab's are below one of its own."""
_SYSTEMCTL: Final = """\
#!/bin/sh
# No systemd runs here: this knows how to stop and restart docker, and no more.
case "$*" in
"stop docker" | "restart docker") ;;
*) echo "no systemd runs on this host of a lab" >&2; exit 1 ;;
esac
if [ -e /run/docker.pid ]; then kill "$(cat /run/docker.pid)"; fi
while [ -e /run/docker.pid ]; do sleep 0.1; done
[ "$1" = stop ] || /run/start-dockerd || { tail -n 1 /var/log/dockerd.log >&2; exit 1; }
"""
_STAND_IN: Final = "mkdir -p /run/systemd/system; mount --bind /run/systemctl {systemctl}"
_IMAGE: Final = """\
mkdir -p /tmp/image/bin
for applet in sh ping wget httpd sleep ip cat; do ln -s busybox /tmp/image/bin/$applet; done
cp {busybox} /tmp/image/bin/busybox
tar -C /tmp/image -cf - . | docker import -c 'CMD ["sh"]' - busybox >/dev/null
rm -r /tmp/image
"""
"""A container image from this machine's own busybox; nothing is downloaded."""


def settings(subnet: str) -> str:
    """What daemon.json says on the owner of a subnet: its address on docker0, and hands off the rules."""
    return json.dumps({"bip": subnet.replace(".0/24", ".1/24"), "iptables": False}, indent=2) + "\n"


def start(lab: Lab) -> None:
    """Start dockerd on every owner and wait until each answers; raises LabError."""
    for owner in lab.shape.owners:
        _run(lab, owner.name, "\n".join(_script(lab)), "dockerd was not started")
    deadline = time.monotonic() + _LIMIT
    for owner in lab.shape.owners:
        _wait(lab, owner.name, deadline)
    if (busybox := shutil.which("busybox")) and lab.shape.kind.bare:
        for owner in lab.shape.owners:
            _run(lab, owner.name, _IMAGE.format(busybox=busybox), "docker took no image")


def forget(name: str) -> None:
    """Remove the cgroups of the containers of a lab that is gone; dockerd cannot any more."""
    for parent in (*_CGROUPS.glob(f"*/{prefix(name)}docker"), *_CGROUPS.glob(f"{prefix(name)}docker")):
        for each in sorted((parent, *(p for p in parent.rglob("*") if p.is_dir())), reverse=True):
            with suppress(OSError):  # a process in it takes a moment to be gone; it will be empty then
                each.rmdir()


def _script(lab: Lab) -> Iterator[str]:
    """Yield what prepares a host for its daemon, and starts it."""
    yield from _cgroup_mounts()
    yield _COVER
    starter = _STARTER.format(path=_environment()["PATH"], parent=f"{prefix(lab.name)}docker")
    for path, text in ((_START, starter), ("/run/systemctl", _SYSTEMCTL)):
        yield f"cat >{path} <<'END'\n{text}END\nchmod 755 {path}"
    if systemctl := shutil.which("systemctl"):
        yield _STAND_IN.format(systemctl=systemctl)
    yield f"setsid {_START} >/dev/null 2>&1 </dev/null &"


def _environment() -> dict[str, str]:
    folder = Path(shutil.which("dockerd") or "dockerd").parent
    env = environment()
    return {**env, "PATH": f"{folder}:{env['PATH']}"}


def _run(lab: Lab, host: str, script: str, failed: str) -> None:
    argv = ["sh", "-ec", script]
    done = lab.exec(host, argv, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{failed} on {host}", done.stderr.strip())


def _wait(lab: Lab, host: str, deadline: float) -> None:
    ready = ["grep", "-q", "API listen on", "/var/log/dockerd.log"]
    while lab.exec(host, ready, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise LabError(f"dockerd of {host} does not answer", "its words are in /var/log/dockerd.log of the host")
        time.sleep(_STEP)


def _cgroup_mounts() -> Iterator[str]:
    """Yield commands that mount the machine's cgroup hierarchies on a host, which has an empty /sys of its own."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        point, (kind, _, options) = Path(before.split()[4]), after.split()
        if kind == "cgroup2" and point == _CGROUPS:
            yield f"mount -t cgroup2 cgroup2 {_CGROUPS}"
        elif kind == "tmpfs" and point == _CGROUPS:
            yield f"mount -t tmpfs cgroup {_CGROUPS}"
        elif kind == "cgroup" and point.parent == _CGROUPS:
            chosen = ",".join(word for word in options.split(",") if word not in ("rw", "ro"))
            yield f"mkdir {point}; mount -t cgroup -o {chosen} cgroup {point} || rmdir {point}"
