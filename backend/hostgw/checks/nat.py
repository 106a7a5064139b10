"""NAT judged by walking the rules for representative packets, never by comparing text (catalogue 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hostgw.checks.representatives import own, remotes
from hostgw.checks.words import finding
from hostgw.fabric import Host
from hostgw.mesh import Mesh, Subnet
from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, address_number, address_text, maybe_prefix
from hostgw.model.iptables import FilterRule, Option, Ruleset, parse
from hostgw.paths.netfilter import Decision, Flow, Passage, Verdict, passages

OUTSIDE = address_number("192.0.2.1")
"""An address that is nobody's (RFC 5737): stands for the outside."""
CNI = "CNI-"
"""How the chains of the CNI bridge plugin's own masquerading begin."""
SHOWN = 8
LEAVES_ALONE = frozenset({"RETURN", "ACCEPT"})


@dataclass(frozen=True, slots=True)
class Case:
    """A representative packet and what the rules do with it."""

    name: str
    subnet: Subnet
    """The host's own subnet that the packet comes from or goes to."""
    flow: Flow
    passage: Passage
    internal: bool = False
    """From a container to a container of another host."""

    @property
    def masqueraded(self) -> bool:
        """It is internal, and yet its source is rewritten."""
        return self.internal and self.passage.snat is not None

    @property
    def verdict(self) -> Verdict:
        """What is said of the packet in one word: it is lost, or NAT is not known, or rewrites it, or lets it be."""
        if self.passage.verdict is not Verdict.ACCEPT:
            return self.passage.verdict
        if not self.passage.nat_known:
            return Verdict.UNKNOWN
        return (self.decision or Decision(Verdict.ACCEPT, "", "", "", "")).verdict

    @property
    def decision(self) -> Decision | None:
        """What decided that; None when no rule did."""
        if self.passage.verdict is not Verdict.ACCEPT:
            return self.passage.decided
        return self.passage.snat or self.passage.dnat


def rulesets(host: Host) -> Iterator[Ruleset]:
    """Yield the parsed rules of each iptables backend that a host uses."""
    for backend in ("nft", "legacy"):
        if (held := host.root.filters.get(backend)) and held.text:
            yield parse(held.text, backend)


def cases(host: Host, mesh: Mesh) -> Iterator[Case]:
    """Yield the four representative packets.

    Container to remote container, container to outside, outside to an own container, outside to a remote container.
    """
    member = mesh.members.get(host.name)
    if member is None or member.underlay is None:
        return
    nic = member.underlay.interface
    judge = passages(host.root).forwarded
    for subnet in member.subnets:
        for name, flow, internal in _flows(host, mesh, subnet, nic):
            yield Case(name, subnet, flow, judge(flow), internal)


def _flows(host: Host, mesh: Mesh, subnet: Subnet, nic: str) -> Iterator[tuple[str, Flow, bool]]:
    own = subnet.gateway + 1
    yield "container to outside", Flow(own, OUTSIDE, subnet.bridge, nic), False
    yield "outside to own container", Flow(OUTSIDE, own, nic, subnet.bridge), False
    for expected in mesh.expected_of(host.name):
        remote, device = expected.subnet.gateway + 1, expected.device or nic
        owner = expected.subnet.owner
        internal = inside(mesh, subnet, expected.subnet)
        yield f"container to {owner}'s containers", Flow(own, remote, subnet.bridge, device), internal
        yield f"outside to {owner}'s containers", Flow(OUTSIDE, remote, device, device), False


def inside(mesh: Mesh, one: Subnet, other: Subnet) -> bool:
    """Tell whether two subnets lie in the network: then packets between them keep their source."""
    return mesh.network is not None and mesh.network.covers(one.prefix) and mesh.network.covers(other.prefix)


def internal_cases(host: Host, mesh: Mesh) -> Iterator[Case]:
    """Yield packets to other hosts' containers, one for all that no rule tells apart; `name` tells the owners."""
    member = mesh.members.get(host.name)
    judge = passages(host.root).forwarded
    for subnet in member.subnets if member and mesh.network else ():
        if not (mesh.network and mesh.network.covers(subnet.prefix)):
            continue
        for remote in remotes(host, mesh):
            for source in own(host, subnet) if remote.inside else ():
                flow = Flow(source, remote.address, subnet.bridge, remote.device)
                yield Case(", ".join(remote.owners), subnet, flow, judge(flow), True)


def check(host: Host, mesh: Mesh) -> Iterator[Finding]:
    """Yield a finding when packets between containers of different hosts lose their source address."""
    found = list(internal_cases(host, mesh))
    for subnet in dict.fromkeys(case.subnet for case in found if case.masqueraded):
        yield _masqueraded(host, [case for case in found if case.subnet == subnet])


