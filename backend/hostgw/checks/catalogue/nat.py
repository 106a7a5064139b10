"""NAT and conntrack: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, OWNED, SAFE, STATE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "N1",
        "masquerade-between-containers",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Remote containers see the host's address instead of the container's, so answers, logs and policies are "
            "wrong."
        ),
        detect="Walking nat POSTROUTING with a packet from container to container ends at a MASQUERADE or SNAT.",
        fix=(
            "Exempt the network first: `iptables -t nat -I POSTROUTING 1 -s NETWORK -d NETWORK -j RETURN`, then delete "
            "the flows that were tracked: `conntrack -D -s SUBNET -d NETWORK`. Lasting with Docker: `--ip-masq=false` "
            "and one rule of your own."
        ),
        sources="flannel#117, flannel#835; reproduced in network namespaces on kernel 6.18",
        beware="Ping works all the time. Look at the source address that the receiver sees.",
    ),
    Entry(
        "N2",
        "masquerade-between-containers",
        ERROR,
        OWNED,
        LAB,
        symptom="The CNI's bridge plugin masquerades traffic between containers, beside the agent's own rules.",
        detect='The MASQUERADE stands in a chain of a CNI plugin (`CNI-...`); its configuration has `"ipMasq": true`.',
        fix="Exempt the network as in N1, and set ipMasq to false in the CNI configuration.",
        sources="cloud-provider-openstack#2482",
    ),
    Entry(
        "N3",
        "masquerade-between-containers",
        ERROR,
        SAFE,
        LAB,
        symptom=(
            "Traffic between containers is masqueraded although an exemption exists: it stands behind the MASQUERADE."
        ),
        detect="Walking nat POSTROUTING reaches the MASQUERADE before the RETURN that should exempt the network.",
        fix=(
            "Move the exemption to the front: `iptables -t nat -D POSTROUTING -s NETWORK -d NETWORK -j RETURN`, then "
            "`iptables -t nat -I POSTROUTING 1 -s NETWORK -d NETWORK -j RETURN`. Then delete the tracked flows."
        ),
        sources="flannel's source; reproduced in network namespaces on kernel 6.18",
        beware="Agents that only test whether the rule exists never mend its place.",
    ),
    Entry(
        "N4",
        "masquerade-missing",
        WARNING,
        SAFE,
        LAB,
        symptom="Containers reach each other, but not the Internet.",
        detect=(
            "Walking nat POSTROUTING with a packet from a container to the outside meets no SNAT, while most other "
            "hosts have one and the host's default route leads to none of them."
        ),
        fix="`iptables -t nat -A POSTROUTING -s SUBNET ! -d NETWORK -j MASQUERADE --random-fully`.",
        sources="flannel#115, flannel#252, flannel#799, moby#28133",
        beware="A network whose addresses are routed outside needs no NAT.",
    ),
    Entry(
        "N5",
        "masquerade-between-containers",
        ERROR,
        OWNED,
        LAB,
        symptom="Traffic to some remote subnets is masqueraded, to others it is not.",
        detect=(
            "The exemption covers another range than the network: a wrong cluster range, or one that differs between "
            "hosts."
        ),
        fix="Correct the range in the rule (and in the agent's settings) on all hosts, then delete the tracked flows.",
        sources="flannel#2176",
    ),
    Entry(
        "N6",
        "host-traffic-masqueraded",
        NOTICE,
        ADVICE,
        LAB,
        symptom="A remote container sees a host's address for traffic that a host sends into the network.",
        detect="A rule masquerades what comes from outside the network and goes into it (`! -s NETWORK -d NETWORK`).",
        fix=(
            "This is by design, so that answers come back. Delete the rule only if you want the original source and "
            "routes back exist."
        ),
        sources="flannel#864, flannel#1592, flannel#117",
    ),
    Entry(
        "N7",
        "node-traffic-masqueraded",
        NOTICE,
        OWNED,
        LAB,
        symptom=(
            "Hosts see other hosts' addresses for traffic that containers send to them; policies on the hosts judge "
            "wrongly."
        ),
        detect="The MASQUERADE towards the outside also matches the hosts' own addresses.",
        fix=(
            "Exempt the hosts' segment, if you want it: `iptables -t nat -I POSTROUTING 1 -s NETWORK -d SEGMENT -j "
            "RETURN`."
        ),
        sources="flannel#964, kube-router's source",
    ),
    Entry(
        "N8",
        "flow-keeps-snat",
        WARNING,
        SAFE,
        LAB,
        symptom="The rule was mended and nothing changed: some flows are still masqueraded.",
        detect="A conntrack entry between two containers still holds the host's address in its reply direction.",
        fix="Delete the entries concerned: `conntrack -D -s SOURCE -d DESTINATION`.",
        sources="conntrack(8); reproduced in network namespaces on kernel 6.18",
        beware="NAT is decided once per flow. A ping that never stops is one flow.",
    ),
    Entry(
        "N9",
        "iptables-split",
        WARNING,
        ADVICE,
        LAB,
        symptom="Rules exist in both iptables backends, and each tool shows only its half.",
        detect=(
            "Chains that containers' traffic passes hold rules in both backends. A legacy table that is merely loaded "
            "does not count."
        ),
        fix=(
            "Move all rules to one backend and flush the other: `iptables-legacy -t TABLE -F` once nobody needs them "
            "there."
        ),
        sources=(
            "flannel#1317, flannel#1306, flannel#1462, kube-router#1069, kubernetes#71305, kubernetes#109811, "
            "k3s#2260; reproduced in network namespaces on kernel 6.18"
        ),
        beware="Both take effect. An accept in one does not undo a drop in the other.",
    ),
    Entry(
        "N10",
        "rule-without-match",
        NOTICE,
        ADVICE,
        STATE,
        symptom="After an upgrade a rule drops everything, because it lost its match.",
        detect=(
            "A DROP or REJECT without any condition stands in front of other rules of a chain that forwarded packets "
            "can come to."
        ),
        fix="Bring the versions in line and have the program write its rules again.",
        sources="kube-router#1415, kube-router#1588",
        beware="Some firewalls end a chain so on purpose and leave rules behind it.",
    ),
    Entry(
        "N11",
        "conntrack-full",
        ERROR,
        SAFE,
        STATE,
        symptom='New connections fail. The kernel logs "nf_conntrack: table full, dropping packet".',
        detect="The number of tracked connections is 90 % of `nf_conntrack_max` or more.",
        fix="`sysctl -w net.netfilter.nf_conntrack_max=VALUE`, raise the hash size too, and make both last.",
        sources="kubernetes#71261, kubernetes#18604; the limit's place seen on kernel 6.18",
        beware="The limit can be set in the initial network namespace only.",
    ),
    Entry(
        "N12",
        "source-ports-clash",
        NOTICE,
        OWNED,
        STATE,
        symptom="Now and then a connection to the outside takes 1, 3 or 5 seconds longer, or times out.",
        detect=(
            "Conntrack counts failed insertions (insert_failed), and the rule that masquerades containers' traffic to "
            "the outside lacks `--random-fully`."
        ),
        fix=(
            "Replace the rule by one with the option: `iptables -t nat -R POSTROUTING NUMBER -s SUBNET ! -d NETWORK -j "
            "MASQUERADE --random-fully`."
        ),
        sources="flannel#1001, flannel#1040, flannel#1004, containernetworking/plugins#163, calico#2073",
    ),
    Entry(
        "N13",
        "source-ports-exhausted",
        ERROR,
        ADVICE,
        STATE,
        symptom="Under load all new connections to one server fail, others work.",
        detect=(
            "The tracked connections from one address to one server's port are 90 % or more of the source ports that "
            "there are."
        ),
        fix="Use more source addresses, or stop masquerading this traffic (N1).",
        sources="fck-nat#144",
    ),
    Entry(
        "N14",
        "flow-to-dead-address",
        WARNING,
        SAFE,
        LAB,
        symptom="UDP to a container is lost after it was restarted: packets still go to its old address.",
        detect=(
            "A tracked UDP flow is translated to an address in a host's subnet that no container holds and no rule "
            "names any more."
        ),
        fix="Delete the entries: `conntrack -D -p udp -r ADDRESS`.",
        sources="kubernetes#66651, kubernetes#59033, kubernetes#125467, kubernetes#136213",
    ),
    Entry(
        "N15",
        "",
        NOTICE,
        ADVICE,
        TOLD,
        symptom="Packets with container addresses appear in the outside network.",
        detect=(
            "Packets that conntrack calls INVALID skip NAT; a capture on the NIC shows container addresses going out."
        ),
        fix=(
            "Drop them for what goes outside: `iptables -I FORWARD -s NETWORK ! -d NETWORK -m conntrack --ctstate "
            "INVALID -j DROP`."
        ),
        sources="docker/for-linux#1126",
        reason="A few such packets are normal on any host with NAT. A capture shows them; there is no state to judge.",
    ),
    Entry(
        "N16",
        "masquerade-unwanted",
        WARNING,
        ADVICE,
        STATE,
        symptom="A MASQUERADE of Docker is back although masquerading was switched off.",
        detect=(
            'A rule of the form that Docker writes masquerades docker0\'s subnet, while daemon.json says `"ip-masq": '
            "false`."
        ),
        fix=(
            "Look at the option of the network itself (`com.docker.network.bridge.enable_ip_masquerade`) and make the "
            "network again."
        ),
        sources="moby#36486",
    ),
    Entry(
        "N17",
        "",
        NOTICE,
        ADVICE,
        TOLD,
        symptom=(
            "The provider drops what containers send to parts of the private range, because it does not know the "
            "source."
        ),
        detect="The range that is exempted from NAT is wider than the containers' network.",
        fix="Narrow the exemption to NETWORK.",
        sources="cilium#47527",
        reason="What the provider routes is not to be seen from the hosts. Screen 4 shows what is exempted.",
    ),
)
