"""Every kind of change: made, made again, turned round; stale and half-way failures; nothing else moves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hostgw.model.change import (
    AddressChange,
    ChainChange,
    Change,
    ConntrackChange,
    LinkChange,
    LinkState,
    NeighbourChange,
    NftRuleChange,
    RuleChange,
    SysctlChange,
)
from hostgw.model.kernel import Address, Link, Neighbour, Rule
from hostgw.plans.commands import commands
from hostgw.plans.reverse import reversed_change
from tests.lab.agent_rig import Nets, Operator, operator, replaced, wait_for

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
FORWARD = "net/ipv4/ip_forward"


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=1)
        made.exec("h", "iptables-nft", "-N", "HOSTGW")
        for words in ("-s 10.1.0.0/16 -j ACCEPT", "", "-m comment --comment", "-s 10.2.0.0/16 -j DROP"):
            comment = ['it\'s "quoted" \\ -A HOSTGW'] if words.endswith("comment") else []
            made.exec("h", "iptables-nft", "-A", "HOSTGW", *words.split(), *comment)
        yield made


@pytest.fixture
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def picture(nets: Nets) -> dict[str, Any]:
    """Return everything that a change could move, by the system's own tools."""
    links, routes = nets.json("h", "link"), nets.json("h", "-4 route show table all")
    for row in [*links, *routes]:  # the carrier of a bridge follows up to a second later
        row["flags"] = sorted(set(row["flags"]) - {"LOWER_UP", "NO-CARRIER", "linkdown"})
    return {
        "links": [[row.get(name) for name in ("ifname", "flags", "mtu", "address", "master")] for row in links],
        "bridging": [_bridging(row) for row in nets.json("h", "-d link")],
        "addresses": [row["addr_info"] for row in nets.json("h", "-4 addr")],
        "routes": routes,
        "rules": nets.json("h", "rule"),
        "filters": [line for line in nets.exec("h", "iptables-nft-save").splitlines() if not line.startswith("#")],
        "sysctls": nets.exec("h", "sysctl", "-a", "--pattern", r"net\.ipv4\.(ip_forward|conf)"),
        "permanent": sorted(str(row) for row in nets.json("h", "-4 neigh") if "PERMANENT" in str(row)),
    }


def _bridging(row: dict[str, Any]) -> list[Any]:
    info = row.get("linkinfo", {})
    bridge, port = info.get("info_data", {}), info.get("info_slave_data", {})
    return [bridge.get("stp_state"), port.get("hairpin"), port.get("isolated")]


def link(told: Operator, name: str) -> Link:
    return told.root.links_by_name[name]


def state(found: Link) -> LinkState:
    return LinkState(found.up, found.master, found.mtu, found.mac)


def link_change(told: Operator, name: str, **after: Any) -> LinkChange:
    found = link(told, name)
    return LinkChange(found.index, name, state(found), replaced(state(found), **after))


def flag_change(told: Operator, name: str, **after: bool) -> LinkChange:
    """A change of what a bridge or port does with frames; all of it is off."""
    found = link(told, name)
    before = replaced(state(found), **dict.fromkeys(after, False))
    return LinkChange(found.index, name, before, replaced(before, **after))


def address_change(told: Operator, name: str, after: Callable[[tuple[Address, ...]], tuple[Address, ...]]) -> Change:
    found = link(told, name)
    before = told.root.addresses_of(found.index)
    return AddressChange(found.index, name, before, after(before))


def sysctl_change(told: Operator) -> Change:
    names = [path for path in told.root.sysctls if path.endswith("/forwarding")]
    before = {path: told.root.sysctls[path] for path in (FORWARD, *names)}
    value = "0" if before[FORWARD] == "1" else "1"
    return SysctlChange(before, dict.fromkeys(before, value))


def chain(nets: Nets) -> tuple[str, ...]:
    lines = nets.exec("h", "iptables-nft-save", "-t", "filter").splitlines()
    return tuple(line for line in lines if line.startswith("-A HOSTGW"))


def chain_change(nets: Nets) -> Change:
    before = chain(nets)
    _, bare, comment, drop = before
    return ChainChange("nft", "filter", "HOSTGW", before, (drop, "-A HOSTGW -d 10.9.9.9/32 -j RETURN", comment, bare))


def new_address(told: Operator, name: str) -> Address:
    return Address(link(told, name).index, "10.77.0.1", 24, broadcast="10.77.0.255", label=name)


