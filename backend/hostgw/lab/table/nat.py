"""Faults of NAT rules and tracked flows."""

from __future__ import annotations

from typing import Final

from hostgw.lab.faults import Expected, Fault, Step
from hostgw.lab.table.words import C1, NET

_RULE: Final = ("iptables", "-w", "-t", "nat")
_MASQUERADED: Final = (Expected("masquerade-between-containers", "vm1", C1),)


def _rules(*rules: str) -> tuple[Step, ...]:
    return tuple(Step("vm1", (*_RULE, *rule.split())) for rule in rules)


def _flow(words: str) -> Step:
    return Step("vm1", ("conntrack", "-I", "-t", "600", *words.split()))


FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        "N1",
        "traffic between containers is masqueraded: nothing exempts it",
        "vm1",
        _rules(f"-I POSTROUTING 1 -s {C1} ! -o br0 -j MASQUERADE", "-D POSTROUTING 2"),
        _MASQUERADED,
        "an exemption stands before the rule that masquerades",
    ),
    Fault(
        "N2",
        "the CNI bridge plugin masquerades traffic between containers",
        "vm1",
        _rules(
            "-N CNI-0a1b2c3d4e5f",
            f"-A CNI-0a1b2c3d4e5f -d {C1} -j ACCEPT",
            "-A CNI-0a1b2c3d4e5f ! -d 224.0.0.0/4 -j MASQUERADE",
            "-I POSTROUTING 1 -s 10.239.0.2/32 -j CNI-0a1b2c3d4e5f",
        ),
        _MASQUERADED,
        "the exemption stands before the plugin's chain",
        containers=1,
    ),
    Fault(
        "N3",
        "traffic between containers is masqueraded: the exemption comes too late",
        "vm1",
        _rules("-D POSTROUTING 1", f"-I POSTROUTING 2 -s {NET} -d {NET} -j RETURN"),
        _MASQUERADED,
        "the exemption is the first rule of nat POSTROUTING",
    ),
    Fault(
        "N4",
        "what containers of vm1 send to the outside is not masqueraded",
        "vm1",
        _rules("-D POSTROUTING 2"),
        (Expected("masquerade-missing", "vm1", C1),),
        "a rule masquerades what leaves the network",
        hosts=3,
    ),
    Fault(
        "N5",
        "traffic to some containers only is masqueraded: the exemption is for another range",
        "vm1",
        _rules(f"-R POSTROUTING 1 -s {NET} -d 10.239.0.0/23 -j RETURN"),
        _MASQUERADED,
        "an exemption for the whole network stands before the rule that masquerades",
        hosts=3,
    ),
    Fault(
        "N6",
        "what the outside sends through vm1 to other hosts' containers is masqueraded, by design",
        "vm1",
        _rules(f"-C POSTROUTING ! -s {NET} -d {NET} -j MASQUERADE"),
        (Expected("host-traffic-masqueraded", "vm1", NET),),
        "nothing is changed: it is how the four rules are meant",
        fixable=False,
        notice=True,
    ),
    Fault(
        "N7",
        "what containers send to other hosts themselves is masqueraded, by design",
        "vm1",
        _rules(f"-C POSTROUTING -s {NET} ! -d 224.0.0.0/4 -j MASQUERADE"),
        (Expected("node-traffic-masqueraded", "vm1", C1),),
        "exemptions for the other hosts stand before the rule that masquerades",
        notice=True,
    ),
    Fault(
        "N8",
        "a tracked flow keeps a source that older rules rewrote",
        "vm1",
        (_flow("-p udp -s 10.239.0.2 -d 10.239.1.2 --src-nat 10.5.7.60 --sport 4000 --dport 53"),),
        (Expected("flow-keeps-snat", "vm1", C1),),
        "the flow is forgotten",
        undoable=False,
    ),
    Fault(
        "N9",
        "vm1 has NAT rules in both iptables backends",
        "vm1",
        tuple(
            Step("vm1", ("iptables-legacy", "-w", "-t", "nat", *rule.split()))
            for rule in ("-A POSTROUTING -s 172.30.0.0/24 ! -o br0 -j MASQUERADE",)
        ),
        (Expected("iptables-split", "vm1", "legacy"),),
        "advice only: the rules of one backend are moved to the other by hand",
        fixable=False,
    ),
    Fault(
        "N14",
        "a tracked UDP flow leads to a container that is gone",
        "vm1",
        (_flow("-p udp -s 10.5.7.61 -d 10.5.7.60 --dst-nat 10.239.0.77 --sport 5000 --dport 53"),),
        (Expected("flow-to-dead-address", "vm1", "10.239.0.77"),),
        "the flow is forgotten",
        undoable=False,
    ),
)
