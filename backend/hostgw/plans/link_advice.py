"""What to do by hand about links, neighbours, MTUs and containers."""

from __future__ import annotations

_CNI = "correct the CNI configuration or the options that made the second NIC, and recreate the container"

LINKS: dict[str, tuple[str, ...]] = {
    "L1": (
        "look at the cable, the port of the switch or the virtual NIC; then `ip link set NIC up` where it is down",
        "add lost routes again afterwards: the kernel forgets them when a NIC goes down (R24)",
    ),
    "L7": (
        "move address and routes from the NIC to its bridge, from the console: it cuts connections for a moment",
        "or take the NIC out of the bridge: `ip link set NIC nomaster`",
    ),
    "L8": (
        "see whether both hosts stand in the same VLAN, and whether the switch or the network keeps hosts apart "
        "(private VLAN, Wi-Fi isolation: L27)",
        "see whether a filter for ARP drops the requests: `nft list ruleset` (tables of family arp), `arptables -L`",
        "look with a capture on both NICs whether the request arrives, and whether an answer leaves",
    ),
    "L11": (
        "give one of the two NICs another address: `ip link set dev NIC address MAC`, and make it last where the "
        "virtual machine is defined",
        "a clone needs a machine-id of its own, too: delete /etc/machine-id and run systemd-machine-id-setup",
    ),
    "L14": (
        "put the NICs into separate subnets, or use one of them only, or join them in a bond",
        "or let each answer for its own address alone: `sysctl -w net.ipv4.conf.NIC.arp_ignore=1` and "
        "`sysctl -w net.ipv4.conf.NIC.arp_announce=2` for both",
    ),
    "L17": ("give the port a VLAN for untagged frames: `bridge vlan add dev PORT vid 1 pvid untagged`",),
    "L19": ("`ip link set BRIDGE promisc off`, once whoever set it (kubelet, a capture) does not need it",),
    "L21": ("load the module first: `modprobe br_netfilter`, and name it in /etc/modules-load.d to make it last",),
    "L22": (
        "where a rule of native nftables drops: accept frames from BRIDGE to BRIDGE in that chain",
        "where nobody needs it: `sysctl -w net.bridge.bridge-nf-call-iptables=0` (kube-proxy does need it)",
    ),
    "L23": (
        'give the containers the MTU of the NIC: "mtu" in /etc/docker/daemon.json, or in the CNI configuration; '
        "then recreate them",
        "or raise the MTU of the NIC, if all of the segment carries it",
    ),
    "L24": (
        "give all hosts of the segment the same MTU: `ip link set NIC mtu MTU`, and make it last where the NIC is "
        "configured",
        "see that the switches carry it: `hostgw-tui check --probe` sends packets of that size",
    ),
    "L25": ('set the MTU in Docker ("mtu" in daemon.json) or the CNI configuration, and recreate the containers',),
    "C4": (_CNI, "with Multus: name the default route in the annotation, or give the second network none"),
    "C6": ("if nobody uses it: `ip link delete PORT`; the other end goes with it, wherever that is",),
}