WHY = {
    "N1": "no rule exempts it",
    "N2": "the CNI bridge plugin does so by itself",
    "N3": "the exemption stands behind it",
    "N5": "the exemption is for another range",
}


def _masqueraded(host: Host, internal: list[Case]) -> Finding:
    found = [case for case in internal if case.masqueraded]
    case = found[0]
    decided = case.passage.snat
    entry = _entry(host, internal, case)
    summary = f"{host.name} masquerades traffic between containers: {WHY[entry]}"
    owners = sorted({owner for each in found for owner in each.name.split(", ")})
    to = ", ".join(owners[:SHOWN]) + (" …" if len(owners) > SHOWN else "")
    effect = f"containers of {to} see {host.name}'s address: policies and logs there are wrong, replies may fail"
    flow = f"{address_text(case.flow.source)} to {address_text(case.flow.destination)}"
    evidence = (f"{flow}: {decided.text if decided else ''}",)
    subject = str(case.subnet.prefix)
    return finding("masquerade-between-containers", host.name, subject, summary, effect, evidence, entry)


def _entry(host: Host, internal: list[Case], case: Case) -> str:
    decided = case.passage.snat
    if decided is not None and decided.chain.startswith(CNI):
        return "N2"
    if exemption_behind(host, case) is not None:
        return "N3"
    rules = [rule for rules in rulesets(host) for rule in _exemptions(rules)]
    spared = any(not other.masqueraded for other in internal)
    misses = any(_misses(rule, case) for rule in rules)
    return "N5" if spared or misses else "N1"


def exemption_behind(host: Host, case: Case) -> FilterRule | None:
    """Return a rule that would have let the packet be, had it stood before the one that rewrites it."""
    decided = case.passage.snat
    for rules in rulesets(host):
        if decided is None or rules.backend != decided.backend:
            continue
        chain = rules.chain("nat", decided.chain)
        lines = chain.rules if chain else ()
        place = next((i for i, rule in enumerate(lines) if rule == decided.rule), len(lines))
        behind = [*lines[place + 1 :], *(r for r in _exemptions(rules) if r.chain != decided.chain)]
        return next((rule for rule in behind if exempts(rule, case.flow)), None)
    return None


def _exemptions(rules: Ruleset) -> Iterator[FilterRule]:
    """Yield the rules of POSTROUTING and of chains it leads to that leave some pair of ranges alone."""
    chain = rules.chain("nat", "POSTROUTING")
    for rule in chain.rules if chain else ():
        called = rules.chain("nat", rule.target)
        for each in (rule, *(called.rules if called else ())):
            if each.target in LEAVES_ALONE and ranges(each) is not None:
                yield each


def ranges(rule: FilterRule) -> tuple[Prefix, Prefix] | None:
    """Return source and destination of a rule that compares nothing else; None for any other rule."""
    held = {option.name: option for option in rule.matches if option.name != "--comment"}
    if set(held) != {"-s", "-d"} or any(option.inverted or not option.values for option in held.values()):
        return None
    source, destination = (maybe_prefix(held[name].values[0]) for name in ("-s", "-d"))
    return (source, destination) if source and destination else None


def exempts(rule: FilterRule, flow: Flow) -> bool:
    """Tell whether a rule leaves the source of a packet alone, by its addresses and device only."""
    held = [option for option in rule.matches if option.name != "--comment"]
    if rule.target not in LEAVES_ALONE or not held:
        return False
    return all(option.name in _COMPARED and _COMPARED[option.name](option, flow) for option in held)


def _lies_in(option: Option, number: int) -> bool:
    wanted = maybe_prefix(option.values[0]) if option.values else None
    return wanted is not None and wanted.contains(number) != option.inverted


_COMPARED: dict[str, Callable[[Option, Flow], bool]] = {
    "-s": lambda option, flow: _lies_in(option, flow.source),
    "-d": lambda option, flow: _lies_in(option, flow.destination),
    "-o": lambda option, flow: (option.values == (flow.oif,)) != option.inverted,
}


def spared_by(host: Host, case: Case) -> FilterRule | None:
    """Return the rule of POSTROUTING that sends a packet back before anything rewrites it, where one does."""
    chains = (rules.chain("nat", "POSTROUTING") for rules in rulesets(host))
    rules = (rule for chain in chains if chain for rule in chain.rules)
    return next((rule for rule in rules if exempts(rule, case.flow)), None) if case.decision is None else None


def _misses(rule: FilterRule, case: Case) -> bool:
    """Tell whether a rule would exempt what the container sends, were its destination the right range."""
    found = ranges(rule)
    return found is not None and found[0].contains(case.flow.source) and not found[1].contains(case.flow.destination)
