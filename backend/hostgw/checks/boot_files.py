"""What a reboot or a reload of files brings: routes, forwarding, modules (P1, P4, P10)."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, maybe_prefix, prefix

KEEPERS = {
    "flanneld": "flanneld",
    "kube-router": "kube-router",
    "bird": "BIRD",
    "bird6": "BIRD",
    "calico-node": "Calico",
    "calico-felix": "Calico",
    "cilium-agent": "Cilium",
    "kindnetd": "kindnet",
    "antrea-agent": "Antrea",
    "k3s": "k3s",
    "k3s-server": "k3s",
    "k3s-agent": "k3s",
    "zebra": "FRR",
    "bgpd": "FRR",
}
"""Programs that put the routes of a cluster back by themselves."""
MADE_BY_HAND = frozenset({"boot", "static"})
LOADERS = frozenset({"dockerd", "k3s", "k3s-server", "k3s-agent", "rke2"})
"""Programs that load br_netfilter themselves."""
FORWARDING = frozenset({"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"})
LAST_READ = "/etc/sysctl.conf"


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield what will be otherwise after a reboot or a reload."""
    member = mesh.members.get(host.name)
    if mesh.expected_of(host.name) or (member and member.subnets):
        yield from _routes(host, mesh)
        yield from _forwarding(host)
        yield from _module(host)


def keeper(host: Host) -> str:
    """Return the program that keeps a host's routes to the cluster; empty when it is nobody."""
    return next((KEEPERS[name] for name in sorted(host.root.programs) if name in KEEPERS), "")


def written(host: Host, directory: str = "") -> frozenset[Prefix]:
    """Return the prefixes that configuration files (below a directory) route."""
    return frozenset(found for path, found, _ in routed(host) if directory in path)


def routed(host: Host) -> Iterator[tuple[str, Prefix, str]]:
    """Yield the routes that configuration files set: file, prefix, gateway."""
    for path, values in host.root.settings.items():
        for key, gateway in values.items():
            found = maybe_prefix(key[len("route.") :]) if key.startswith("route.") else None
            if found:
                yield path, found, gateway


def unwritten(host: Host, mesh: Mesh, directory: str = "") -> tuple[Prefix, ...]:
    """Return the expected subnets whose route is there, was made by hand, and is in no file (of a directory)."""
    wanted = {expected.subnet.prefix for expected in mesh.expected_of(host.name)}
    made = {prefix(r.dst) for r in host.root.routes if r.gateway and r.protocol in MADE_BY_HAND}
    files = written(host, directory)
    return tuple(sorted(p for p in wanted & made if not any(p == f or (f.length and f.covers(p)) for f in files)))


def _routes(host: Host, mesh: Mesh) -> Iterator[Finding]:
    lost = () if keeper(host) else unwritten(host, mesh)
    if lost:
        count = "1 route" if len(lost) == 1 else f"{len(lost)} routes"
        summary = f"{count} of {host.name} to other hosts' containers ({lost[0]}, ...) are in no file that we know of"
        evidence = ("looked at: networkd, NetworkManager, netplan, ifupdown, network-scripts, units, rc.local",)
        subject = str(mesh.network or lost[0])
        yield finding("routes-not-persistent", host.name, subject, summary, "a reboot may lose them", evidence)


def _forwarding(host: Host) -> Iterator[Finding]:
    if host.root.sysctls.get("net/ipv4/ip_forward") != "1":
        return
    applied = [(path, key, value) for path, key, value in sysctl_files(host) if key in FORWARDING]
    if applied and applied[-1][2] == "0":
        path, key, _ = applied[-1]
        summary = f"{path} of {host.name} says {key} = 0, while the host forwards now"
        effect = f"with the next reload of the files, {host.name} forwards nothing from and to its containers"
        evidence = (f"{path}: {key} = 0", "net.ipv4.ip_forward = 1")
        yield finding("sysctl-file-forwarding-off", host.name, path, summary, effect, evidence)


def sysctl_files(host: Host) -> Iterator[tuple[str, str, str]]:
    """Yield (file, key, value) in the order in which they are applied: by file name, /etc/sysctl.conf last."""
    paths = [path for path in host.root.settings if "/sysctl.d/" in path or path == LAST_READ]
    for path in sorted(paths, key=lambda p: (p == LAST_READ, p.rpartition("/")[2])):
        yield from ((path, key, value) for key, value in host.root.settings[path].items())


def _module(host: Host) -> Iterator[Finding]:
    """Yield br_netfilter where kube-proxy's rules need it and nothing loads it at boot."""
    if lacks_module(host):
        summary = f"br_netfilter is loaded on {host.name}, but nothing loads it at boot"
        effect = "after a reboot, containers of one host may not reach each other by a service address"
        evidence = ("/sys/module/br_netfilter: live", "modules-load.d, /etc/modules: no br_netfilter")
        yield finding("module-not-at-boot", host.name, "br_netfilter", summary, effect, evidence)


def lacks_module(host: Host, but: str = "\n") -> bool:
    """Tell whether br_netfilter is needed, loaded, and in no file (of a name without `but`) that loads it at boot."""
    settings, programs = host.root.settings, host.root.programs
    needed = "kube-proxy" in programs and not programs & LOADERS
    loaded = settings.get("/sys/module/br_netfilter/initstate", {}).get("value") == "live"
    files = (values for path, values in settings.items() if "modules" in path and but not in path)
    return needed and loaded and not any("br_netfilter" in values for values in files)
