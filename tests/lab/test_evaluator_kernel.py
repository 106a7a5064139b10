"""The evaluator of filter and NAT rules agrees with the kernel: random rules, real packets, one verdict."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pyroute2.ipset import IPSet, PortEntry

from hostgw.fabric import NamespaceState
from hostgw.model.ip import address_text
from hostgw.paths.netfilter import Flow, Passage, Verdict, delivered, forwarded, reply, sent
from tests.lab.agent_rig import Nets
from tests.lab.netfilter_cases import MATCHES, SETS, UNREADABLE, Maker, Rules, _extension
from tests.lab.netfilter_rig import Rig, Seen, inside

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root"), pytest.mark.timeout(1800)]

CASES = int(os.environ.get("HOSTGW_CASES", "5000" if os.environ.get("HOSTGW_SOAK") else "200"))
"""Sets of rules; each meets several packets."""
FLOWS = 6
SEED = int(os.environ.get("HOSTGW_SEED", "20"))
JUDGES: dict[str, Callable[[NamespaceState, Flow], Passage]] = {
    "forwarded": forwarded,
    "delivered": delivered,
    "sent": sent,
}
FATES = {Verdict.ACCEPT: "arrived", Verdict.DROP: "lost", Verdict.REJECT: "refused"}
ORDER = "order of chains at equal priority"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Nets() as nets, Rig(nets) as made:
        make_sets(made)
        yield made


def make_sets(rig: Rig) -> None:
    """Make the kernel sets that SETS describes."""
    with inside(rig.nets.name("router")), IPSet() as sets:
        for line in SETS.splitlines():
            words = line.split()
            if words[0] == "create":
                sets.create(words[1], stype=words[2])
                continue
            address, _, port = words[2].partition(",")
            kind = "net" if "/" in address or words[1] in ("nets", "netports") else "ip"
            entry: object = address
            if port:
                protocol, _, number = port.partition(":")
                entry = (address, PortEntry(int(number), protocol={"tcp": 6, "udp": 17}[protocol]))
            sets.add(words[1], entry, etype=f"{kind},port" if port else kind)


@pytest.fixture(scope="module")
def supported(rig: Rig) -> frozenset[str]:
    """The matches that this machine's kernel and tools know."""
    samples = [*UNREADABLE, *(make(Maker(1, frozenset())) for make in MATCHES)]
    return frozenset(found for sample in samples if (found := _known(rig, sample)))


def _known(rig: Rig, sample: str) -> str:
    text = f"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {sample} -j ACCEPT\nCOMMIT\n"
    with inside(rig.nets.name("router")):
        for tool in ("iptables-nft-restore", "iptables-legacy-restore"):
            if subprocess.run([tool], input=text, text=True, capture_output=True, check=False).returncode:
                return ""
    return sample if sample in UNREADABLE else _extension(sample)


class Tally:
    """Counts what was compared."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.packets = 0
        self.nat = 0


def test_verdicts_and_addresses_agree_with_the_kernel(rig: Rig, supported: frozenset[str]) -> None:
    tally = Tally()
    started = time.perf_counter()
    for seed in range(SEED, SEED + CASES):
        maker = Maker(seed, supported)
        rules = maker.rules()
        rig.load(rules.iptables, rules.native)
        state = rig.state()
        for _ in range(FLOWS):
            way, flow = maker.flow()
            _connection(rig, state, rules, way, flow, tally, f"HOSTGW_SEED={seed}")
    rig.load({"nft": "", "legacy": ""}, "")
    seconds = time.perf_counter() - started
    shares = ", ".join(f"{count} {name}" for name, count in tally.verdicts.items())
    print(f"\n{CASES} rule sets, {tally.packets} packets: {shares}; {tally.nat} translated; {seconds:.1f} s")  # noqa: T201
    assert tally.verdicts["accept"] > CASES
    assert tally.verdicts["drop"] > CASES / 2
    assert tally.verdicts["reject"] > CASES / 20
    assert tally.verdicts["unknown"] < tally.packets / 5
    assert tally.nat > CASES / 20


def _connection(rig: Rig, state: NamespaceState, rules: Rules, way: str, flow: Flow, tally: Tally, seed: str) -> None:
    """Send the first packet, and when it passes the answer and another, each judged."""
    rig.forget()
    passage = JUDGES[way](state, flow)
    seen = rig.send(flow)
    _compare(flow, passage, seen, rules, tally, f"{seed} {way} {_words(flow)}")
    tracked = flow.state == "NEW" and seen.fate == "arrived" and passage.verdict is Verdict.ACCEPT
    if way != "forwarded" or not tracked or not passage.nat_known or not passage.oif or passage.untracked:
        return
    answer = replace(reply(flow, passage), tcp_flags=18 if flow.number == 6 else -1, ttl=64, length=flow.length)
    back = forwarded(state, answer)
    seen = rig.send(answer)
    _compare(answer, back, seen, rules, tally, f"{seed} answer {_words(answer)}")
    if seen.fate != "arrived" or back.verdict is not Verdict.ACCEPT or back.untracked:
        return
    again = replace(
        flow,
        oif=passage.oif,
        state="ESTABLISHED",
        status=answer.status | ({"ASSURED"} if flow.number != 1 and flow.number != 17 else set()),
        rewritten=(passage.source, passage.destination) if answer.rewritten else None,
        ctmark=back.ctmark,
        tcp_flags=16 if flow.number == 6 else -1,
    )
    _compare(again, forwarded(state, again), rig.send(again), rules, tally, f"{seed} again {_words(again)}")


def _words(flow: Flow) -> str:
    ends = f"{address_text(flow.source)}:{flow.sport} > {address_text(flow.destination)}:{flow.dport}"
    return f"{flow.protocol} {ends} {flow.iif}>{flow.oif} {flow.state}"


def _compare(flow: Flow, passage: Passage, seen: Seen, rules: Rules, tally: Tally, case: str) -> None:
    tally.packets += 1
    tally.verdicts[passage.verdict.value] += 1
    told = f"{case}\n{passage}\n{seen}\n{rules.iptables['nft']}\n-- legacy\n{rules.iptables['legacy']}\n{rules.native}"
    if passage.verdict is Verdict.UNKNOWN:
        assert passage.unknown, told
        assert rules.unreadable or passage.unknown == (ORDER,), told
        return
    possible = {FATES[passage.verdict]}
    if passage.verdict is Verdict.REJECT or not passage.exact:
        possible |= {"lost"}  # the refusal is a packet of its own, which the rules may drop
    if not passage.exact:
        possible |= {"refused"}
    assert seen.fate in possible, told
    if seen.fate == "arrived" and passage.nat_known:
        assert (seen.source, seen.destination) == (passage.source, passage.destination), told
        tally.nat += (passage.source, passage.destination) != (flow.source, flow.destination)
