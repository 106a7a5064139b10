"""Underlay and clouds: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, STATE, TOLD, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "U1",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        LAB,
        symptom=(
            "Frames with container addresses leave a host and never arrive at the next: OpenStack's port security "
            "drops them."
        ),
        detect=(
            "The machine says that it is made by OpenStack (DMI). Proof is a capture: seen on the sender's NIC, not on "
            "the owner's."
        ),
        fix=(
            "Allow NETWORK as address pair on every port (`openstack port set --allowed-address ip-address=NETWORK "
            "ID`), or switch port security off."
        ),
        sources="cloud-provider-openstack#2482, tectonic-installer#78, deckhouse#9196, openshift-docs#5360",
    ),
    Entry(
        "U2",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        STATE,
        symptom=(
            "Frames with container addresses leave a host and never arrive at the next: AWS checks source and "
            "destination."
        ),
        detect=(
            "The machine says that it is made by Amazon EC2 (DMI). Proof is a capture: seen on the sender's NIC, not "
            "on the owner's."
        ),
        fix=(
            "Switch the check off on each interface: `aws ec2 modify-network-interface-attribute "
            "--network-interface-id ID --no-source-dest-check`."
        ),
        sources="flannel's documentation, kube-router's source, flannel#506",
    ),
    Entry(
        "U3",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        STATE,
        symptom=(
            "On Google Cloud all traffic goes by the router: addresses are /32, and instances may not forward unless "
            "told."
        ),
        detect=(
            "The machine says that it is made by Google (DMI). Proof is a capture: seen on the sender's NIC, not on "
            "the owner's. Its /32 address shows as R9."
        ),
        fix="Use routes of the VPC instead of host-gw, and `canIpForward` on each instance.",
        sources="calicoctl#716, Google Cloud's documentation (routes)",
    ),
    Entry(
        "U4",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        STATE,
        symptom="In a private network of Hetzner Cloud all traffic goes by the gateway: hosts are not on one segment.",
        detect=(
            "The machine says that it is made by Hetzner (DMI). Proof is a capture: seen on the sender's NIC, not on "
            "the owner's. An owner off the segment shows as R7."
        ),
        fix="Use the provider's routes, or hosts on a vSwitch, or a tunnel.",
        sources="cilium#24777, cilium#47527, hcloud-cloud-controller-manager#329",
    ),
    Entry(
        "U5",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        STATE,
        symptom=(
            "Frames with container addresses leave a host and never arrive at the next: Azure forwards for no NIC "
            "unless told."
        ),
        detect=(
            "The machine says that it is Azure's (DMI). Proof is a capture: seen on the sender's NIC, not on the "
            "owner's."
        ),
        fix="Enable IP forwarding on each NIC, and add a user defined route per container subnet.",
        sources="Azure's documentation (IP forwarding)",
    ),
    Entry(
        "U6",
        "cloud-filters-sources",
        NOTICE,
        ADVICE,
        STATE,
        symptom=(
            "On Hyper-V or VMware frames leave a host and never arrive at the next, because of a rule for MAC "
            "addresses."
        ),
        detect=(
            "The machine says that it runs on one of them (DMI), and frames leave by another MAC address than the "
            "NIC's own: by a macvlan or a bridge. Proof is a capture: seen on the sender's NIC, not on the owner's."
        ),
        fix="Allow MAC address spoofing (Hyper-V) or forged transmits (VMware) for that NIC.",
        sources="k3s#2049, documentation of Hyper-V and VMware",
        beware="Host-gw sends with the host's own MAC address, so this bites nested machines and macvlan only.",
    ),
    Entry(
        "U7",
        "mtu-path-small",
        ERROR,
        ADVICE,
        LAB,
        symptom="Large packets vanish: a switch or hypervisor between the hosts carries less than the hosts' MTU.",
        detect="Probes that must not be fragmented are answered up to a size below the hosts' MTU (`check --probe`).",
        fix="Raise the MTU of the underlay, or lower that of all hosts: `ip link set NIC mtu MTU`.",
        sources="reproduced in network namespaces on kernel 6.18",
        beware="Small packets and ordinary pings get through.",
    ),
    Entry(
        "U8",
        "",
        ERROR,
        ADVICE,
        TOLD,
        symptom="A host stands behind NAT, so the others cannot use its address as a next hop.",
        detect="It shows as A13: the host does not hold the address by which it is known.",
        fix="Host-gw is not possible there. Use a tunnel.",
        sources="flannel's source",
        reason="It is found as A13.",
    ),
)
