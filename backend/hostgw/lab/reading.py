"""An independent reading of a lab's state, by `ip -j`, iptables-save, nft and /proc/sys, for comparison."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hostgw.errors import LabError
from hostgw.lab import leavings
from hostgw.lab.namespaces import inside

if TYPE_CHECKING:
    from hostgw.lab.lab import Lab

State = dict[str, Any]
"""What a node has: links, addresses, routes, rules, nexthops, pinned, nft, iptables, legacy, sysctls, files."""
_BATCH: Final = "link show\naddr show\nroute show table all\nrule show\nnexthop show\nneigh show nud permanent\n"
_BRIDGE: Final = ("ageing_time", "stp_state", "vlan_filtering", "nf_call_iptables")
_PORT: Final = ("hairpin", "isolated", "learning", "flood", "guard", "vlan_tunnel", "neigh_suppress")
_VOLATILE_FLAGS: Final = {"LOWER_UP", "NO-CARRIER", "RUNNING", "linkdown", "dead", "M-DOWN", "DORMANT"}
_SYSCTLS: Final = (
    "ipv4/ip_forward",
    "ipv4/ip_default_ttl",
    "ipv4/ip_nonlocal_bind",
    "ipv4/icmp_echo_ignore_all",
    "ipv4/fib_multipath_hash_policy",
    "ipv6/conf/all/disable_ipv6",
    "ipv6/conf/default/disable_ipv6",
    "bridge/bridge-nf-call-iptables",
)
_PER_DEVICE: Final = (
    "accept_local",
    "accept_redirects",
    "accept_source_route",
    "arp_accept",
    "arp_announce",
    "arp_filter",
    "arp_ignore",
    "disable_policy",
    "disable_xfrm",
    "forwarding",
    "ignore_routes_with_linkdown",
    "log_martians",
    "proxy_arp",
    "proxy_arp_pvlan",
    "route_localnet",
    "rp_filter",
    "secure_redirects",
    "send_redirects",
    "shared_media",
    "src_valid_mark",
)
_WORKERS: Final = 4


def state(lab: Lab) -> dict[str, State]:
    """State of every namespace by node name (`vm1`, `vm1/c1`, `gateway`); raises LabError."""
    return read_nodes(lab, [node.name for node in lab.topology.nodes])


def read_nodes(lab: Lab, nodes: list[str]) -> dict[str, State]:
    """State of some namespaces by node name; raises LabError."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = pool.map(lambda node: _read(lab.node_netns(node), node), nodes)
        states = dict(zip(nodes, found, strict=True))
    for host in lab.hosts:
        if host.name in states:
            states[host.name]["files"] = leavings.found(lab, host)
    return states


def differences(wanted: dict[str, State], found: dict[str, State]) -> list[str]:
    """Which parts of which namespaces differ, as `vm1 routes`."""
    return [
        f"{node} {part}"
        for node, parts in wanted.items()
        for part, value in parts.items()
        if found.get(node, {}).get(part) != value
    ]


def _read(path: str, node: str) -> State:
    try:
        with inside(path):
            links, addresses, routes, rules, nexthops, pinned = _ip()
            return {
                "links": _links(links),
                "addresses": _addresses(addresses),
                "routes": _routes(routes),
                "rules": rules,
                "nexthops": nexthops,
                "pinned": sorted((each["dev"], each["dst"], each.get("lladdr", "")) for each in pinned),
                "sysctls": _sysctls(),
                **_filters("/" in node),
            }
    except OSError as error:
        raise LabError(f"the state of {node} cannot be read", str(error)) from error


def run(argv: list[str], text: str = "") -> str:
    """Output of a command in the namespace that the thread is in; raises LabError."""
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} failed", done.stderr.strip())
    return done.stdout


def _ip() -> list[list[dict[str, Any]]]:
    """One list per command of the batch; a command that lists nothing prints `[]` or nothing at all."""
    text = run(["ip", "-d", "-j", "-batch", "-"], _BATCH)
    decoder = json.JSONDecoder()
    found: list[list[dict[str, Any]]] = []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append([item for item in value if item])
        text = text[end:]
    return found


def _links(links: list[dict[str, Any]]) -> dict[str, Any]:
    return {link["ifname"]: _link(link) for link in links}


def _link(link: dict[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    bridge, port = info.get("info_data", {}), info.get("info_slave_data", {})
    return {
        **{key: link.get(key) for key in ("address", "mtu", "master", "qdisc")},
        "kind": info.get("info_kind"),
        "flags": sorted(set(link["flags"]) - _VOLATILE_FLAGS),
        "bridge": {key: bridge[key] for key in _BRIDGE if key in bridge},
        "port": {key: port[key] for key in _PORT if key in port},
    }


def _addresses(links: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """IPv4 addresses by link: those of IPv6 come and go with carriers."""
    found = {link["ifname"]: [a for a in link.get("addr_info", ()) if a["family"] == "inet"] for link in links}
    return {name: addresses for name, addresses in found.items() if addresses}


def _routes(routes: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """IPv4 routes by table, each table in the kernel's order: it decides among equal prefixes."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for route in routes:
        if ":" in route["dst"] + route.get("gateway", ""):
            continue
        flags = [flag for flag in route.get("flags", []) if flag not in _VOLATILE_FLAGS]
        tables.setdefault(str(route.get("table", "main")), []).append({**route, "flags": flags})
    return tables


def _filters(container: bool) -> dict[str, str]:
    found = {"nft": run(["nft", "-s", "list", "ruleset"])}
    if not container:
        found["iptables"] = save("nft")
        legacy = Path("/proc/thread-self/net/ip_tables_names")
        loaded = legacy.exists() and legacy.read_text(encoding="utf-8").strip()
        found["legacy"] = _without_idle(save("legacy")) if loaded else ""
    return found


def save(backend: str) -> str:
    """iptables-save of a backend without comments and counters."""
    text = run([f"/usr/sbin/iptables-{backend}-save"])
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in kept)


def _without_idle(saved: str) -> str:
    """Leave out the tables that hold no rules and let everything pass: a legacy table that is loaded stays loaded."""
    tables = re.findall(r"^\*.*?^COMMIT$", saved, re.MULTILINE | re.DOTALL)
    return "\n".join(text for text in tables if re.search(r"^(-A|:\S+ (DROP|-) )", text, re.MULTILINE))


def _sysctls() -> dict[str, str]:
    net = Path("/proc/sys/net")
    devices = sorted(path.name for path in (net / "ipv4/conf").iterdir())
    names = [*_SYSCTLS, *(f"ipv4/conf/{device}/{name}" for device in devices for name in _PER_DEVICE)]
    found = {}
    for name in names:
        with suppress(FileNotFoundError):  # older kernels lack some
            found[name] = (net / name).read_text(encoding="utf-8").strip()
    return found
