"""What to write where, for what is in files, clouds and programs rather than in the kernel."""

from __future__ import annotations

_PERSIST = "hostgw-tui persist shows what it would write into which file, and writes it under guard"
_CLOUD = "look with a capture whether frames that leave one host arrive at the other"
_ASSIGNED = (
    "recreate the containers that hold addresses of the wrong subnet, then the bridge: `ip link delete cni0` and "
    "restart kubelet, or restart docker",
    'Docker: "bip" in /etc/docker/daemon.json is the bridge\'s address with its length, {"bip": "10.239.1.1/24"}',
    "flannel: start the agent first; a unit drop-in [Unit] After=flanneld.service for docker.service keeps the order",
)

FILES: dict[str, tuple[str, ...]] = {
    "A2": _ASSIGNED,
    "A14": _ASSIGNED,
    "P5": _ASSIGNED,
    "A3": (
        "move the containers of one bridge to the other, then delete the empty bridge: `ip link delete BRIDGE`",
        'or give Docker\'s bridge another subnet: "bip" in /etc/docker/daemon.json, then restart docker',
    ),
    "A4": (
        'give each host its own subnet: {"bip": "172.17.0.1/24"} in /etc/docker/daemon.json of the first host, '
        '{"bip": "172.17.1.1/24"} of the second, and so on; restart docker there',
        "then add a route per host and subnet on all others",
        "all of that in one go: `hostgw-tui --network 172.17.0.0/16 setup --no-nat --restart-docker` gives each host "
        "the next subnet, and shows what it does first",
    ),
    "A5": (
        'choose another range for the containers: "bip" and "default-address-pools" in /etc/docker/daemon.json, or '
        "flannel's Network",
        "or have the VPN or LAN use another one",
    ),
    "A6": (
        "name the NIC that the hosts share: flanneld --iface=eth1; `underlay` in hosts.toml",
        "list each machine once",
    ),
    "A7": ("take the address off one of the machines: `ip address del ADDRESS dev NIC`, and out of its files",),
    "A8": ("recreate one of the containers; look for a second CNI file or a stale reservation that gave the address",),
    "A9": ("remove the CNI file that gave the address (/etc/cni/net.d) and recreate the container",),
    "A10": ("recreate the container with the mask of the bridge",),
    "A12": (
        "remove reservations without a container: files in /var/lib/cni/networks/NAME whose content names none",
        "or give the host a wider subnet",
    ),
    "A13": (
        "put the address of the NIC into the inventory, or the address on the NIC",
        "a host behind NAT cannot take part: its NIC must hold the address that the others route to",
    ),
    "P1": (
        _PERSIST,
        "networkd, in the .network file of the NIC: [Route] Destination=10.239.1.0/24 Gateway=10.5.7.61, per subnet",
        "NetworkManager: nmcli connection modify NAME +ipv4.routes '10.239.1.0/24 10.5.7.61'",
        "ifupdown, in /etc/network/interfaces below the NIC: up ip route replace 10.239.1.0/24 via 10.5.7.61",
    ),
    "P2": (
        _PERSIST,
        "write /etc/systemd/networkd.conf.d/hostgw.conf: [Network] ManageForeignRoutes=no "
        "ManageForeignRoutingPolicyRules=no (three lines), then restart systemd-networkd",
        "or write the routes into the .network file of the NIC: [Route] Destination=SUBNET Gateway=OWNER",
    ),
    "P3": (
        "write /etc/NetworkManager/conf.d/hostgw.conf: [keyfile] "
        "unmanaged-devices=interface-name:veth*;interface-name:cni*;interface-name:docker0;interface-name:br-* "
        "(two lines), then `nmcli general reload` and restart the containers",
    ),
    "P4": (
        _PERSIST,
        "write net.ipv4.ip_forward = 1 into that file",
        "or into /etc/sysctl.d/99-zz-hostgw.conf, which is read after it; check /etc/sysctl.conf, which is read last",
    ),
    "P7": ("remove the CNI file that comes first by name, then recreate the containers that it gave addresses to",),
    "P8": (
        "make the bridge again (restart docker or kubelet, or `ip link add BRIDGE type bridge`, give it the first "
        "address of the subnet, set it up), then put each veth into it: `ip link set VETH master BRIDGE`",
    ),
    "P9": (
        "when nothing uses it: `ip link delete BRIDGE`; routes into its range: `ip route del SUBNET`",
        "then the chains that the old cluster's agent wrote",
    ),
    "P10": (
        _PERSIST,
        "write a line br_netfilter into /etc/modules-load.d/hostgw.conf",
    ),
    "U1": (
        _CLOUD,
        "what the host's port, hypervisor or cloud checks must let NETWORK pass: allowed addresses, or no check at all",
        "OpenStack: openstack port set --allowed-address ip-address=NETWORK PORT, on the port of every host",
    ),
    "U2": (_CLOUD, "AWS: aws ec2 modify-instance-attribute --no-source-dest-check, for every instance"),
    "U3": (_CLOUD, "Google Cloud: a route of the VPC per container subnet, and IP forwarding on every instance"),
    "U4": (_CLOUD, "Hetzner: a route of the private network per container subnet, or a vSwitch, or an overlay"),
    "U5": (_CLOUD, "Azure: IP forwarding on every NIC, and a route table with a route per container subnet"),
    "U6": (_CLOUD, "allow MAC address changes and forged transmits (VMware) or MAC spoofing (Hyper-V) for the NIC"),
}
