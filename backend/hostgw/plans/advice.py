"""What to say beside a plan: risk, owner of the objects, verification, and the alternatives where no key helps."""

from __future__ import annotations

import re

from hostgw.checks.catalogue import CODES
from hostgw.model.finding import Finding
from hostgw.model.kernel import Route
from hostgw.plans.file_advice import FILES
from hostgw.plans.link_advice import LINKS

ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "R7": (
        "put the hosts on one segment: one prefix on one L2",
        "carry the traffic between the segments in a tunnel (vxlan, wireguard) instead of host-gw",
        "give the router between the segments a route per container subnet, and point the hosts at it",
    ),
    "R9": (
        "give the NIC the real prefix of its segment, if there is one: then every peer is on link",
        "where a cloud routes between /32 hosts, give its router a route per container subnet, or use a tunnel",
    ),
    "R12": (
        "where a device has an address that does not belong there: ip addr del ADDRESS dev DEVICE, its route goes too",
        "where two hosts own the same addresses (A1): give one of them another subnet, and recreate its containers",
    ),
    "R13": ("give the NIC the mask that the other hosts have, where its address is configured",),
    "R23": (
        "start a container, or put the veth of a running one back into the bridge",
        "nothing at all, if no container is meant to run here",
    ),
    "R25": ("restart the agent on the host with the new address (flanneld, kindnetd), so that it announces it",),
    "R28": ("run one backend everywhere: set the same Backend.Type and restart the agents of all hosts",),
    "F4": ("leave it, and tell Calico to ignore it: FELIX_IGNORELOOSERPF=true", "or set net.ipv4.conf.all.rp_filter=1"),
    "F5": ('where Docker sets the policy: "ip-forward-no-drop": true in daemon.json',),
    "F7": (
        "with firewalld: firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE --add-source=NETWORK, "
        "then firewall-cmd --reload",
    ),
    "F8": ("ufw route allow from NETWORK to NETWORK",),
    "F10": (
        "lasting, for a network that is made anew: com.docker.network.bridge.trusted_host_interfaces=NIC, "
        "or gateway_mode_ipv4=nat-unprotected",
        "lasting, for all networks: dockerd --allow-direct-routing",
    ),
    "F11": (
        "lasting, for a network that is made anew: gateway_mode_ipv4=nat-unprotected",
        "lasting, for all networks: dockerd --allow-direct-routing",
    ),
    "F12": (
        "lasting, for a network that is made anew: com.docker.network.bridge.trusted_host_interfaces=NIC",
        "lasting, for all networks: dockerd --allow-direct-routing",
    ),
    "F13": ("put the containers into one network", "or make the network with gateway_mode_ipv4=routed"),
    "F16": (
        "install the iptables or nft that belongs to the kernel, and its package of extra modules",
        "have the program that wrote the rules name them: hostgw-tui snapshot shows what was read",
    ),
    "F18": (
        "capture on both hosts while it is sent again (hostgw-tui capture, screen 5): the last device that sees it is "
        "the one before the drop",
        "have the kernel say why: retis collect -c skb-drop, or pwru, on the host that saw it last",
    ),
    "N6": (
        "leave it: it is how the outside reaches containers of other hosts through this one",
        "where the other hosts' routers know the way back: iptables -t nat -D POSTROUTING ! -s NETWORK -d NETWORK "
        "-j MASQUERADE",
    ),
    "N7": (
        "leave it: hosts see each other's containers by the host's address",
        "or exempt each host: iptables -t nat -I POSTROUTING 1 -s SUBNET -d HOST -j RETURN",
    ),
    "N9": (
        "find who writes to iptables-legacy (iptables-legacy-save), and have it use iptables-nft",
        "then empty the legacy tables: iptables-legacy -F; iptables-legacy -t nat -F, and restart what wrote the rules",
    ),
    "N10": (
        "bring iptables on the host and in the containers that write rules to one version",
        "then have the program write the rule again; iptables -D CHAIN NUMBER takes away the one that lost its match",
    ),
    "N11": ("raise net.netfilter.nf_conntrack_buckets too, to a quarter of the maximum, so that look-ups stay fast",),
    "N13": (
        "do not masquerade this traffic, where the server knows the way back (N1)",
        "give the host more source addresses: -j SNAT --to-source FIRST-LAST",
    ),
    "N16": (
        "docker network inspect NAME shows the option of its own: com.docker.network.bridge.enable_ip_masquerade",
        "restart dockerd: it writes its rules when it starts",
    ),
    "A1": ("give one of the hosts another subnet and recreate its containers",),
    **LINKS,
    "U7": (
        "have the switch or hypervisor carry what the hosts send (jumbo frames, a tunnel's overhead)",
        "or lower the MTU of the NICs and containers of all hosts to what passes: ip link set NIC mtu MTU",
    ),
    **FILES,
}

