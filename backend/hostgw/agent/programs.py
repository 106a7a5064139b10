"""The programs on this host that may own routes, bridges or rules, by the names of their processes.

Only processes in the host's own network namespace count: dockerd inside a container rules the container's network.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

from hostgw.agent.visit import OWN

NAMES = frozenset(
    {
        *("dockerd", "containerd", "podman", "crio", "flanneld", "kubelet", "kube-proxy", "kube-router", "calico-node"),
        *("calico-felix", "bird", "bird6", "cilium-agent", "k3s", "k3s-server", "k3s-agent", "rke2", "kubelite"),
        *("kindnetd", "weaver", "antrea-agent", "zebra", "bgpd", "keepalived", "NetworkManager", "firewalld"),
        *("systemd-networkd", "dhclient", "dhcpcd", "libvirtd", "virtnetworkd"),
    }
)
_LENGTH = 15
"""How much of a name the kernel keeps."""
_SHORT = {name[:_LENGTH].encode(): name for name in NAMES}
MAX_PROCESSES = 20000

Row = Dict[str, Any]


def read() -> List[Row]:
    """Return the programs that run, each once, with its first process."""
    found: Dict[str, int] = {}
    for entry in sorted(os.listdir("/proc"), key=len)[:MAX_PROCESSES]:
        if entry.isdigit():
            name = _SHORT.get(_command(entry))
            if name and name not in found and _ours(entry):
                found[name] = int(entry)
    return [{"name": name, "pid": pid} for name, pid in sorted(found.items())]


def _command(pid: str) -> bytes:
    try:
        fd = os.open("/proc/%s/comm" % pid, os.O_RDONLY | os.O_CLOEXEC)  # for every process: no file object
    except OSError:
        return b""
    try:
        return os.read(fd, 64).rstrip(b"\n")
    except OSError:
        return b""
    finally:
        os.close(fd)


def _ours(pid: str) -> bool:
    """Tell whether a process acts on the host's own network; unknown counts as yes."""
    try:
        return os.stat("/proc/%s/ns/net" % pid).st_ino == os.stat(OWN).st_ino
    except OSError:
        return True
