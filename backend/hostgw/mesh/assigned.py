"""What was assigned to a host by files: flannel's lease, Docker's ``bip``; and the network that flannel was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hostgw.fabric import Host
from hostgw.mesh.bridges import container_bridges
from hostgw.mesh.memory import per_snapshot
from hostgw.model.ip import Prefix, interface_prefix, maybe_prefix

SUBNET_ENV = "/run/flannel/subnet.env"
DAEMON_JSON = "/etc/docker/daemon.json"
CNI_DIRECTORY = "/etc/cni/net.d/"
LEASE_REASON, BIP_REASON = "flannel's subnet.env", "bip in daemon.json"


class Assignment(NamedTuple):
    """A subnet that a file gives to a host, with the address meant for the bridge."""

    prefix: Prefix
    gateway: int
    bridge: str
    """The bridge that it is meant for; empty where that is not made yet."""
    reason: str


@per_snapshot
def assignments(host: Host) -> tuple[Assignment, ...]:
    """Return what files assign to a host, the cluster's own first."""
    return tuple(_found(host))


def _found(host: Host) -> Iterator[Assignment]:
    settings = host.root.settings
    if not settings:
        return
    if lease := _interface(settings.get(SUBNET_ENV, {}).get("FLANNEL_SUBNET", "")):
        yield Assignment(lease[1], lease[0], _flannel_bridge(host), LEASE_REASON)
    docker = settings.get(DAEMON_JSON, {})
    if (bip := _interface(docker.get("bip", ""))) and "docker0" in host.root.links_by_name:
        yield Assignment(bip[1], bip[0], "docker0", BIP_REASON)


def _interface(text: str) -> tuple[int, Prefix] | None:
    try:
        return interface_prefix(text) if "/" in text else None
    except ValueError:
        return None


def _flannel_bridge(host: Host) -> str:
    """Return the bridge that serves flannel's lease: the one that the CNI plugin makes, or Docker's."""
    named = {link.name for link in container_bridges(host)}
    cni = _cni_bridge(host)
    if cni:
        return cni if cni in named else ""
    if "cni0" in named:
        return "cni0"
    if "docker0" in named:
        return "docker0"
    return next(iter(named)) if len(named) == 1 else ""


def _cni_bridge(host: Host) -> str:
    """Return the bridge of the first flannel plugin in the CNI directory; empty without one."""
    for path, values in host.root.settings.items():
        if path.startswith(CNI_DIRECTORY):
            for key, value in values.items():
                if value == "flannel" and key.rpartition(".")[2] == "type":
                    return values.get(f"{key[:-4]}delegate.bridge", "cni0")
    return ""


def flannel_networks(hosts: Iterable[Host]) -> list[Prefix]:
    """Return the networks that flannel was given, that of most hosts first."""
    named = Counter(p for host in hosts if (p := _flannel_network(host)))
    return [network for network, _ in named.most_common()]


@per_snapshot
def _flannel_network(host: Host) -> Prefix | None:
    text = host.root.settings.get(SUBNET_ENV, {}).get("FLANNEL_NETWORK", "")
    found = maybe_prefix(text.partition(",")[0].strip()) if text else None
    return found if found and found.length else None
