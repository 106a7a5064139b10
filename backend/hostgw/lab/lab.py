"""A lab that stands: its hosts, where its namespaces are, and running commands in them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hostgw.errors import LabError
from hostgw.lab import namespaces, store
from hostgw.lab.nodes import Topology
from hostgw.lab.topology import PLAIN_NODES, topology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hostgw.lab.addresses import Host, Shape

_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab as its state files describe it."""

    name: str
    shape: Shape
    inits: Mapping[str, store.Init]
    """First process of each host."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Its hosts: vm1.. and perhaps ext1, with address, subnet and containers."""
        return self.shape.all_hosts

    @property
    def topology(self) -> Topology:
        """Its network as it was built."""
        return topology(self.shape)

    @property
    def directory(self) -> Path:
        """Where its keys, ssh settings and baseline are."""
        return store.directory(self.name)

    def host(self, name: str) -> Host:
        """The host of that name; raises LabError naming those that exist."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"lab {self.name} has no host {name}", remedy=f"one of: {', '.join(self._everything())}")

    def init(self, host: str) -> store.Init:
        """The living first process of a host; raises LabError when the host is dead or unknown."""
        self.host(host)
        init = self.inits.get(host)
        if init is None or not init.alive:
            raise LabError(
                f"{host} of lab {self.name} does not run",
                "its first process ended",
                f"run: hostgw-tui lab down {self.name}, then lab up",
            )
        return init

    def netns(self, host: str, container: str | None = None) -> str:
        """Path of a network namespace: a host's, a container's, or of one of the plain nodes."""
        if container is not None:
            self.host(host).container_address(container)
            return f"/proc/{self.init(host).pid}/root/run/netns/{container}"
        if host not in PLAIN_NODES:
            self.init(host)
        return str(namespaces.NAMED / f"{prefix(self.name)}{host}")

    def node_netns(self, node: str) -> str:
        """Path of the network namespace of a node of the topology (`vm1/c1`)."""
        host, _, container = node.partition("/")
        return self.netns(host, container or None)

    def exec(
        self, host: str, argv: Sequence[str], container: str | None = None, **options: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Run a command on a host, in one of its containers, or in gateway, outside, operator or switch.

        `options` go to `subprocess.run`. Raises LabError when there is no such place or the host is dead.
        """
        options.setdefault("env", environment())
        return subprocess.run([*self.entry(host, container), *argv], **options)

    def entry(self, host: str, container: str | None = None) -> list[str]:
        """The argv in front of a command that runs it there."""
        network = f"--net={self.netns(host, container)}"
        if host in PLAIN_NODES:
            return ["nsenter", network, "--"]
        return ["nsenter", f"--target={self.init(host).pid}", "--mount", "--uts", "--pid", network, "--"]

    def _everything(self) -> list[str]:
        return [host.name for host in self.hosts] + list(PLAIN_NODES)


def prefix(name: str) -> str:
    """What the names of a lab's namespaces begin with."""
    return f"hgw-{name}-"


def environment() -> dict[str, str]:
    """Environment of a command on a host: nothing of the caller's but the terminal."""
    found = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    if term := os.environ.get("TERM"):
        found["TERM"] = term
    return found


def load(name: str = "demo") -> Lab:
    """The lab of that name; raises LabError when there is none or it was never finished."""
    saved = store.saved(name)
    if not saved.complete:
        raise LabError(
            f"lab {name} is half-made", "its builder still works or was killed", f"run: hostgw-tui lab down {name}"
        )
    return Lab(name, saved.shape, store.inits(name))
