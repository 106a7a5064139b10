"""Links, bridges, neighbours and MTUs broken by hand; what only looks like it brings nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import pytest

from hostgw.checks.run import run
from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import LinkChange, NeighbourChange, SysctlChange
from hostgw.model.finding import Finding, listed
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Address, Bridge, Filter, Link, Neighbour, Port, Rule, Sysctl
from hostgw.plans.build import plan
from hostgw.plans.reverse import reversed_change
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, nat, routes

Break = Callable[[Fabric], Fabric]
FIRST = PORT + 1
NF = "net/bridge/bridge-nf-call-iptables"
SERVICES = ":KUBE-SERVICES - [0:0]\n[0:0] -A PREROUTING -j KUBE-SERVICES"
VM3 = "10.5.7.62"


def told(fabric: Fabric) -> tuple[Finding, ...]:
    return run(fabric, build(fabric))


def roots(fabric: Fabric) -> set[str]:
    return {f.id for f in listed(told(fabric)) if not f.caused_by}


def notices(fabric: Fabric) -> set[str]:
    known = {f.id for f in told(healthy())}
    return {f.id for f in told(fabric) if f.severity == "notice"} - known


def link(name: str, index: int, ns: int = 0, **changed: object) -> Break:
    """Break: fields of one device are other ones."""
    return lambda fabric: altered(
        fabric,
        name,
        Section.LINKS,
        lambda rows: [msgspec.structs.replace(r, **changed) if r.index == index else r for r in rows],
        ns,
    )


def added(name: str, section: Section, *new: object, ns: int = 0) -> Break:
    return lambda fabric: altered(fabric, name, section, lambda rows: [*rows, *new], ns)  # type: ignore[list-item]


def sysctl(name: str, path: str, value: str) -> Break:
    return added(name, Section.SYSCTLS, Sysctl(path, value))


def rules(name: str, number: int, *more: str) -> Break:
    text = nat(f"10.239.{number - 1}.0/24")
    lines = text.replace("\nCOMMIT", "\n" + SERVICES + "\nCOMMIT") if "services" in more else text
    rest = "\n".join(line for line in more if line != "services")
    return lambda fabric: altered(fabric, name, Section.FILTERS, lambda rows: [Filter("nft", f"{lines}\n{rest}")])


def filtered(policy: str, *lines: str) -> str:
    return "\n".join(["*filter", f":FORWARD {policy} [0:0]", *lines, "COMMIT"])


def all_of(*breaks: Break) -> Break:
    def together(fabric: Fabric) -> Fabric:
        for each in breaks:
            fabric = each(fabric)
        return fabric

    return together


def neighbour(address: str, mac: str = "", state: str = "reachable", unanswered: bool = False) -> Break:
    return added("vm1", Section.NEIGHBOURS, Neighbour(NIC, address, mac, state, unanswered))


# ---- breaks ----

BARE_NIC = link("vm2", NIC, up=False, carrier=False)
OTHER_BRIDGE = Link(90, "br9", "bridge", True, True, "02:00:00:00:09:01", True, bridge=Bridge())
MOVED = all_of(added("vm2", Section.LINKS, OTHER_BRIDGE), link("vm2", FIRST, master=90))
PORT_ADDRESS = added("vm2", Section.ADDRESSES, Address(FIRST, "10.239.1.1", 24))
LAN = Link(91, "brlan", "bridge", True, True, "02:00:00:00:09:02", bridge=Bridge())
ENSLAVED = all_of(added("vm2", Section.LINKS, LAN), link("vm2", NIC, master=91, kind=""))
STP = link("vm2", BRIDGE, bridge=Bridge(stp=True))
NO_PVID = all_of(
    link("vm2", BRIDGE, bridge=Bridge(vlan_filtering=True)),
    link("vm2", FIRST, port=Port(pvid=0)),
    link("vm2", FIRST + 1, port=Port(pvid=1)),
)
SECOND = Link(92, "eth1", "", True, True, "02:00:00:00:09:03")
FLUX = all_of(added("vm2", Section.LINKS, SECOND), added("vm2", Section.ADDRESSES, Address(92, "10.5.7.161", 24)))
SILENT = neighbour(VM3, state="failed", unanswered=True)
WRONG_MAC = "02:de:ad:00:00:01"
LARGE = link("vm2", 2, 1, mtu=9000)


@dataclass(frozen=True)
class Fault:
    entry: str
    break_: Break
    expected: str


ERRORS = [
    Fault("L1", BARE_NIC, "underlay-down/vm2/eth0"),
    Fault("L1", link("vm2", NIC, carrier=False), "underlay-down/vm2/eth0"),
    Fault("L4", MOVED, "port-wrong-bridge/vm2/veth-c1"),
    Fault("L5", PORT_ADDRESS, "port-has-address/vm2/veth-c1"),
    Fault("L7", ENSLAVED, "nic-enslaved/vm2/eth0"),
    Fault("L8", SILENT, f"neighbour-unresolved/vm1/{VM3}"),
    Fault("L9", neighbour(VM3, WRONG_MAC, "permanent"), f"neighbour-pinned/vm1/{VM3}"),
    Fault("L10", neighbour(VM3, WRONG_MAC), f"neighbour-wrong-mac/vm1/{VM3}"),
    Fault("L10", neighbour(VM3, "02:00:00:00:00:02"), f"neighbour-wrong-mac/vm1/{VM3}"),
    Fault("L11", link("vm3", NIC, mac="02:00:00:00:00:02"), "mac-duplicate/vm3/02:00:00:00:00:02"),
    Fault("L13", sysctl("vm2", "net/ipv4/conf/br0/arp_ignore", "8"), "arp-ignored/vm2/net.ipv4.conf.br0.arp_ignore"),
    Fault("L14", FLUX, "arp-flux/vm2/eth1"),
    Fault("L16", STP, "bridge-stp-delays/vm2/br0"),
    Fault("L17", NO_PVID, "port-without-vlan/vm2/veth-c1"),
    Fault("L21", rules("vm2", 2, "services"), f"bridge-filter-off/vm2/{NF.replace('/', '.')}"),
    Fault(
        "L22",
        all_of(
            sysctl("vm2", NF, "1"),
            rules("vm2", 2, filtered("DROP", "-A FORWARD -i br0 ! -o br0 -j ACCEPT", "-A FORWARD ! -i br0 -j ACCEPT")),
        ),
        "bridged-traffic-dropped/vm2/br0",
    ),
    Fault("L23", LARGE, "mtu-container-large/vm2/br0"),
    Fault("L24", link("vm2", NIC, mtu=1400), "mtu-differs/vm2/eth0"),
    Fault(
        "L26",
        all_of(
            sysctl("vm1", "net/ipv4/neigh/default/gc_thresh3", "8"),
            added("vm1", Section.NEIGHBOURS, *(Neighbour(NIC, f"10.5.7.{n}") for n in range(100, 108))),
        ),
        "neighbour-table-full/vm1/net.ipv4.neigh.default.gc_thresh3",
    ),
]


@pytest.mark.parametrize("fault", ERRORS, ids=lambda fault: fault.entry)
def test_a_fault_is_the_only_root_cause(fault: Fault) -> None:
    fabric = fault.break_(healthy())
    assert roots(fabric) == {fault.expected}
    assert {f.entry for f in told(fabric) if f.id == fault.expected} == {fault.entry}


NOTICES = [
    Fault("L12", link("vm2", BRIDGE, mac_is_set=False), "bridge-mac-floats/vm2/br0"),
    Fault("L15", sysctl("vm2", "net/ipv4/conf/br0/proxy_arp", "1"), "proxy-arp-on/vm2/net.ipv4.conf.br0.proxy_arp"),
    Fault("L18", all_of(rules("vm2", 2, "services"), sysctl("vm2", NF, "1")), "hairpin-off/vm2/br0"),
    Fault(
        "L19",
        all_of(rules("vm2", 2, "services"), sysctl("vm2", NF, "1"), link("vm2", BRIDGE, promiscuity=1)),
        "hairpin-promiscuous/vm2/br0",
    ),
    Fault("L25", all_of(*(link(f"vm{n}", NIC, mtu=9000) for n in (1, 2, 3))), "mtu-container-small/vm2/br0"),
    Fault(
        "C6",
        added("vm2", Section.LINKS, Link(93, "veth9", "veth", True, master=BRIDGE, peer=2, peer_nsid=77, port=Port())),
        "veth-orphan/vm2/veth9",
    ),
]


@pytest.mark.parametrize("fault", NOTICES, ids=lambda fault: fault.entry)
def test_what_is_worth_knowing_is_a_notice_and_no_more(fault: Fault) -> None:
    fabric = fault.break_(healthy())
    assert fault.expected in notices(fabric)
    assert roots(fabric) == set()


def test_two_isolated_ports_are_told_of_one_is_not() -> None:
    one = link("vm2", FIRST, port=Port(isolated=True))
    assert notices(one(healthy())) == set()
    both = all_of(one, link("vm2", FIRST + 1, port=Port(isolated=True)))
    assert notices(both(healthy())) == {"port-isolated/vm2/veth-c1", "port-isolated/vm2/veth-c2"}


# ---- what is healthy ----

VIRBR = Link(94, "virbr0", "bridge", True, False, "52:54:00:00:00:01", bridge=Bridge(stp=True, forward_delay=200))
DOCKER = Link(95, "docker0", "bridge", True, False, "02:42:00:00:00:01", bridge=Bridge())


def lan_bridge(fabric: Fabric) -> Fabric:
    """The host's address stands on a bridge, with eth0 as its port."""
    lan = msgspec.structs.replace(LAN, mac="02:00:00:00:00:02")
    fabric = all_of(added("vm2", Section.LINKS, lan), link("vm2", NIC, master=91, kind="", port=Port()))(fabric)

    def moved(rows):
        return [msgspec.structs.replace(r, index=91) if r.index == NIC else r for r in rows]

    def rerouted(rows):
        return [msgspec.structs.replace(r, oif=91) if r.oif == NIC else r for r in rows]

    return routes(altered(fabric, "vm2", Section.ADDRESSES, moved), "vm2", rerouted)


