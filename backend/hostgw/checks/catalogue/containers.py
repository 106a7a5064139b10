"""Inside containers: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, REFUSED, SAFE, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "C1",
        "container-no-default",
        ERROR,
        SAFE,
        LAB,
        symptom='Inside a container: "Network is unreachable". It reaches its own subnet only.',
        detect="The container has no default route.",
        fix="In the container: `ip route add default via GATEWAY`.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "C2",
        "container-wrong-default",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "A container reaches its own subnet only: its default route leads to an address that is not its bridge's."
        ),
        detect=(
            "The gateway of the container's default route is no address of its bridge; the neighbour entry is "
            "INCOMPLETE."
        ),
        fix="In the container: `ip route replace default via GATEWAY`.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "C3",
        "container-no-default",
        ERROR,
        SAFE,
        LAB,
        symptom="A container's eth0 was down for a moment, and since then the container has no default route.",
        detect=(
            "eth0 is up and the default route is gone. The kernel removes it with the device and does not bring it "
            "back."
        ),
        fix="In the container: `ip route add default via GATEWAY`.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "C4",
        "container-defaults-many",
        WARNING,
        ADVICE,
        LAB,
        symptom="A container sends to the outside by another NIC than expected.",
        detect="The container has several default routes.",
        fix="Correct the CNI configuration that adds the second NIC, and recreate the container.",
        sources="calico#12806",
    ),
    Entry(
        "C5",
        "container-gateway-mac-old",
        ERROR,
        SAFE,
        LAB,
        symptom="A container has lost its network, although nothing in it changed.",
        detect="The container's neighbour entry of its gateway holds another MAC address than the bridge has.",
        fix="In the container: `ip neigh replace GATEWAY lladdr MAC dev eth0 nud reachable`. L12 prevents it.",
        sources="flannel#1381",
    ),
    Entry(
        "C6",
        "veth-orphan",
        NOTICE,
        ADVICE,
        LAB,
        symptom="A host has a veth whose other end is gone, or is in a namespace that nobody knows.",
        detect="The kernel names a peer that is in no namespace that could be read.",
        fix="If nobody uses it: `ip link delete PORT`.",
        sources="veth(4)",
        beware="Removing it also removes the other end, wherever that is.",
    ),
    Entry(
        "C7",
        "",
        NOTICE,
        ADVICE,
        REFUSED,
        symptom="A filter, or a kernel setting, inside the container drops its packets.",
        detect=(
            "Look inside: `nsenter --net=NAMESPACE iptables-save`, `nsenter --net=NAMESPACE sysctl "
            "net.ipv4.conf.all.rp_filter`."
        ),
        fix="It belongs to who runs the container: nothing is changed there.",
        sources="network_namespaces(7)",
        reason=(
            "What a container does with its own packets is its own affair. Rules inside are often wanted (service "
            "meshes), so a verdict would be a false alarm more often than not."
        ),
    ),
)
