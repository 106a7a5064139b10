"""A host as we reach it: its state, its facts, its namespaces."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a host is in the mesh."""

    OWNER = "owner"
    EXTERNAL = "external"


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """A network namespace on a host. `id` is the agent's handle: 0 is the host's own, others are containers."""

    id: int
    name: str
    inode: int = 0
    """Inode of the namespace on the host's nsfs: its identity."""
    nsid: int = -1
    """The netns id by which the host's namespace knows it; -1 when it has none."""
    source: str = "host"
    """Where the name comes from: host, docker, cri, podman, netns, process."""
    pid: int = 0
    """A process in it, 0 when the namespace is only bound to a file."""
    path: str = ""
    """A path that `nsenter --net=` takes on the host."""


class Facts(msgspec.Struct, frozen=True):
    """What the agent says of its machine when it starts."""

    hostname: str
    kernel: str
    python: str
    """Version of the Python that the agent runs in; empty where there is none, and tools are asked instead."""
    uid: int
    agent_pid: int
    ssh_connection: tuple[str, ...] = ()
    """client address, client port, server address, server port; empty for `local` or when the shell gave none."""
    machine: str = ""
    """Which machine since which boot: boot id, inode of its network namespace, machine-id. Changes last no longer."""
    machine_id: str = ""
    """Which machine, whatever boot: made of /etc/machine-id; empty where there is none."""
    missing: tuple[str, ...] = ()
    """What cannot be read or done here and why, one line each (no root, no iptables, ...)."""

    @property
    def unchangeable(self) -> str:
        """Why nothing can be changed or sent there; empty when it can."""
        if not self.python:
            return "no Python there: it is only read"
        return "not root there" if self.uid != 0 else ""
