"""What the agent says of its machine when it starts."""

from __future__ import annotations

import hashlib
import os
import platform
from typing import Any, Dict, List

from hostgw.agent import filters
from hostgw.agent.namespaces import inode
from hostgw.agent.visit import OWN


def facts(ssh_connection: str) -> Dict[str, Any]:
    """Return who we are, and what we cannot do here."""
    connection = ssh_connection.split()
    return {
        "hostname": os.uname().nodename,
        "kernel": os.uname().release,
        "python": platform.python_version(),
        "uid": os.geteuid(),
        "agent_pid": os.getpid(),
        "ssh_connection": connection if len(connection) == 4 else [],
        "machine": machine(),
        "machine_id": machine_id(),
        "missing": missing(),
    }


def machine() -> str:
    """Return which machine this is since which boot.

    Hosts in namespaces of one machine differ by the inode, and by their machine-id, for inodes are used again.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read(64).strip()
    except OSError:
        boot = ""
    return f"{boot}/{inode(OWN)}/{machine_id()[:12]}"


def machine_id() -> str:
    """Return which machine this is for good; the file itself is not for others (machine-id(5))."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            text = file.read(64).strip()
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(f"hostgw-tui {text}".encode()).hexdigest()[:32] if text else ""


def missing() -> List[str]:
    """Return what cannot be read or done here, one line each."""
    lacks = []
    if os.geteuid() != 0:
        lacks.append("not root: rules, containers and captures cannot be read, nothing can be changed")
    if not (filters.tool("iptables-nft-save") or filters.tool("iptables-save")):
        lacks.append("no iptables-save: iptables rules cannot be read")
    if not filters.tool("nft"):
        lacks.append("no nft: nftables rules cannot be read")
    return lacks
