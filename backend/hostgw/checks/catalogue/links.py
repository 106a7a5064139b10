"""Link layer: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, OWNED, SAFE, STATE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "L1",
        "underlay-down",
        ERROR,
        ADVICE,
        STATE,
        symptom="A host is cut off from the others.",
        detect="Its underlay NIC is down or has no carrier; the routes over it are gone or marked `linkdown`.",
        fix=(
            "Check the cable, the port of the switch or the virtual NIC, and `ip link set NIC up`. Then add lost "
            "routes again (R24)."
        ),
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L2",
        "bridge-down",
        ERROR,
        SAFE,
        LAB,
        symptom="None of a host's containers can be reached: the bridge was set down.",
        detect="The bridge is not up, and the kernel has removed its connected route.",
        fix="`ip link set BRIDGE up`. The connected route returns by itself.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L3",
        "port-detached",
        ERROR,
        SAFE,
        LAB,
        symptom="A container can be reached by nobody, not even from its own host's other containers.",
        detect="The host's end of the container's veth is in no bridge.",
        fix="`ip link set PORT master BRIDGE up`.",
        sources="moby#26492, kubernetes-nmstate#701, nixpkgs#42828; reproduced in network namespaces on kernel 6.18",
        beware="The container can still resolve its gateway by ARP: an answer proves nothing.",
    ),
    Entry(
        "L4",
        "port-wrong-bridge",
        ERROR,
        OWNED,
        LAB,
        symptom="A container can be reached by nobody; its veth is in another bridge than its address belongs to.",
        detect="The container's address is in the subnet of one bridge, and its veth is a port of another.",
        fix="`ip link set PORT master BRIDGE`.",
        sources="KubeSkoop's source",
    ),
    Entry(
        "L5",
        "port-has-address",
        WARNING,
        SAFE,
        LAB,
        symptom="A bridge port carries an address, and some traffic goes to the port instead of the bridge.",
        detect="A device that is a port of a bridge holds an IPv4 address.",
        fix="`ip address del ADDRESS/LENGTH dev PORT`, and see that the bridge holds it.",
        sources="reproduced in network namespaces on kernel 6.18",
        beware=(
            "It does no harm while the bridge's connected route is listed first. It is fatal if only the port holds "
            "the address."
        ),
    ),
    Entry(
        "L6",
        "bridge-no-address",
        ERROR,
        SAFE,
        LAB,
        symptom="The bridge lost its address. Containers have no gateway and cannot be reached from other hosts.",
        detect="The bridge that should hold the gateway address has no IPv4 address.",
        fix="`ip address add GATEWAY/LENGTH dev BRIDGE`.",
        sources="moby#40170, moby#40217, kubernetes#67183, containernetworking/cni#77",
        beware=(
            "networkd and NetworkManager remove addresses they did not set; without a setting against it they do so "
            "again."
        ),
    ),
    Entry(
        "L7",
        "nic-enslaved",
        ERROR,
        ADVICE,
        STATE,
        symptom=(
            "A NIC was put into a bridge but the host's address stayed on the NIC. Traffic is lost or comes and goes."
        ),
        detect="The underlay address stands on a device that is a port of a bridge.",
        fix=(
            "Move address and routes to the bridge: `ip address del ADDRESS/LENGTH dev NIC`, then `ip address add "
            "ADDRESS/LENGTH dev BRIDGE`, then the routes. This may cut your own connection."
        ),
        sources="ip-link(8), bridge(8)",
    ),
    Entry(
        "L8",
        "neighbour-unresolved",
        ERROR,
        ADVICE,
        LAB,
        symptom="A next hop does not answer ARP, so nothing sent to it arrives.",
        detect="The neighbour entry of the next hop is FAILED or INCOMPLETE on the sending host.",
        fix=(
            "See whether the owner is up, whether both stand in the same VLAN, whether it holds the address (A6), and "
            "whether it answers ARP (L13)."
        ),
        sources="arp(7); reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L9",
        "neighbour-pinned",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Nothing arrives at a host whose NIC was replaced, because a permanent neighbour entry holds the old MAC "
            "address."
        ),
        detect="A PERMANENT neighbour entry for the next hop differs from the MAC address of the owner's NIC.",
        fix="`ip neigh replace OWNER lladdr MAC dev NIC nud reachable`, with the MAC address that the owner has now.",
        sources="ip-neighbour(8); reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L10",
        "neighbour-wrong-mac",
        ERROR,
        SAFE,
        STATE,
        symptom="Nothing arrives at a host for a while after its NIC was replaced or its address moved.",
        detect="The REACHABLE neighbour entry of the next hop holds a MAC address that is none of the owner's.",
        fix=(
            "`ip neigh replace OWNER lladdr MAC dev NIC nud reachable` with the owner's MAC address. Sending a "
            "gratuitous ARP on the owner mends all hosts: `arping -U -I NIC OWNER`."
        ),
        sources="arp(7), ip-neighbour(8)",
    ),
    Entry(
        "L11",
        "mac-duplicate",
        ERROR,
        ADVICE,
        STATE,
        symptom="About half of the packets to two hosts are lost: they are clones and share a MAC address.",
        detect=(
            "Two hosts have the same MAC address on their underlay NICs, or one neighbour table holds one MAC address "
            "for both."
        ),
        fix="Give one of them a new MAC address (and a new machine-id): `ip link set dev NIC address MAC`.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L12",
        "bridge-mac-floats",
        NOTICE,
        OWNED,
        LAB,
        symptom="Containers of a host are cut off for about 30 seconds when another container is removed.",
        detect=(
            "The bridge has no MAC address of its own: it takes the lowest of its ports. When that port goes, "
            "containers hold the old one in their neighbour tables."
        ),
        fix="Set a fixed one: `ip link set dev BRIDGE address MAC`.",
        sources="flannel#1381",
    ),
    Entry(
        "L13",
        "arp-ignored",
        ERROR,
        OWNED,
        LAB,
        symptom=(
            "A host never answers ARP on its NIC or on its bridge: nobody there can send to it once the others' "
            "neighbour entries have expired."
        ),
        detect=(
            "`arp_ignore` of the underlay NIC or of the bridge (the larger of `all` and the device's own) keeps it "
            "from answering for its address: 8 does, 2 does for a /32 address."
        ),
        beware="Values 1 to 4 do no harm here: the address stands on the device that is asked.",
        fix="`sysctl -w net.ipv4.conf.NIC.arp_ignore=0`, and the same for `all`.",
        sources="Linux documentation, networking/ip-sysctl; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L14",
        "arp-flux",
        WARNING,
        ADVICE,
        LAB,
        symptom=(
            "Two NICs of a host on one segment answer ARP for each other; traffic arrives now at one, now at the other."
        ),
        detect="Two NICs hold addresses of one prefix, and the kernel may answer for either on both.",
        fix=(
            "Put the NICs into separate subnets; or `sysctl -w net.ipv4.conf.NIC.arp_ignore=1` and `sysctl -w "
            "net.ipv4.conf.NIC.arp_announce=2` for both."
        ),
        sources="Linux documentation, networking/ip-sysctl (arp_filter, arp_ignore, arp_announce)",
    ),
    Entry(
        "L15",
        "proxy-arp-on",
        NOTICE,
        OWNED,
        LAB,
        symptom="A host answers ARP for addresses that are not its own. That hides a wrong mask, or steals addresses.",
        detect="`proxy_arp` is 1 on the bridge or the underlay NIC.",
        fix="First mend the mask that it hides (A10). Then `sysctl -w net.ipv4.conf.INTERFACE.proxy_arp=0`.",
        sources="calico#12451; reproduced in network namespaces on kernel 6.18",
        beware="Calico sets it on its veths on purpose; that is not meant.",
    ),
    Entry(
        "L16",
        "bridge-stp-delays",
        WARNING,
        OWNED,
        LAB,
        symptom="A new container has no network for about 30 seconds.",
        detect="STP runs on the bridge with a forward delay, so a new port listens and learns before it forwards.",
        fix=(
            "`ip link set BRIDGE type bridge stp_state 0`. Where loops are possible keep STP, and wait as little as it "
            "allows, 2 seconds: `ip link set BRIDGE type bridge forward_delay 200`."
        ),
        sources="ip-link(8); reproduced in network namespaces on kernel 6.18",
        beware="The kernel refuses a forward delay below 2 seconds while STP is on.",
    ),
    Entry(
        "L17",
        "port-without-vlan",
        ERROR,
        ADVICE,
        STATE,
        symptom="A container is cut off because the bridge filters VLANs and drops its untagged frames.",
        detect="`vlan_filtering` of the bridge is 1 and the port has no PVID.",
        fix="`bridge vlan add dev PORT vid 1 pvid untagged`.",
        sources="cilium#17435, bridge(8)",
    ),
    Entry(
        "L18",
        "hairpin-off",
        NOTICE,
        SAFE,
        LAB,
        symptom="A container cannot reach itself by the address of a service that it serves.",
        detect="Hairpin mode is off on its port: the bridge sends no frame back out of the port it came from.",
        fix="`bridge link set dev PORT hairpin on`.",
        sources="kubernetes#20475, kubernetes#13375, kubernetes#43966, kubernetes#45790, kube-router#189",
        beware="It concerns nothing but a service that leads back to the container itself.",
    ),
    Entry(
        "L19",
        "hairpin-promiscuous",
        NOTICE,
        ADVICE,
        LAB,
        symptom="Packets between containers of one host are duplicated.",
        detect="The bridge is promiscuous, and bridged traffic passes DNAT rules (`bridge-nf-call-iptables`).",
        fix="`ip link set BRIDGE promisc off`.",
        sources="kubernetes#25793; reproduced in network namespaces on kernel 6.18",
        beware="Only the first packet of a flow is duplicated; hairpin mode plays no part.",
    ),
    Entry(
        "L20",
        "port-isolated",
        NOTICE,
        OWNED,
        LAB,
        symptom="A container cannot reach the other containers of its host, but everything else.",
        detect="Its port is isolated from other isolated ports of the bridge.",
        fix="`bridge link set dev PORT isolated off`. With Docker, look at `icc` in daemon.json.",
        sources="bridge(8)",
    ),
    Entry(
        "L21",
        "bridge-filter-off",
        WARNING,
        SAFE,
        LAB,
        symptom=(
            "Services fail between containers of one host, DNS first: the answer comes from another address than was "
            "asked."
        ),
        detect=(
            "`bridge-nf-call-iptables` is 0, or the module br_netfilter is not loaded, while kube-proxy's rules are in "
            "use."
        ),
        fix="`modprobe br_netfilter` and `sysctl -w net.bridge.bridge-nf-call-iptables=1`, and make both last.",
        sources="flannel#2068, flannel#2166, kube-router#151, kubernetes#38802",
    ),
    Entry(
        "L22",
        "bridged-traffic-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="Containers of one host cannot reach each other, although the bridge is in order.",
        detect=(
            "`bridge-nf-call-iptables` is 1, so bridged frames pass FORWARD, and a rule or the policy drops them there."
        ),
        fix=(
            "`iptables -I FORWARD -i BRIDGE -o BRIDGE -j ACCEPT`; or, if nobody needs it, `sysctl -w "
            "net.bridge.bridge-nf-call-iptables=0`."
        ),
        sources="Linux documentation, networking/bridge; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L23",
        "mtu-container-large",
        WARNING,
        ADVICE,
        LAB,
        symptom='Large packets fail. The gateway answers "Fragmentation needed".',
        detect="The MTU of the containers is larger than that of the underlay NIC.",
        fix="Lower the MTU of containers and bridge in the settings of Docker or the CNI, and recreate the containers.",
        sources="reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "L24",
        "mtu-differs",
        ERROR,
        ADVICE,
        LAB,
        symptom="Large packets vanish without any error; small ones and pings get through.",
        detect="The MTU of the underlay NICs differs between hosts: what one sends, another cannot take.",
        fix="Give all of them the same MTU: `ip link set NIC mtu MTU`.",
        sources="calico#4057, cilium#44208; reproduced in network namespaces on kernel 6.18",
        beware="Nobody sends an ICMP error: the frame is dropped at the receiving NIC.",
    ),
    Entry(
        "L25",
        "mtu-container-small",
        NOTICE,
        ADVICE,
        LAB,
        symptom=(
            "Containers send small packets over a LAN that could take large ones, and are slower than they could be."
        ),
        detect="The MTU of bridge and containers is smaller than that of the underlay NIC.",
        fix="Set the MTU in Docker or the CNI and recreate the containers.",
        sources="kops#5751, cilium#41478",
    ),
    Entry(
        "L26",
        "neighbour-table-full",
        WARNING,
        SAFE,
        STATE,
        symptom='Hosts become unreachable at random. The kernel logs "neighbour table overflow".',
        detect="The number of neighbour entries comes near `gc_thresh3` (1024 unless set).",
        fix=(
            "Raise all three, and make them last: `sysctl -w net.ipv4.neigh.default.gc_thresh3=VALUE`, and gc_thresh2, "
            "gc_thresh1."
        ),
        sources="kops#4533, e2b-dev/infra#3508; the limit's place seen on kernel 6.18",
        beware="The limit is one for the whole machine, and is seen in its initial network namespace only.",
    ),
    Entry(
        "L27",
        "",
        ERROR,
        ADVICE,
        TOLD,
        symptom=(
            "Hosts in one prefix cannot reach each other: the network isolates them (private VLAN, Wi-Fi isolation)."
        ),
        detect="The owner is on the segment and up, and still its neighbour entry is FAILED.",
        fix="Have the network changed; nothing on the hosts helps.",
        sources="RFC 5517",
        reason="From the hosts it looks like L8, which is found and lists this among what to check.",
    ),
)