CODE_ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "bridge-address-pending": (
        "to have it so: `hostgw-tui setup --subnet HOST=PREFIX --restart-docker` restarts docker and sets all routes",
        'to keep what is: put the bridge\'s address back as "bip" in /etc/docker/daemon.json',
    ),
    "settings-broken": ("mend the file at that place, then look at it: `python3 -m json.tool FILE`",),
}
"""Where a code says something else than its entry."""


def alternatives(finding: Finding, network: str) -> tuple[str, ...]:
    """Return what can be done by hand about a finding, with what is known in the place of words in capitals."""
    told = CODE_ALTERNATIVES.get(finding.code, ALTERNATIVES.get(finding.entry, ()))
    known = {"NETWORK": network, WORDS.get(CODES[finding.code].subject, ""): finding.subject}
    return tuple(_PLACEHOLDER.sub(lambda found: known.get(found[0]) or found[0], text) for text in told)


WORDS = {"address": "ADDRESS", "file": "FILE"}
"""By the kind of a finding's subject, the word in capitals that stands for it."""
_PLACEHOLDER = re.compile(r"\b[A-Z]{4,}\b")

LEFT = {"R13": "the NIC's mask stays too wide: it is mended by hand, where its address is configured"}
"""What the fix of an entry leaves to do."""

PROTOCOL_OWNERS = {
    "17": "kube-router",
    "bird": "BIRD (Calico or kube-router)",
    "zebra": "FRR",
    "bgp": "FRR",
    "ospf": "FRR",
    "dhcp": "the DHCP client",
    "ra": "router advertisements",
    "kernel": "the kernel",
}

_DOCKER = "Docker (it writes its rules again when it starts)"
ENTRY_OWNERS = {
    "F7": "firewalld, or whoever made that table of nftables (a reload writes it again)",
    "F8": "ufw (a reload writes its rules again)",
    "F9": "whoever made that table of nftables (a reload writes it again)",
    "F10": _DOCKER,
    "F11": _DOCKER,
    "F12": _DOCKER,
    "N2": "the CNI bridge plugin (ipMasq in its configuration)",
}
"""Programs that own the rules which an entry is about."""

VERIFICATION = "the kernel is read again, and the findings must be gone"


PROGRAM_OWNERS = {
    "flanneld": "flannel (adds a missing route within 10 s, but leaves a wrong one of the same prefix as it is)",
    "kindnetd": "kindnet (sets its routes again every 10 s)",
}
"""Programs that make routes and put no mark of their own on them."""
_UNMARKED = frozenset({"boot", "static"})


def owner_of(routes: tuple[Route, ...], programs: frozenset[str] = frozenset()) -> str:
    """Return the program whose mark a route carries, or that runs and marks none; empty for routes made by hand."""
    marked = next((PROTOCOL_OWNERS[r.protocol] for r in routes if PROTOCOL_OWNERS.get(r.protocol)), "")
    unmarked = all(route.protocol in _UNMARKED for route in routes)
    return marked or next((text for name, text in PROGRAM_OWNERS.items() if unmarked and name in programs), "")