KINDS: dict[str, Callable[[Nets, Operator], Change]] = {
    "link down": lambda nets, told: link_change(told, "v1", up=False),
    "out of the bridge": lambda nets, told: link_change(told, "v1", master=0),
    "mtu": lambda nets, told: link_change(told, "v1", mtu=1400),
    "mac": lambda nets, told: link_change(told, "v1", mac="02:00:00:00:00:42"),
    "all of a link": lambda nets, told: link_change(told, "v1", up=False, master=0, mtu=1300, mac="02:00:00:00:00:43"),
    "STP": lambda nets, told: flag_change(told, "br0", stp=True),
    "hairpin": lambda nets, told: flag_change(told, "v1", hairpin=True),
    "all of a port": lambda nets, told: flag_change(told, "v1", hairpin=True, isolated=True),
    "address added": lambda nets, told: address_change(told, "br0", lambda old: (*old, new_address(told, "br0"))),
    "address in front": lambda nets, told: address_change(told, "br0", lambda old: (new_address(told, "br0"), *old)),
    "address replaced": lambda nets, told: address_change(told, "br0", lambda old: (new_address(told, "br0"),)),
    "no addresses": lambda nets, told: address_change(told, "br0", lambda old: ()),
    "rules": lambda nets, told: RuleChange(77, (), (Rule(77, 100, src="10.7.0.0/16"), Rule(77, 9, mark=1, mask=255))),
    "rule deleted": lambda nets, told: RuleChange(32767, tuple(told.root.rules[-1:]), ()),
    "neighbour": lambda nets, told: NeighbourChange(
        link(told, "eth0").index,
        "eth0",
        "10.9.0.50",
        None,
        Neighbour(link(told, "eth0").index, "10.9.0.50", "02:00:00:00:00:50", "permanent"),
    ),
    "settings": lambda nets, told: sysctl_change(told),
    "chain": lambda nets, told: chain_change(nets),
    "chain emptied": lambda nets, told: replaced(chain_change(nets), after=()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_made_twice_and_turned_round_twice(nets: Nets, told: Operator, kind: str) -> None:
    change = KINDS[kind](nets, told)
    before = picture(nets)
    done = told.apply(change)
    assert done.outcome == "applied", done
    after = picture(nets)
    assert after != before
    assert told.apply(change).outcome == "applied"
    assert picture(nets) == after
    back = reversed_change(change)
    assert back
    for _ in range(2):
        done = told.apply(back)
        assert done.outcome == "applied", done
        assert picture(nets) == before


WRONG: dict[str, Callable[[Nets, Operator], Change]] = {
    "link": lambda nets, told: replaced(link_change(told, "v1", mtu=1400), before=LinkState(True, 0, 1234, "")),
    "link renamed": lambda nets, told: replaced(link_change(told, "v1", mtu=1400), name="v9"),
    "address": lambda nets, told: replaced(
        address_change(told, "br0", lambda old: old), before=(), after=(new_address(told, "br0"),)
    ),
    "rule": lambda nets, told: RuleChange(32766, (), (Rule(32766, 5),)),
    "neighbour": lambda nets, told: replaced(
        KINDS["neighbour"](nets, told),
        before=Neighbour(link(told, "eth0").index, "10.9.0.50", "02:00:00:00:00:51", "permanent"),
    ),
    "settings": lambda nets, told: SysctlChange({FORWARD: "7"}, {FORWARD: "8"}),
    "chain": lambda nets, told: ChainChange("nft", "filter", "HOSTGW", ("-A HOSTGW -j DROP",), ()),
    "legacy chain": lambda nets, told: ChainChange("legacy", "filter", "FORWARD", (), ("-A FORWARD -j DROP",)),
    "odd chain": lambda nets, told: ChainChange("nft", "filter", "-h; id", (), ("-A x",)),
    "container's settings": lambda nets, told: SysctlChange(
        {FORWARD: "0"}, {FORWARD: "1"}, told.handle(nets.name("c1"))
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_was_changed_in_between_is_stale_and_nothing_is_done(nets: Nets, told: Operator, kind: str) -> None:
    before = picture(nets)
    done = told.apply(sysctl_change(told), WRONG[kind](nets, told))
    assert (done.outcome, done.at) == ("stale", 1), done
    assert picture(nets) == before
    assert nets.exec("h", "cat", "/proc/net/ip_tables_names") == ""


REFUSED: dict[str, Callable[[Nets, Operator], Change]] = {
    "mtu": lambda nets, told: link_change(told, "v1", mtu=20),
    "master": lambda nets, told: link_change(told, "v1", up=False, master=1),
    "rule": lambda nets, told: RuleChange(78, (), (Rule(78, 9), Rule(78, 9, other=("ip_proto",)))),
    "setting": lambda nets, told: SysctlChange({FORWARD: told.root.sysctls[FORWARD]}, {FORWARD: "many"}),
    "no setting": lambda nets, told: SysctlChange({"kernel/hostname": "x"}, {"kernel/hostname": "y"}),
    "chain": lambda nets, told: replaced(chain_change(nets), after=("-A HOSTGW -j NOWHERE",)),
    "two lines": lambda nets, told: replaced(chain_change(nets), after=("-A HOSTGW -j ACCEPT\n-F",)),
    "another chain": lambda nets, told: replaced(chain_change(nets), after=("-A INPUT -j DROP",)),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_kernel_refuses_is_undone_with_what_came_before(nets: Nets, told: Operator, kind: str) -> None:
    before = picture(nets)
    good = [KINDS["settings"](nets, told), KINDS["address added"](nets, told), KINDS["neighbour"](nets, told)]
    done = told.apply(*good, REFUSED[kind](nets, told))
    assert done.outcome in ("failed", "stale"), done
    assert (done.at, done.undone) == (3, True), done
    assert done.detail
    assert picture(nets) == before


def test_forwarding_takes_every_device_along_and_comes_back(nets: Nets, told: Operator) -> None:
    nets.sysctl("h", "net.ipv4.ip_forward=1", "net.ipv4.conf.br0.forwarding=0", "net.ipv4.conf.default.forwarding=0")
    told.until(lambda: told.root.sysctls["net/ipv4/conf/br0/forwarding"] == "0" and told.root.sysctls[FORWARD] == "1")
    told.until(lambda: told.root.sysctls["net/ipv4/conf/default/forwarding"] == "0")
    before = picture(nets)["sysctls"]
    names = [path for path in told.root.sysctls if path.endswith("/forwarding")]
    values = {path: told.root.sysctls[path] for path in (FORWARD, *names)}
    change = SysctlChange(values, dict.fromkeys(values, "0"))
    assert told.apply(change).outcome == "applied"
    assert "= 1" not in "\n".join(
        line
        for line in picture(nets)["sysctls"].splitlines()
        if "forwarding" in line and "mc_" not in line and "bc_" not in line
    )
    back = reversed_change(change)
    assert back
    assert told.apply(back).outcome == "applied"
    assert picture(nets)["sysctls"] == before


def test_rules_of_one_priority_keep_their_order(nets: Nets, told: Operator) -> None:
    first, second, third = (Rule(90, table, src=f"10.{table}.0.0/16") for table in (101, 102, 103))
    lists: list[tuple[Rule, ...]] = [(), (first, second, third), (second,), (third, second), (second, first, third), ()]
    for before, after in itertools.pairwise(lists):
        change = RuleChange(90, before, after)
        assert told.apply(change).outcome == "applied", (before, after)
        assert [row["table"] for row in nets.json("h", "rule") if row["priority"] == 90] == [
            str(r.table) for r in after
        ]
        wanted = [rule.table for rule in after]
        told.until(lambda wanted=wanted: tables_at(told, 90) == wanted)  # type: ignore[misc]


def tables_at(told: Operator, priority: int) -> list[int]:
    return [rule.table for rule in told.root.rules if rule.priority == priority]


def test_addresses_with_secondaries(nets: Nets, told: Operator) -> None:
    for promote in ("0", "1"):
        nets.sysctl("h", f"net.ipv4.conf.all.promote_secondaries={promote}")
        nets.batch("h", ["addr add 10.200.1.2/24 dev br0", "addr add 10.200.1.3/24 dev br0"])
        index = link(told, "br0").index
        told.until(lambda index=index: len(told.root.addresses_of(index)) == 3)  # type: ignore[misc]
        before = told.root.addresses_of(index)
        addresses = picture(nets)["addresses"]
        for after in (before[1:], before[:1], (before[2], before[0]), before[:0]):
            change = AddressChange(index, "br0", before, after)
            assert told.apply(change).outcome == "applied", after
            back = reversed_change(change)
            assert back
            assert told.apply(back).outcome == "applied"
            assert picture(nets)["addresses"] == addresses
        nets.batch("h", ["addr del 10.200.1.2/24 dev br0", "addr del 10.200.1.3/24 dev br0"])
        told.until(lambda index=index: len(told.root.addresses_of(index)) == 1)  # type: ignore[misc]


def test_all_that_belongs_to_an_address_comes_back(nets: Nets, told: Operator) -> None:
    nets.batch(
        "h",
        [
            "addr add 10.71.0.1/24 dev br0 metric 300 label br0:x",
            "addr add 10.72.0.1/24 broadcast 10.72.0.77 dev br0 noprefixroute",
            "addr add 10.73.0.1 peer 10.73.0.2/32 dev br0 scope link",
        ],
    )
    index = link(told, "br0").index
    told.until(lambda: len(told.root.addresses_of(index)) == 4)
    before = picture(nets)
    change = AddressChange(index, "br0", told.root.addresses_of(index), told.root.addresses_of(index)[:1])
    assert told.apply(change).outcome == "applied"
    assert "10.71.0.0/24" not in str(picture(nets)["routes"])
    back = reversed_change(change)
    assert back
    assert told.apply(back).outcome == "applied"
    assert picture(nets) == before


def test_flows_are_forgotten(nets: Nets, told: Operator) -> None:
    nets.sysctl("h", "net.ipv4.ip_forward=1")
    nets.exec("h", "iptables-nft", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    nets.exec("c1", "ping", "-c", "1", "-W", "5", "10.9.0.2")
    change = ConntrackChange("10.200.1.0/24", "10.9.0.0/24")
    assert nets.exec("h", "conntrack", "-L", "-s", "10.200.1.11")
    assert told.apply(change).outcome == "applied"
    assert nets.exec("h", "conntrack", "-L", "-s", "10.200.1.11") == ""
    assert told.apply(change).outcome == "applied"
    assert told.apply(replaced(change, source="-D")).outcome == "failed"
    assert told.apply(replaced(change, protocol="--flush")).outcome == "failed"
    assert told.apply(replaced(change, dnat_to="-F")).outcome == "failed"


def test_only_flows_that_nat_changed_are_forgotten(nets: Nets, told: Operator) -> None:
    """What is printed for a person deletes the same."""
    kept = ["-s", "10.200.1.12", "-d", "10.9.0.3", "--sport", "1", "--dport", "2"]
    rewritten = ["-s", "10.200.1.12", "-d", "10.9.0.4", "--sport", "1", "--dport", "2", "--src-nat", "10.9.0.1"]
    led = ["-s", "10.9.0.5", "-d", "10.9.0.1", "--sport", "1", "--dport", "2", "--dst-nat", "10.200.1.77"]
    changes = (
        (ConntrackChange("10.200.1.0/24", "10.9.0.0/24", snat=True), "10.9.0.4"),
        (ConntrackChange("0.0.0.0/0", "0.0.0.0/0", protocol="udp", dnat_to="10.200.1.77"), "10.9.0.5"),
    )

    def tracked() -> str:
        return nets.exec("h", "conntrack", "-L", "-p", "udp")

    for change, gone in changes:
        for how in ("typed", "printed"):
            nets.exec("h", "conntrack", "-F")
            for flow in (kept, rewritten, led):
                nets.exec("h", "conntrack", "-I", "-p", "udp", *flow, "-t", "60")
            assert gone in tracked()
            if how == "typed":
                assert told.apply(change).outcome == "applied"
            else:
                for argv in commands(change, told.root):
                    nets.exec("h", *argv)
            assert gone not in tracked()
            assert tracked().count("udp") == 2


@pytest.mark.parametrize("destination", ["10.200.0.0/16", "10.200.1.11/32"])
def test_a_rule_of_native_nftables_is_put_first_and_taken_away(nets: Nets, told: Operator, destination: str) -> None:
    nets.exec("h", "nft", "add table inet wall")
    nets.exec("h", "nft", "add chain inet wall on-forward { type filter hook forward priority 0; }")
    nets.exec("h", "nft", "add rule inet wall on-forward drop")

    def rules() -> list[str]:
        listed = nets.exec("h", "nft", "list", "chain", "inet", "wall", "on-forward").splitlines()
        return [line.strip() for line in listed if line.strip() in ("drop", wanted)]

    change = NftRuleChange("inet", "wall", "on-forward", "10.200.0.0/16", destination, 0, 1)
    wanted = f"ip saddr 10.200.0.0/16 ip daddr {destination.removesuffix('/32')} accept"
    back = reversed_change(change)
    assert back
    try:
        for _ in range(2):
            assert told.apply(change).outcome == "applied"
            assert rules() == [wanted, "drop"]
        assert told.apply(back).outcome == "applied"
        assert rules() == ["drop"]
        for made, left in ((change, [wanted, "drop"]), (back, ["drop"])):
            for argv in commands(made, told.root):
                nets.exec("h", *argv)
            assert rules() == left
        assert told.apply(replaced(change, chain="nowhere")).outcome == "stale"
        assert told.apply(replaced(change, table="wall; flush ruleset")).outcome == "stale"
        assert told.apply(replaced(change, source="10.0.0.0/8 accept;")).outcome == "stale"
    finally:
        nets.exec("h", "nft", "delete table inet wall")


def test_a_signal_to_the_agent_leaves_the_changes_to_their_guard(nets: Nets, told: Operator) -> None:
    """Nothing is left half way when the session ends in the middle: nobody confirms, so all is taken back."""
    before = picture(nets)
    index = link(told, "br0").index
    old = told.root.addresses_of(index)
    many = [AddressChange(index, "br0", old, (*old, new_address(told, "br0"))), *[chain_change(nets)] * 1]
    told.send_arm(*many, ttl_s=2.0)
    os.kill(told.pid, 15)
    told.end()
    with operator(nets) as heir:  # nobody confirms: the guard puts back and lets the host go
        heir.synced()
        wait_for(lambda: not heir.guards())
    assert picture(nets) == before