HEALTHY: dict[str, Break] = {
    "LVS and kube-router": all_of(
        sysctl("vm2", "net/ipv4/conf/all/arp_ignore", "1"), sysctl("vm2", "net/ipv4/conf/all/arp_announce", "2")
    ),
    "arp_ignore 2": sysctl("vm2", "net/ipv4/conf/eth0/arp_ignore", "2"),
    "libvirt's bridge with STP": all_of(
        added("vm2", Section.LINKS, VIRBR), added("vm2", Section.ADDRESSES, Address(94, "192.168.122.1", 24))
    ),
    "STP with the shortest delay": link("vm2", BRIDGE, bridge=Bridge(stp=True, forward_delay=200)),
    "an idle docker0": all_of(
        added("vm2", Section.LINKS, DOCKER), added("vm2", Section.ADDRESSES, Address(95, "172.17.0.1", 16))
    ),
    "an address on a LAN bridge": lan_bridge,
    "VLAN filtering with a VLAN for all": all_of(
        link("vm2", BRIDGE, bridge=Bridge(vlan_filtering=True)),
        link("vm2", FIRST, port=Port(pvid=1)),
        link("vm2", FIRST + 1, port=Port(pvid=-1)),
    ),
    "bond": all_of(
        link("vm2", NIC, kind="bond"),
        added(
            "vm2",
            Section.LINKS,
            Link(96, "eth1", "", True, True, "02:00:00:00:00:02", master=NIC),
            Link(97, "eth2", "", True, True, "02:00:00:00:00:02", master=NIC),
        ),
    ),
    "a second address on one NIC": added("vm2", Section.ADDRESSES, Address(NIC, "10.5.7.171", 24, secondary=True)),
    "a second NIC with a rule for it": all_of(FLUX, added("vm2", Section.RULES, Rule(100, 1000, src="10.5.7.161/32"))),
    "a second NIC that answers for itself": all_of(
        FLUX,
        sysctl("vm2", "net/ipv4/conf/eth0/arp_ignore", "1"),
        sysctl("vm2", "net/ipv4/conf/eth1/arp_ignore", "1"),
    ),
    "a second NIC, ARP filtered": all_of(FLUX, sysctl("vm2", "net/ipv4/conf/all/arp_filter", "1")),
    "an old failure to reach a peer": neighbour(VM3, state="failed"),
    "an old entry with an old MAC": neighbour(VM3, WRONG_MAC, "stale"),
    "a failure to reach somebody else": neighbour("10.5.7.99", state="failed", unanswered=True),
    "a cloud's router answers for all": all_of(neighbour(VM3, WRONG_MAC), neighbour("10.5.7.61", WRONG_MAC)),
    "another NIC of the owner": neighbour(VM3, "02:00:00:00:01:03"),
    "large packets between hosts only": all_of(link("vm2", NIC, mtu=9000)),
    "kube-proxy as it should be": all_of(rules("vm2", 2, "services"), sysctl("vm2", NF, "1")),
    "Docker keeps containers apart on purpose": all_of(
        sysctl("vm2", NF, "1"),
        rules("vm2", 2, filtered("ACCEPT", "-A FORWARD -i br0 -o br0 -j DROP")),
    ),
    "Calico's own proxy ARP": sysctl("vm2", "net/ipv4/conf/cali1/proxy_arp", "1"),
    "a second network of a container": all_of(
        added("vm2", Section.LINKS, OTHER_BRIDGE),
        added("vm2", Section.LINKS, Link(98, "vx", "veth", True, True, master=90, peer=3, peer_nsid=1, port=Port())),
        added("vm2", Section.LINKS, Link(3, "net1", "veth", True, True, "02:00:00:00:08:01", peer=98), ns=1),
        added("vm2", Section.ADDRESSES, Address(3, "192.168.7.2", 24), ns=1),
    ),
    "neighbours far below the limit": sysctl("vm1", "net/ipv4/neigh/default/gc_thresh3", "1024"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_only_looks_like_a_fault_brings_nothing(name: str) -> None:
    assert roots(HEALTHY[name](healthy())) == set()


def test_a_host_that_does_not_answer_us_either_is_not_accused() -> None:
    """vm3 was lost a moment ago: that its neighbours do not reach it says nothing new."""
    fabric = SILENT(healthy())
    assert roots(fabric.with_host(replace(fabric.hosts["vm3"], state=HostState.UNREACHABLE))) == set()


def test_clones_below_one_device_are_no_clash() -> None:
    below = all_of(
        link("vm2", NIC, kind="ipvlan", mac="02:00:00:00:00:77"),
        link("vm3", NIC, kind="ipvlan", mac="02:00:00:00:00:77"),
    )
    assert roots(below(healthy())) == set()


# ---- which explains which ----


def effects(fabric: Fabric) -> dict[str, tuple[str, ...]]:
    return {f.id: f.caused_by for f in listed(told(fabric)) if f.caused_by}


def test_a_nic_that_is_down_explains_the_silence() -> None:
    fabric = all_of(link("vm3", NIC, carrier=False), SILENT)(healthy())
    assert effects(fabric)[f"neighbour-unresolved/vm1/{VM3}"] == ("underlay-down/vm3/eth0",)


def test_a_host_that_ignores_arp_explains_the_silence() -> None:
    fabric = all_of(sysctl("vm3", "net/ipv4/conf/eth0/arp_ignore", "8"), SILENT)(healthy())
    assert effects(fabric) == {f"neighbour-unresolved/vm1/{VM3}": ("arp-ignored/vm3/net.ipv4.conf.eth0.arp_ignore",)}


def test_a_small_nic_explains_large_containers() -> None:
    fabric = link("vm2", NIC, mtu=1400)(healthy())
    assert effects(fabric) == {"mtu-container-large/vm2/br0": ("mtu-differs/vm2/eth0",)}


def test_of_two_hosts_the_one_that_loses_packets_is_named() -> None:
    fabric = all_of(link("vm2", NIC, mtu=1400))(healthy(2))
    assert {f.id for f in listed(told(fabric)) if not f.caused_by} == {"mtu-differs/vm2/eth0"}


# ---- plans ----


def changes(fabric: Fabric, code: str) -> list[object]:
    mesh = build(fabric)
    found = [f for f in run(fabric, mesh) if f.code == code]
    return [step.change for step in plan(found, fabric, mesh).steps]


def test_a_pinned_neighbour_gets_the_mac_of_its_owner() -> None:
    (change,) = changes(neighbour(VM3, WRONG_MAC, "permanent")(healthy()), "neighbour-pinned")
    assert isinstance(change, NeighbourChange)
    assert change.after == Neighbour(NIC, VM3, "02:00:00:00:00:03", "reachable")


def test_a_fixed_mac_cannot_be_taken_back() -> None:
    (change,) = changes(link("vm2", BRIDGE, mac_is_set=False)(healthy()), "bridge-mac-floats")
    assert isinstance(change, LinkChange)
    assert (change.before.mac_is_set, change.after.mac_is_set) == (False, True)
    assert reversed_change(change) is None


def test_a_moved_port_goes_back() -> None:
    (change,) = changes(MOVED(healthy()), "port-wrong-bridge")
    assert isinstance(change, LinkChange)
    assert change.after.master == BRIDGE


def test_all_three_limits_of_the_neighbour_table_are_raised() -> None:
    limits = [
        sysctl("vm1", f"net/ipv4/neigh/default/gc_thresh{n}", str(value)) for n, value in ((1, 2), (2, 4), (3, 8))
    ]
    full = added("vm1", Section.NEIGHBOURS, *(Neighbour(NIC, f"10.5.7.{n}") for n in range(100, 108)))
    (change,) = changes(all_of(*limits, full)(healthy()), "neighbour-table-full")
    assert isinstance(change, SysctlChange)
    assert list(change.after.values()) == ["32", "16", "8"]


def test_what_needs_a_module_is_told_and_not_done() -> None:
    fabric = rules("vm2", 2, "services")(healthy())
    mesh = build(fabric)
    refused = plan([f for f in run(fabric, mesh) if f.code == "bridge-filter-off"], fabric, mesh)
    assert refused.steps == ()
    assert any("modprobe br_netfilter" in line for line in refused.alternatives)
