"""Addressing: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, OWNED, STATE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "A1",
        "subnet-overlap",
        ERROR,
        ADVICE,
        LAB,
        symptom=(
            "Two hosts own the same subnet, or one subnet lies inside the other. A part of the containers cannot be "
            "reached."
        ),
        detect="The subnets of all hosts are compared pairwise.",
        fix="Give one of the hosts another subnet and recreate its containers.",
        sources="flannel#1549, flannel's documentation; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "A2",
        "bridge-address-wrong",
        ERROR,
        OWNED,
        LAB,
        symptom="Containers of a host have addresses that the other hosts do not route to it.",
        detect=(
            "The bridge's prefix is not the one that the host was given: by the inventory, flannel's `subnet.env` or "
            "Docker's `bip`."
        ),
        fix=(
            "Remove the bridge and let its owner make it again: `ip link delete cni0` and restart kubelet; or correct "
            "`bip` and restart Docker."
        ),
        sources="containernetworking/cni#306, flannel#1850, kubernetes#39557, microshift#63",
    ),
    Entry(
        "A3",
        "bridges-share-subnet",
        ERROR,
        OWNED,
        LAB,
        symptom="Containers on one of two bridges of a host cannot be reached.",
        detect=(
            "Two bridges of the host hold the same prefix, so there are two connected routes and only the first is "
            "used."
        ),
        fix="Delete the bridge that is not needed: `ip link delete BRIDGE`; or change `bip` of one of them.",
        sources="flannel#1013, flannel#844, kubernetes#59687",
    ),
    Entry(
        "A4",
        "subnet-everywhere",
        ERROR,
        ADVICE,
        STATE,
        symptom=(
            "Every host has the same container subnet, Docker's default 172.17.0.0/16, and no host can be told from "
            "another."
        ),
        detect=(
            "Several hosts have containers behind bridges of the same prefix, and none of them has a subnet of its own."
        ),
        fix='Give each host its own `"bip"` in daemon.json and restart Docker, after the agent where there is one.',
        sources="flannel#246, flannel#247, flannel#112",
        beware="An idle docker0 with the same prefix on every host is normal and raises nothing.",
    ),
    Entry(
        "A5",
        "subnet-over-network",
        ERROR,
        ADVICE,
        LAB,
        symptom="Containers cannot reach a LAN, VPN or office network, or that network cannot reach them.",
        detect=(
            "A device that is no container bridge (a NIC, a VPN, a bridge of the LAN) stands in a prefix that overlaps "
            "a container subnet."
        ),
        fix="Move the containers to another range: `bip`, `default-address-pools`, or the range of the CNI.",
        sources="flannel#1258, calico#4131, moby#27818, moby#37823, docker/for-win#58",
    ),
    Entry(
        "A6",
        "underlay-address-shared",
        ERROR,
        ADVICE,
        STATE,
        symptom=(
            "Several hosts are known by the same address, for instance Vagrant's 10.0.2.15, and all routes lead to one "
            "of them."
        ),
        detect=(
            "Several hosts hold the same address and no other that could be their underlay address; or two listed "
            "hosts turn out to be one machine."
        ),
        fix="Name the right address: `underlay` in hosts.toml, or `--iface=NIC` for flannel.",
        sources="flannel#51, flannel#98, flannel's documentation",
    ),
    Entry(
        "A7",
        "address-duplicate",
        ERROR,
        ADVICE,
        LAB,
        symptom="Connections to a host break at random, because two machines hold its address.",
        detect=(
            "Another listed host holds the address too; or hosts have just heard different MAC addresses for it, one "
            "of them not the owner's."
        ),
        fix="Remove the address from one of the machines: `ip address del ADDRESS/LENGTH dev NIC`.",
        sources="arp(7), RFC 5227; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "A8",
        "container-address-duplicate",
        ERROR,
        ADVICE,
        LAB,
        symptom="Two containers hold the same address, so one of them gets the other's traffic.",
        detect="The addresses in the network namespaces of all containers are compared.",
        fix=(
            "Correct the address management; the cause is usually a CNI file that was left behind, such as "
            "10-containerd-net.conflist. Then recreate one of the containers."
        ),
        sources="flannel#1437, flannel#1549",
    ),
    Entry(
        "A9",
        "container-address-foreign",
        ERROR,
        ADVICE,
        LAB,
        symptom="A container has an address that is not of its host's subnet. It is reached from its own host at most.",
        detect="The address of the container's eth0 lies outside the prefix of its bridge.",
        fix="Remove the wrong CNI file and recreate the container.",
        sources="flannel#1437, canonical/k8s-snap#2602",
    ),
    Entry(
        "A10",
        "container-mask-wide",
        ERROR,
        ADVICE,
        LAB,
        symptom="A container reaches containers on its own host but none on others.",
        detect=(
            "The container's mask is wider than its bridge's. It asks by ARP for remote containers instead of sending "
            "to its gateway; those neighbour entries are INCOMPLETE."
        ),
        fix="Recreate the container with the bridge's mask.",
        sources="reproduced in network namespaces on kernel 6.18",
        beware="With proxy ARP on the bridge it works, and breaks once that is switched off.",
    ),
    Entry(
        "A11",
        "",
        ERROR,
        ADVICE,
        TOLD,
        symptom="Two clusters use the same range on one segment and disturb each other.",
        detect="Machines that are not listed answer for addresses of the network.",
        fix="Give one of the clusters another range.",
        sources="flannel#1326",
        reason="The hosts of the other cluster are not read, and nothing on ours shows them for certain.",
    ),
    Entry(
        "A12",
        "ipam-exhausted",
        WARNING,
        ADVICE,
        LAB,
        symptom="No new container gets an address.",
        detect=(
            "The address management keeps one file per address in use; there are as many as the range has addresses."
        ),
        fix="Remove the reservations whose containers are gone from `/var/lib/cni/networks/NAME`.",
        sources="kubernetes#39557",
    ),
    Entry(
        "A13",
        "underlay-not-held",
        ERROR,
        ADVICE,
        STATE,
        symptom="The agent refuses to start: the address by which the host is known is on none of its NICs.",
        detect="The inventory names an underlay address that the host does not hold.",
        fix="Name the NIC's own address. A host behind NAT cannot take part in host-gw.",
        sources="flannel's source",
    ),
    Entry(
        "A14",
        "bridge-address-wrong",
        ERROR,
        OWNED,
        STATE,
        symptom="After a reboot the bridge still has the old subnet: `/run` was wiped and the host got another lease.",
        detect="The prefix in flannel's `subnet.env` is not the bridge's, where the bridge is not Docker's.",
        fix="Restart Docker or the agent in the right order: the agent first.",
        sources="flannel's documentation (running.md), flannel#692",
    ),
)
