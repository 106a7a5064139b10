"""Rules in plain words: those of host-gw by what they do, chains of known programs by name, the rest read out."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.mesh import Mesh
from hostgw.model.ip import Prefix, prefix
from hostgw.model.iptables import FilterRule, Option

KEEPS = frozenset({"RETURN", "ACCEPT"})
MULTICAST = prefix("224.0.0.0/4")

CHAINS = (
    ("DOCKER-USER", "your own rules, before Docker's"),
    ("DOCKER-ISOLATION", "Docker: keeps its bridge networks apart"),
    ("DOCKER-FORWARD", "Docker: what its networks forward"),
    ("DOCKER-BRIDGE", "Docker: per bridge"),
    ("DOCKER-CT", "Docker: lets answers pass"),
    ("DOCKER-INTERNAL", "Docker: internal networks"),
    ("DOCKER", "Docker: published ports"),
    ("FLANNEL-POSTRTG", "flannel: SNAT of what leaves the network"),
    ("FLANNEL-FWD", "flannel: lets the network be forwarded"),
    ("KUBE-SERVICES", "kube-proxy: service addresses"),
    ("KUBE-POSTROUTING", "kube-proxy: SNAT of marked packets"),
    ("KUBE-FORWARD", "kube-proxy: lets service traffic pass"),
    ("KUBE-NODEPORTS", "kube-proxy: node ports"),
    ("KUBE-FIREWALL", "kubelet: drops marked packets"),
    ("KUBE-MARK-MASQ", "kube-proxy: marks for SNAT"),
    ("KUBE-SVC-", "kube-proxy: one service"),
    ("KUBE-SEP-", "kube-proxy: one endpoint"),
    ("KUBE-", "kube-proxy or kubelet"),
    ("CNI-HOSTPORT", "CNI portmap: host ports"),
    ("CNI-", "a CNI plugin"),
    ("cali-", "Calico"),
    ("CILIUM", "Cilium"),
    ("ufw", "ufw"),
    ("NETAVARK", "Podman"),
    ("LIBVIRT", "libvirt"),
    ("f2b-", "fail2ban"),
)
TARGETS = {
    "ACCEPT": "let pass",
    "DROP": "drop",
    "REJECT": "refuse",
    "RETURN": "leave this chain",
    "MASQUERADE": "SNAT to this host's address",
    "LOG": "log",
    "": "count only",
}
OPTIONS = {
    "-p": "{}",
    "-i": "in by {}",
    "-o": "out by {}",
    "--dport": "to port {}",
    "--sport": "from port {}",
    "--dports": "to ports {}",
    "--sports": "from ports {}",
    "--ctstate": "state {}",
    "--state": "state {}",
    "--mark": "mark {}",
    "--dst-type": "to a {} address",
    "--src-type": "from a {} address",
    "--match-set": "set {}",
}


def meaning(rule: FilterRule, mesh: Mesh, host: str) -> str:
    """Return what a rule means, in words."""
    return host_gw(rule, mesh, host) or chain_of(rule) or read_out(rule)


def host_gw(rule: FilterRule, mesh: Mesh, host: str) -> str:
    """Return which of the four rules of host-gw this is; empty for any other."""
    network = mesh.network
    source, destination = rule.option("-s"), rule.option("-d")
    if network is None or source is None or not _is_prefix(source, network):
        return ""
    if len(rule.matches) > (2 if destination else 1) + bool(rule.comment) + bool(rule.option("--random-fully")):
        return ""
    if not source.inverted:
        return _from_containers(rule, destination, network)
    return _from_outside(rule, destination, network, _own(mesh, host))


def _from_containers(rule: FilterRule, destination: Option | None, network: Prefix) -> str:
    inside = destination is not None and not destination.inverted and _is_prefix(destination, network)
    if inside and rule.target in KEEPS:
        return "container to container: source is kept"
    if rule.target == "MASQUERADE" and (destination is None or _is_outside(destination, network)):
        return "container to outside: SNAT to this host"
    return ""


def _is_outside(destination: Option, network: Prefix) -> bool:
    return destination.inverted and (_is_prefix(destination, MULTICAST) or _is_prefix(destination, network))


def _from_outside(rule: FilterRule, destination: Option | None, network: Prefix, own: list[Prefix]) -> str:
    if destination is None or destination.inverted:
        return ""
    if rule.target in KEEPS and any(_is_prefix(destination, subnet) for subnet in own):
        return "outside to own containers: source is kept"
    if rule.target == "MASQUERADE" and _is_prefix(destination, network):
        return "outside to other hosts' containers, through this host: SNAT"
    return ""


def _own(mesh: Mesh, host: str) -> list[Prefix]:
    member = mesh.members.get(host)
    return [subnet.prefix for subnet in member.subnets] if member else []


def _is_prefix(option: Option, wanted: Prefix) -> bool:
    try:
        return len(option.values) == 1 and prefix(option.values[0]) == wanted
    except ValueError:
        return False


def chain_of(rule: FilterRule) -> str:
    """Return what a jump to a chain of a known program means; empty for any other rule."""
    for start, words in CHAINS:
        if rule.target.startswith(start):
            return f"{words} ({rule.target})"
    return ""


def read_out(rule: FilterRule) -> str:
    """Return a rule as a sentence: target first, then what it matches."""
    what = TARGETS.get(rule.target) or _target(rule)
    return ", ".join([what, *_matches(rule)])


def _target(rule: FilterRule) -> str:
    if rule.target == "SNAT" and (to := rule.option("--to-source")):
        return f"SNAT to {' '.join(to.values)}"
    if rule.target == "DNAT" and (to := rule.option("--to-destination")):
        return f"DNAT to {' '.join(to.values)}"
    return f"go to {rule.target}"


def _matches(rule: FilterRule) -> Iterator[str]:
    for option in rule.matches:
        no = "not " if option.inverted else ""
        value = " ".join(option.values)
        if option.name == "-s":
            yield f"{no}from {value}"
        elif option.name == "-d":
            yield f"{no}to {value}"
        elif option.name == "--comment":
            yield f"'{value}'"
        elif option.name in OPTIONS:
            yield no + OPTIONS[option.name].format(value)
        else:
            yield f"{no}{option.name.lstrip('-')} {value}".strip()
