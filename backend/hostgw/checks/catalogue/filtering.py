"""Forwarding and filtering: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, OWNED, SAFE, STATE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "F1",
        "forwarding-off",
        ERROR,
        SAFE,
        LAB,
        symptom="A host forwards nothing: its containers reach no other host, and no other host reaches them.",
        detect="`net.ipv4.ip_forward` is 0. The counter IpInAddrErrors rises with each packet that it should forward.",
        fix="`sysctl -w net.ipv4.ip_forward=1`, and make it last in /etc/sysctl.d.",
        sources=(
            "moby#47966, nixpkgs#118656, openshift/origin#9931, kubeadm-ansible#13; reproduced in network namespaces "
            "on kernel 6.18"
        ),
    ),
    Entry(
        "F2",
        "forwarding-off",
        ERROR,
        SAFE,
        LAB,
        symptom="`ip_forward` is 1, and still the host does not forward what arrives on one device.",
        detect="`net.ipv4.conf.INTERFACE.forwarding` is 0 on the bridge or the underlay NIC.",
        fix="`sysctl -w net.ipv4.conf.INTERFACE.forwarding=1`.",
        sources="systemd#468, ifupdown2#179; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "F3",
        "reverse-path-strict",
        ERROR,
        SAFE,
        LAB,
        symptom="Packets die on arrival, without an answer and without a log line.",
        detect=(
            "Reverse path filtering is strict on the NIC (the larger of `all` and its own is 1), and the way back to "
            "the source leads out of another NIC, although the host's routes are as they should be."
        ),
        fix=(
            "Have packets come and go by one NIC. If the ways are meant to differ, filter loosely on that NIC: `sysctl "
            "-w net.ipv4.conf.NIC.rp_filter=2`."
        ),
        sources="cilium#10645, cilium#13130, cilium#12217; reproduced in network namespaces on kernel 6.18",
        beware=(
            "The counter IPReversePathFilter rises with each packet. Strict filtering harms nobody while the routes "
            "are right; where one is wrong, that route is the finding."
        ),
    ),
    Entry(
        "F4",
        "reverse-path-loose-everywhere",
        NOTICE,
        ADVICE,
        STATE,
        symptom="Calico refuses to start because reverse path filtering is loose for all devices.",
        detect="`net.ipv4.conf.all.rp_filter` is 2, as systemd sets it since version 240, and Calico's agent runs.",
        fix="Where Calico runs: `sysctl -w net.ipv4.conf.all.rp_filter=1`, or tell Calico to ignore it.",
        sources="felix#2082, fedora-coreos-tracker#219",
        beware="It says nothing against host-gw.",
    ),
    Entry(
        "F5",
        "forward-dropped",
        ERROR,
        SAFE,
        LAB,
        symptom="A host drops what it should forward to and from its containers.",
        detect=(
            "Walking FORWARD with packets between the host's and other hosts' containers, new ones and answers, ends "
            "at the chain's policy DROP."
        ),
        fix=(
            "Accept the network in front: `iptables -I FORWARD 1 -s NETWORK -j ACCEPT` and `iptables -I FORWARD 1 -d "
            'NETWORK -j ACCEPT`; with Docker use DOCKER-USER, or `"ip-forward-no-drop": true`.'
        ),
        sources=(
            "flannel#609, flannel#872, weave#2758, Docker's documentation; reproduced in network namespaces on kernel "
            "6.18"
        ),
        beware="Docker sets this policy when it turns forwarding on itself.",
    ),
    Entry(
        "F6",
        "forward-dropped",
        ERROR,
        SAFE,
        LAB,
        symptom='Forwarded packets are dropped or rejected by a rule. Senders may get "Host Prohibited".',
        detect=(
            "Walking FORWARD with packets between the host's and other hosts' containers, new ones and answers, ends "
            "at a DROP or REJECT."
        ),
        fix=(
            "Put the accept in front of it: `iptables -I FORWARD 1 -s NETWORK -d NETWORK -j ACCEPT`, or into "
            "DOCKER-USER."
        ),
        sources="kubeadm#139, flannel#2116; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "F7",
        "forward-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="iptables shows nothing wrong, and still forwarded packets are dropped.",
        detect=(
            "Walking the chains of the native nftables tables on the forward hook, firewalld's for instance, ends at a "
            "drop or reject."
        ),
        fix=(
            "With firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE`, `firewall-cmd "
            "--permanent --zone=trusted --add-source=NETWORK`, `firewall-cmd --reload`. Otherwise add an accept to "
            "that chain."
        ),
        sources="flannel#2055, kubesolo#146, flannel#375; reproduced in network namespaces on kernel 6.18",
        beware="iptables does not list such tables; `nft list ruleset` does.",
    ),
    Entry(
        "F8",
        "forward-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="ufw drops what the host should forward.",
        detect="Walking FORWARD ends in a chain of ufw, or at the policy DROP while ufw's chains are there.",
        fix=(
            "`ufw route allow from NETWORK to NETWORK`; or set DEFAULT_FORWARD_POLICY to ACCEPT in /etc/default/ufw "
            "and `ufw reload`."
        ),
        sources="moby#4737, moby#15086",
    ),
    Entry(
        "F9",
        "forward-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="An accept in one nftables table does not help: packets are still dropped.",
        detect=(
            "One base chain on the forward hook drops the packet, and another one accepts it. An accept ends one chain "
            "only."
        ),
        fix="Add the accept to the chain that drops.",
        sources="nft(8), flannel's nftables mode; reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "F10",
        "direct-access-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom=(
            "With Docker 28 and later, other hosts cannot reach a container's address at all, while FORWARD counts "
            "nothing."
        ),
        detect="A rule in raw PREROUTING drops packets to a container that do not arrive on its own bridge.",
        fix=(
            "Insert an accept in front: `iptables -t raw -I PREROUTING 1 -s NETWORK -d SUBNET -j ACCEPT`. Docker "
            "writes its rules again when it restarts. Lasting: the network's option "
            "`com.docker.network.bridge.trusted_host_interfaces=NIC`, `gateway_mode_ipv4=nat-unprotected`, or "
            "dockerd's `--allow-direct-routing`."
        ),
        sources=(
            "moby#49325, moby#49829, moby#51015, moby#49832, moby#52224; the rule's effect reproduced in network "
            "namespaces on kernel 6.18"
        ),
        beware="Options of a Docker network are fixed when it is made: a running one must be made again.",
    ),
    Entry(
        "F11",
        "forward-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="With Docker 28 and later, other hosts reach published ports of a container only.",
        detect="Walking FORWARD with a packet from another host's container ends at a drop in one of Docker's chains.",
        fix=(
            "`iptables -I DOCKER-USER -s NETWORK -d SUBNET -j ACCEPT`. Lasting: `gateway_mode_ipv4=nat-unprotected` "
            "for the network, or dockerd's `--allow-direct-routing`."
        ),
        sources="moby#48724, docker/docs#25760, docker/docs#22601",
    ),
    Entry(
        "F12",
        "direct-access-dropped",
        ERROR,
        OWNED,
        LAB,
        symptom="Docker 29 with its nftables backend drops direct access, and iptables shows no rule of it.",
        detect="Docker's own nftables table (`docker-bridges`) drops packets to the containers' subnet.",
        fix=(
            "Lasting: the network's option `com.docker.network.bridge.trusted_host_interfaces=NIC`, or dockerd's "
            "`--allow-direct-routing`; an accept in another table does not help."
        ),
        sources="Docker's documentation (nftables)",
    ),
    Entry(
        "F13",
        "networks-isolated",
        NOTICE,
        ADVICE,
        STATE,
        symptom="Containers of two Docker networks on one host cannot reach each other.",
        detect="Docker's isolation chains drop what goes from one of its bridges to another.",
        fix="This is by design. Put the containers into one network, or use routed mode.",
        sources="Docker's documentation",
    ),
    Entry(
        "F14",
        "input-dropped",
        NOTICE,
        OWNED,
        LAB,
        symptom="A container cannot reach its own host, while everything else works.",
        detect="Walking INPUT with a packet from the bridge ends at a drop.",
        fix="If containers should reach the host: `iptables -I INPUT -i BRIDGE -j ACCEPT`.",
        sources="flannel#2116",
        beware="Many operators want it so; it does not touch traffic between containers.",
    ),
    Entry(
        "F15",
        "",
        ERROR,
        SAFE,
        TOLD,
        symptom="Connections break now and then: answers take another path, and a firewall on it calls them INVALID.",
        detect="A rule that drops `ctstate INVALID` counts up while routes of the two directions differ.",
        fix="Mend the route that leads astray. Do not delete the rule.",
        sources="kubeadm#139",
        reason="The cause is the route that leads astray, which is found by itself (R3, R4, R26).",
    ),
    Entry(
        "F16",
        "filter-unreadable",
        WARNING,
        ADVICE,
        STATE,
        symptom='Filter rules cannot be read or set: "No chain/target/match by that name".',
        detect="Reading the rules failed although the agent is root. What they do is then unknown, and never guessed.",
        fix="Install the kernel's package of extra modules, or the iptables that belongs to the kernel.",
        sources="kube-router#775",
    ),
    Entry(
        "F17",
        "",
        WARNING,
        OWNED,
        TOLD,
        symptom="Filter or NAT rules have vanished after a firewall was reloaded.",
        detect="Chains that Docker or an agent makes are absent although the program runs.",
        fix="Restart Docker or the agent, and keep the rules in the firewall's own settings.",
        sources="Docker's documentation (firewalld)",
        reason="What is missing shows by its effect (N4, F5), and is found there; that a reload did it cannot be read.",
    ),
    Entry(
        "F18",
        "probe-unanswered",
        ERROR,
        ADVICE,
        LAB,
        symptom="Packets are lost although every check passes.",
        detect=(
            "A probe is not answered (`check --probe`), and no finding is a reason for it. Told are the devices that "
            "it was seen at, and the counters that rose meanwhile."
        ),
        fix=(
            "Capture on both hosts (`hostgw-tui capture`, screen 5). Tools such as retis and pwru name the kernel's "
            "reason for a drop."
        ),
        sources="retis's documentation; reproduced in network namespaces on kernel 6.18",
        beware="A container may refuse echo requests by itself, and be well otherwise.",
    ),
)
