"""Routes: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, OWNED, REFUSED, SAFE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "R1",
        "route-missing",
        ERROR,
        SAFE,
        LAB,
        symptom='Containers cannot reach a remote subnet. Their own gateway answers "Network is unreachable".',
        detect=(
            "The sending host has neither a route to the subnet nor a default route in the tables that its policy "
            "rules select."
        ),
        fix="Add the route on the sending host: `ip route add SUBNET via OWNER dev NIC proto static`.",
        sources="flannel#1034, flannel#958, kube-router#238; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R2",
        "route-missing",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Packets to a remote subnet are lost in silence, or they arrive slowly by a detour over the LAN's router."
        ),
        detect=(
            "The sending host has no route to the subnet, so the look-up of a container's packet ends at the default "
            "route."
        ),
        fix="Add the route on the sending host: `ip route add SUBNET via OWNER dev NIC proto static`.",
        sources="sapcc/kubernikus#65; reproduced in network namespaces on kernel 6.18",
        beware=(
            "Ping may work by the detour. The router redirects only what the host itself sends, never what its "
            "containers send, so the detour does not heal itself."
        ),
    ),
    Entry(
        "R3",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Traffic to a remote subnet is slow or lost, because the route leads to the LAN's router instead of the "
            "owner."
        ),
        detect=(
            "The gateway of the route to the subnet is the gateway of the default route, not an address of the owner."
        ),
        fix=(
            "Replace the route: `ip route del SUBNET via NEXT_HOP dev NIC`, then `ip route add SUBNET via OWNER dev "
            "NIC proto static`."
        ),
        sources="calico#7706, calicoctl#716, flannel#1141",
        beware="Ping may work by the detour when the router knows the way.",
    ),
    Entry(
        "R4",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "The route to a remote subnet leads to another host of the fabric. It forwards once more, or answers "
            '"Network is unreachable".'
        ),
        detect="The gateway of the route to the subnet belongs to a host that does not own the subnet.",
        fix=(
            "Replace the route: `ip route del SUBNET via NEXT_HOP dev NIC`, then `ip route add SUBNET via OWNER dev "
            "NIC proto static`."
        ),
        sources="flannel#801; reproduced in network namespaces on kernel 6.18",
        beware=(
            "Ping still works while the other host forwards. Only the TTL shows it: 61 instead of 62 at the receiver."
        ),
    ),
    Entry(
        "R5",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            'The next hop of a route does not exist any more. After about 3 seconds senders get "Destination Host '
            'Unreachable".'
        ),
        detect=(
            "The gateway of the route to the subnet is no address of any listed host. Its neighbour entry is "
            "INCOMPLETE or FAILED."
        ),
        fix=(
            "Replace the route: `ip route del SUBNET via NEXT_HOP dev NIC`, then `ip route add SUBNET via OWNER dev "
            "NIC proto static`."
        ),
        sources="flannel#801, flannel#996; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R6",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        LAB,
        symptom="The route names the right next hop but the wrong device, on a host with several NICs.",
        detect="The route's device is not the one whose connected route holds the owner's address.",
        fix=(
            "Replace the route: `ip route del SUBNET via OWNER dev WRONG_NIC`, then `ip route add SUBNET via OWNER dev "
            "NIC proto static`."
        ),
        sources="flannel#1192, containernetworking/cni#337",
    ),
    Entry(
        "R7",
        "route-off-segment",
        ERROR,
        ADVICE,
        LAB,
        symptom='Two hosts stand on different segments. The route cannot be added: "Nexthop has invalid gateway".',
        detect="The owner's address lies in no prefix that is directly connected on the sending host.",
        fix=(
            "Host-gw cannot work between segments. Put the hosts on one segment, or carry this traffic in a tunnel, or "
            "give the router between the segments one route per container subnet."
        ),
        sources=(
            "cilium#24618, cilium#7853, kindnet#46, kube-router#1006; reproduced in network namespaces on kernel 6.18"
        ),
    ),
    Entry(
        "R8",
        "route-off-segment",
        ERROR,
        OWNED,
        LAB,
        symptom=(
            "The route exists and looks right, but its next hop is not on the segment: it was forced with `onlink`."
        ),
        detect=(
            "The route carries the flag `onlink` and its gateway lies in no connected prefix. The neighbour entry "
            "stays INCOMPLETE."
        ),
        fix=(
            "Delete the route: `ip route del SUBNET via NEXT_HOP dev NIC`. If the owner is on the segment, add the "
            "right one: `ip route add SUBNET via OWNER dev NIC proto static`."
        ),
        sources="ip-route(8); reproduced in network namespaces on kernel 6.18",
        beware=(
            "Routes over tunnel devices carry `onlink` rightly (flannel's DirectRouting, Calico). They are not meant."
        ),
    ),
    Entry(
        "R9",
        "underlay-mask-narrow",
        ERROR,
        OWNED,
        LAB,
        symptom=(
            "The host's underlay address is a /32, so no other host is ever on its segment and no route can be added."
        ),
        detect=(
            "The address on the underlay NIC has the prefix length 32, although it lies in the segment of the other "
            "hosts."
        ),
        fix=(
            "Give the NIC its real prefix: `ip address add ADDRESS/LENGTH dev NIC`, then `ip address del ADDRESS/32 "
            "dev NIC`. If the provider wants /32 and the hosts do share an L2, add `ip route add OWNER dev NIC` for "
            "each of them."
        ),
        sources="cilium#14340, calico/node#563, calicoctl#716; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R10",
        "route-blocked",
        ERROR,
        OWNED,
        LAB,
        symptom="A remote subnet, or a part of it, is blackholed on the sending host.",
        detect=(
            "A route of type blackhole, unreachable or prohibit covers the subnet or lies inside it, and wins the "
            "look-up."
        ),
        fix=(
            "Delete it: `ip route del TYPE SUBNET`. Then add the right route if it is missing: `ip route add SUBNET "
            "via OWNER dev NIC proto static`."
        ),
        sources="rke2#11170; reproduced in network namespaces on kernel 6.18",
        beware="A blackhole drops in silence; unreachable answers Host Unreachable from the own bridge.",
    ),
    Entry(
        "R11",
        "route-blocked",
        ERROR,
        OWNED,
        LAB,
        symptom="A host drops traffic to its own containers although the bridge's connected route is listed.",
        detect="The owner has two routes to its own subnet, and the blackhole stands before the connected one.",
        fix="Delete the blackhole: `ip route del blackhole SUBNET`.",
        sources="flannel's option --ip-blackhole-route; reproduced in network namespaces on kernel 6.18",
        beware=(
            "It happens when the blackhole was there before the bridge got its address. The other order is refused "
            "with EEXIST."
        ),
    ),
    Entry(
        "R12",
        "route-shadowed",
        ERROR,
        OWNED,
        LAB,
        symptom="A part of a remote subnet cannot be reached, the rest can.",
        detect="A route to a longer prefix inside the subnet leads elsewhere; the longest prefix always wins.",
        fix="Delete the longer route: `ip route del LONGER_PREFIX via NEXT_HOP dev NIC`.",
        sources="rke2#11170, calico#2612; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R13",
        "underlay-mask-wide",
        ERROR,
        OWNED,
        LAB,
        symptom="A host asks by ARP on the LAN for the addresses of remote containers, and nobody answers.",
        detect=(
            "A packet to a remote container meets the connected route of the underlay NIC, whose mask is wider than "
            "the owner's. The NIC's neighbour entries for container addresses are INCOMPLETE."
        ),
        fix=(
            "Add the missing routes to the container subnets: `ip route add SUBNET via OWNER dev NIC proto static`. "
            "That is what the key does, and containers are reached again. The mask stays, and is left to be mended by "
            "hand, where the address is configured: `ip address add ADDRESS/LENGTH dev NIC`, then `ip address del "
            "ADDRESS/WIDE dev NIC`, from the console."
        ),
        sources="rancher#12766; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R14",
        "route-duplicate",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Traffic goes the wrong way although the right route exists too; or all is well until one of the routes "
            "vanishes."
        ),
        detect=(
            "There are several routes to one subnet with different metrics and gateways, and a wrong one among them. "
            "The lowest metric decides."
        ),
        fix="Delete the wrong route: `ip route del SUBNET via NEXT_HOP dev NIC metric METRIC`.",
        sources="ip-route(8); reproduced in network namespaces on kernel 6.18",
        beware="`ip route replace` without the metric adds a route and leaves the bad one.",
    ),
    Entry(
        "R15",
        "route-multipath",
        ERROR,
        SAFE,
        LAB,
        symptom="A share of all flows fails, often about half, and the same flow fails again and again.",
        detect="The route to the subnet has several next hops and one of them is not the owner.",
        fix=(
            "Replace it with the single hop: `ip route del SUBNET`, then `ip route add SUBNET via OWNER dev NIC proto "
            "static`."
        ),
        sources="ip-route(8); reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R16",
        "",
        NOTICE,
        ADVICE,
        TOLD,
        symptom="Some tools say that a route has no gateway, while traffic flows.",
        detect=(
            "The route uses a nexthop object and the kernel's `nexthop_compat_mode` is 0. hostgw-tui resolves the "
            "object's id, so it judges such a route like any other."
        ),
        fix="Nothing is wrong. See the object with `ip nexthop show id ID`.",
        sources="suzieq#968, ip-nexthop(8); reproduced in network namespaces on kernel 6.18",
        reason="This is a trap for readers of routes, not a fault of the network.",
    ),
    Entry(
        "R17",
        "rule-diverts-subnet",
        ERROR,
        OWNED,
        LAB,
        symptom=(
            "The host itself reaches remote containers, but its own containers do not; or they get no answer from "
            "their own gateway."
        ),
        detect=(
            "A policy rule selects another table for packets from the containers' subnet, and that table leads "
            "elsewhere. The look-up is made as the packet travels: from the container's address, arriving at the "
            "bridge; and for the host's own replies from the gateway's address to the container."
        ),
        fix=(
            "Remove the rule: `ip rule del pref PREF`. Or add the routes to that table: `ip route add SUBNET via OWNER "
            "dev NIC table TABLE`, and for the own subnet `ip route add SUBNET dev BRIDGE scope link table TABLE`."
        ),
        sources="ip-rule(8); reproduced in network namespaces on kernel 6.18",
        beware="`ip route get` without `from` and `iif` does not show it.",
    ),
    Entry(
        "R18",
        "rules-missing",
        ERROR,
        SAFE,
        LAB,
        symptom="A host loses everything that is not its own address, although its routes are all listed.",
        detect=(
            "No policy rule leads every packet to a standard table that holds routes: the kernel's own rules 32766 "
            "(table main) and 32767 (default) are missing."
        ),
        fix="Put them back: `ip rule add pref 32766 lookup main` and `ip rule add pref 32767 lookup default`.",
        sources="systemd#41350, cilium#18706, ip-rule(8)",
    ),
    Entry(
        "R19",
        "",
        ERROR,
        ADVICE,
        REFUSED,
        symptom="The NIC was moved into a VRF, and the routes in table main are not used for what arrives on it.",
        detect="The NIC has a VRF device as its master.",
        fix="Put the routes into the table of the VRF: `ip route add SUBNET via OWNER dev NIC table TABLE`.",
        sources="Linux documentation, networking/vrf; ip-vrf(8)",
        reason=(
            "The kernels that the tests run on have no VRF devices. A verdict that no test holds to the truth would be "
            "a guess."
        ),
    ),
    Entry(
        "R20",
        "route-stale",
        ERROR,
        OWNED,
        LAB,
        symptom="A route leads to a host that does not own the prefix, for instance because the owner has left.",
        detect=(
            "The prefix is inside the network, and its next hop is a listed, readable host that does not own it; or a "
            "complete inventory names no owner for it."
        ),
        fix="Delete the route: `ip route del SUBNET via NEXT_HOP dev NIC`.",
        sources="flannel#2554, flannel#996, flannel#509, kindnet's source",
    ),
    Entry(
        "R21",
        "subnet-looped",
        ERROR,
        SAFE,
        LAB,
        symptom='Traffic to containers of a host loops: that host, the owner, answers "Time to live exceeded".',
        detect=(
            "The owner has a route via another host to its own subnet, and that one stands before the connected route "
            "of the bridge."
        ),
        fix="Delete it on the owner: `ip route del SUBNET via NEXT_HOP dev NIC`. The network heals at once.",
        sources="flannel#254, flannel#2554, flannel#1546, flannel#801; reproduced in network namespaces on kernel 6.18",
        beware="The connected route is listed all the same. The first of equal routes wins.",
    ),
    Entry(
        "R22",
        "subnet-unrouted",
        ERROR,
        SAFE,
        LAB,
        symptom="A host has no route to its own container subnet.",
        detect=(
            "The bridge is up and has its address, and still the kernel has no connected route to the subnet: it was "
            "deleted, or the address was added with `noprefixroute`. A bridge that is down (L2) or has no address (L6) "
            "is told as such."
        ),
        fix="Add it: `ip route add SUBNET dev BRIDGE proto kernel scope link src GATEWAY`.",
        sources="kubernetes#67183; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R23",
        "bridge-no-carrier",
        NOTICE,
        ADVICE,
        LAB,
        symptom="No packet to a host's containers gets an answer, and the host reports no error.",
        detect=(
            "No port of the bridge is running (NO-CARRIER); the kernel soon marks the connected route `linkdown`, but "
            "still chooses it, and forwards into nothing."
        ),
        fix="Start a container, or mend the veths that should be ports (L3).",
        sources="reproduced in network namespaces on kernel 6.18",
        beware="On a host without containers this is the normal state.",
    ),
    Entry(
        "R24",
        "routes-lost",
        ERROR,
        SAFE,
        LAB,
        symptom="All routes to other hosts are gone after the NIC went down and up.",
        detect="None of the routes to other hosts' subnets is there, while the underlay NIC is up.",
        fix="Add all of them again: `ip route add SUBNET via OWNER dev NIC proto static` for each subnet.",
        sources="flannel#1070, kube-router#509; reproduced in network namespaces on kernel 6.18",
        beware=(
            "`ip link set NIC down` removes the routes without telling anybody. A lost carrier only marks them "
            "`linkdown`."
        ),
    ),
    Entry(
        "R25",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "A host has got a new address. The others still send to the old one, and lose everything once their ARP "
            "entries expire."
        ),
        detect=(
            "All other hosts send the subnet to one and the same address that nobody listed holds, while the owner has "
            "another."
        ),
        fix=(
            "Replace the route on every host: `ip route del SUBNET via OLD_ADDRESS`, then `ip route add SUBNET via "
            "OWNER dev NIC proto static`. Restart flanneld where it manages them."
        ),
        sources="flannel's documentation; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "R26",
        "route-missing",
        ERROR,
        SAFE,
        LAB,
        symptom="Packets arrive in one direction, and no answer comes back.",
        detect=(
            "The receiving host has no route back to the sender's subnet, or a wrong one. With strict reverse path "
            "filtering the packets die on arrival."
        ),
        fix="Add the route back on the receiving host: `ip route add SUBNET via OWNER dev NIC proto static`.",
        sources="reproduced in network namespaces on kernel 6.18",
        beware="The counter IPReversePathFilter rises where strict filtering drops what arrives.",
    ),
    Entry(
        "R27",
        "route-source-elsewhere",
        NOTICE,
        OWNED,
        LAB,
        symptom="What the host itself sends into a subnet carries an address of another device, and answers go astray.",
        detect="The preferred source (`src`) of the route is no address of the route's device.",
        fix=(
            "Replace the route without the source: `ip route del SUBNET via OWNER dev NIC`, then `ip route add SUBNET "
            "via OWNER dev NIC proto static`."
        ),
        sources="flannel#327, ip-route(8)",
        beware="Containers keep their own source address: only the host's own traffic is concerned.",
    ),
    Entry(
        "R28",
        "backends-differ",
        WARNING,
        ADVICE,
        LAB,
        symptom="Some hosts never get routes to each other, because their agents use different backends.",
        detect="One host reaches a subnet through a tunnel device, while the subnet's owner answers by a plain route.",
        fix="Give all agents the same backend in their network configuration and restart them.",
        sources="flannel's source, k3s#1963, k3s#2049",
        beware='flannel only logs "Ignoring non-host-gw subnet".',
    ),
    Entry(
        "R29",
        "route-missing",
        ERROR,
        SAFE,
        LAB,
        symptom="In a big fleet a few routes are missing on a few hosts.",
        detect="Every host's routes are compared with what is expected of it: a route per subnet of every other host.",
        fix=(
            "Add each of them: `ip route add SUBNET via OWNER dev NIC proto static`. `hostgw-tui fix` does all hosts "
            "at once."
        ),
        sources="flannel#958, kube-router#238, kube-router#1559, calico#8751",
    ),
    Entry(
        "R30",
        "",
        NOTICE,
        ADVICE,
        TOLD,
        symptom="A program undoes what was mended by hand, or never mends it itself.",
        detect=(
            "The protocol of a route says who made it (`proto bird`, `proto 17` for kube-router, `proto static`). The "
            "preview of a fix names the owner."
        ),
        fix="Mend it in the program that owns the route.",
        sources="sources of flannel, kindnet and kube-router",
        reason="It is no state of its own: the previews of fixes name the owner, and findings that come back show it.",
    ),
    Entry(
        "R31",
        "route-wrong-next-hop",
        ERROR,
        SAFE,
        TOLD,
        symptom="A wrong route survives for ever although flanneld runs.",
        detect="The route has exactly the subnet's prefix and another gateway. flanneld sees EEXIST and stays silent.",
        fix=(
            "Delete the wrong route: `ip route del SUBNET via NEXT_HOP dev NIC`. flanneld adds the right one within 10 "
            "seconds."
        ),
        sources="flannel's source; reproduced in network namespaces on kernel 6.18",
        reason="The wrong route is found as R3, R4 or R5, whoever should have mended it.",
    ),
)
