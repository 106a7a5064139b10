"""Daemons, persistence, order: the entries of the catalogue."""

from __future__ import annotations

from hostgw.checks.catalogue.model import ADVICE, ERROR, LAB, NOTICE, OWNED, SAFE, STATE, TOLD, WARNING, Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "P1",
        "routes-not-persistent",
        NOTICE,
        ADVICE,
        STATE,
        symptom="Routes that were made by hand are gone after a reboot or after the NIC went down.",
        detect=(
            "The route was made by hand (protocol boot or static), is in none of the configuration files that are "
            "read, and no program runs that keeps a cluster's routes."
        ),
        fix=(
            "`hostgw-tui persist` writes it into the host's network configuration: networkd, NetworkManager, netplan, "
            "ifupdown, or a unit of systemd."
        ),
        sources="systemd.network(5), interfaces(5); the loss reproduced in network namespaces on kernel 6.18",
    ),
    Entry(
        "P2",
        "networkd-purges-routes",
        NOTICE,
        ADVICE,
        STATE,
        symptom="Routes vanish when systemd-networkd is restarted or netplan is applied.",
        detect=(
            "networkd has configured the underlay NIC, `ManageForeignRoutes` is not `no`, and the routes to other "
            "hosts are not in its own files."
        ),
        fix=(
            "A file in /etc/systemd/networkd.conf.d with, under [Network], `ManageForeignRoutes=no` and "
            "`ManageForeignRoutingPolicyRules=no`: `hostgw-tui persist` writes it. Then restart systemd-networkd."
        ),
        sources="kube-router#1815, bottlerocket#3437, deckhouse#6561, flatcar#620, systemd#25451, systemd#29716",
        beware="Routes in table local go all the same.",
    ),
    Entry(
        "P3",
        "networkmanager-takes-veths",
        WARNING,
        ADVICE,
        STATE,
        symptom=(
            "NetworkManager takes over container devices: it runs DHCP on them, takes them out of the bridge, or "
            "removes addresses."
        ),
        detect=(
            "NetworkManager says that it manages the veth of a container, and the veth has got an address by DHCP or a "
            "link-local one. What its files say does not count, only what it did."
        ),
        fix=(
            "A file in /etc/NetworkManager/conf.d with, under [keyfile], "
            "`unmanaged-devices=interface-name:veth*;interface-name:cni*;interface-name:docker0;interface-name:br-*`."
        ),
        sources="podman#11123, containernetworking/cni#77, kubernetes-nmstate#701, CybICS#224, moby#27950",
    ),
    Entry(
        "P4",
        "sysctl-file-forwarding-off",
        WARNING,
        ADVICE,
        LAB,
        symptom="Forwarding works now, and stops at the next reload of the sysctls or the next boot.",
        detect=(
            "Of the files in sysctl.d and /etc/sysctl.conf, the last one that sets forwarding says 0, while the "
            "running value is 1."
        ),
        fix="Change the file: `net.ipv4.ip_forward = 1`. `hostgw-tui persist` writes one that is read after it.",
        sources="moby#47966, nixpkgs#118656, kubeadm-ansible#13, sysctl.d(5)",
    ),
    Entry(
        "P5",
        "bridge-address-wrong",
        ERROR,
        OWNED,
        STATE,
        symptom="Docker started before flannel, so its bridge has another subnet than the host was given.",
        detect="The prefix of docker0 is not FLANNEL_SUBNET of `/run/flannel/subnet.env`.",
        fix="Order the units, so that Docker starts after flannel, and restart Docker.",
        sources="flannel#246, flannel#247",
    ),
    Entry(
        "P6",
        "",
        WARNING,
        OWNED,
        TOLD,
        symptom="After Docker was restarted, rules that stood in front stand behind Docker's again.",
        detect="The places of our rule and of Docker's are compared by walking the chains (N3, F6, F10).",
        fix="Put the rule in front again. In the filter use DOCKER-USER, which Docker leaves alone.",
        sources="Docker's documentation (packet filtering and firewalls)",
        reason="The order is judged whenever it changes, as N3, F6 or F10. That a restart did it is not to be read.",
    ),
    Entry(
        "P7",
        "cni-files-many",
        WARNING,
        ADVICE,
        STATE,
        symptom=(
            "Containers get addresses of another network: several CNI configurations are there, and the first by name "
            "wins."
        ),
        detect=(
            "The first CNI configuration by name belongs to a program that does not run, and a later one to one that "
            "does."
        ),
        fix="Remove the one that is not meant, and recreate the containers.",
        sources="flannel#1437, k8s-snap#2602",
    ),
    Entry(
        "P8",
        "port-detached",
        ERROR,
        SAFE,
        LAB,
        symptom="A program made the bridge anew, and the veths of running containers are in no bridge.",
        detect=(
            "The host owns a subnet and has no container bridge any more, and the veths of its containers are in none. "
            "Where a new bridge is there already, it shows as L3."
        ),
        fix="`ip link set PORT master BRIDGE up` for each.",
        sources="nixpkgs#42828",
    ),
    Entry(
        "P9",
        "left-from-another-cluster",
        NOTICE,
        ADVICE,
        STATE,
        symptom="A host was moved from another cluster, and the old bridge and routes are still there.",
        detect=(
            "A bridge that a CNI plugin made stands outside the network and has no ports, on a host whose containers "
            "live elsewhere."
        ),
        fix="Clean up what belongs to the old one: `ip link delete BRIDGE`, `ip route del SUBNET`, and its chains.",
        sources="flannel#1850",
    ),
    Entry(
        "P10",
        "module-not-at-boot",
        NOTICE,
        ADVICE,
        STATE,
        symptom="Services fail after a reboot: a kernel module that is loaded now is not loaded at boot.",
        detect=(
            "kube-proxy runs and br_netfilter is loaded, but neither a file in modules-load.d nor a program that runs "
            "loads it at boot."
        ),
        fix="Name it there: `br_netfilter` in a file of /etc/modules-load.d, as `hostgw-tui persist` does.",
        sources="kubernetes-the-hard-way#561, modules-load.d(5)",
        beware="kubelet and Docker load it themselves when they start.",
    ),
)
