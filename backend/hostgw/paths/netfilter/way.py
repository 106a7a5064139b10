"""The way of a packet through the hooks of a namespace.

Forwarded: prerouting, forward, postrouting; delivered: prerouting, input; sent: output, postrouting. DNAT may turn one
into another, as the route is looked up behind it. Source: nf_hook.h, ip_input.c, ip_output.c, nf_nat_core.c.
"""

from __future__ import annotations

from dataclasses import dataclass

from hostgw.model.ip import address_text
from hostgw.paths.fib import Outcome as Routed
from hostgw.paths.fib import Packet as Looked
from hostgw.paths.fib import fib
from hostgw.paths.netfilter.context import Surroundings
from hostgw.paths.netfilter.flow import UNKNOWN_PORT, Flow, Packet
from hostgw.paths.netfilter.hooks import CONNTRACK, DESTINATION_NAT, SOURCE_NAT, Groups
from hostgw.paths.netfilter.passage import Decision, Passage, Verdict
from hostgw.paths.netfilter.program import Base, LostError, Signal, Translate, UnsureError
from hostgw.paths.netfilter.walker import Ended, Oracle, Walker
from hostgw.paths.netfilter.xt_matches import has_connection

VERDICTS = {Signal.ACCEPT: Verdict.ACCEPT, Signal.DROP: Verdict.DROP, Signal.REJECT: Verdict.REJECT}
ORDER = "order of chains at equal priority"
MAIN_HOOKS = frozenset({"forward", "input", "output"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What packets of a namespace meet: chains in order, and what rules ask of the namespace."""

    hooks: dict[str, Groups]
    world: Surroundings
    problems: tuple[str, ...] = ()
    """Rules that could not be read at all."""


class Way:
    """One packet's way in one run, with the oracle's answers to what cannot be evaluated."""

    def __init__(self, rules: Rules, flow: Flow, oracle: Oracle) -> None:
        self._rules, self._flow, self._oracle = rules, flow, oracle
        self._walker = Walker(oracle)
        self.packet = Packet(flow, rules.world)
        self.decided: Decision | None = None
        self.snat: Decision | None = None
        self.dnat: Decision | None = None
        self.nat_known = True
        self._translated_before = flow.rewritten if flow.state != "NEW" else None
        routed = self._translated_before[1] if self._translated_before else flow.destination
        self._seen = (routed, flow.mark)
        self._local_out = False
        self._looped = False

    def forwarded(self) -> Verdict:
        """Come in by one device and leave by another."""
        return self._come_in(local=False)

    def delivered(self) -> Verdict:
        """Come in and stay."""
        return self._come_in(local=True)

    def sent(self) -> Verdict:
        """Leave, made by the host itself."""
        self._local_out = True
        if not self.packet.oif:
            self._look_up("")
        verdict = self._hook("output") or self._rerouted() or self._leave()
        return self._loop() if verdict is Verdict.ACCEPT and self.packet.oif == "lo" else verdict

    def _loop(self) -> Verdict:
        """Come back by the loopback device: the same connection, of which NAT is decided."""
        self.packet.iif, self.packet.oif = "lo", ""
        self.packet.status.add("CONFIRMED")
        self._looped = True
        return self._hook("prerouting") or self._arrive()

    def bridged(self) -> Verdict:
        """Go from one port of a bridge to another; the IP hooks see it when br_netfilter calls them."""
        packet = self.packet
        packet.bridged, packet.oif = True, packet.oif or packet.iif
        packet.bridge_info = True if packet.physin and packet.physout else None
        called = self._rules.world.calls_iptables
        verdict = self._bridge("prerouting") or (self._hook("prerouting") if called else None)
        if verdict:
            return verdict
        if packet.destination != self._flow.destination:
            packet.bridged, packet.physout = False, ""
            return self._rerouted() or (self._arrive() if packet.oif == "lo" else self._forward())
        verdict = self._bridge("forward") or (self._hook("forward") if called else None) or self._bridge("postrouting")
        return verdict or (self._leave() if called else Verdict.ACCEPT)

    def _come_in(self, local: bool) -> Verdict:
        packet = self.packet
        packet.oif = ""
        self._know_ports()
        before = self._device("ingress", packet.iif) or self._on_bridge(packet.iif, "prerouting", "input")
        if verdict := before or self._hook("prerouting"):
            return verdict
        packet.oif = "lo" if local else self._flow.oif
        if not packet.oif:
            self._seen = (-1, 0)
        return self._rerouted() or (self._arrive() if packet.oif == "lo" else self._forward())

    def _arrive(self) -> Verdict:
        self.packet.oif = ""
        return self._hook("input") or Verdict.ACCEPT

    def _forward(self) -> Verdict:
        if self.packet.ttl > 0:
            self.packet.ttl -= 1
        return self._hook("forward") or self._leave()

    def _leave(self) -> Verdict:
        verdict = self._hook("postrouting")
        if not self.packet.bridged:
            verdict = verdict or self._on_bridge(self.packet.oif, "output", "postrouting")
        return verdict or self._device("egress", self.packet.oif) or Verdict.ACCEPT

    def _on_bridge(self, device: str, *hooks: str) -> Verdict | None:
        """Run the chains of the bridge family when a routed packet comes from a bridge or goes to one."""
        if self._rules.world.kind_of(device) != "bridge":
            return None
        return next((verdict for hook in hooks if (verdict := self._bridge(hook))), None)

    def _bridge(self, hook: str) -> Verdict | None:
        """Run the chains of the bridge family, which see ports and not the bridge."""
        name = f"bridge {hook}"
        if name not in self._rules.hooks:
            return None
        packet = self.packet
        devices = packet.iif, packet.oif
        packet.iif, packet.oif = packet.physin or UNKNOWN_PORT, packet.physout or UNKNOWN_PORT
        verdict = self._hook(name)
        packet.iif, packet.oif = devices
        return verdict

    def _know_ports(self) -> None:
        """Tell whether the kernel keeps the bridge port with a packet that is routed."""
        packet, world = self.packet, self._rules.world
        if packet.physin or world.kind_of(packet.iif) == "bridge":
            packet.bridge_info = (True if packet.physin else None) if world.calls_iptables else False

    def _rerouted(self) -> Verdict | None:
        """Look the route up again when what it depends on has changed; a verdict when there is none."""
        packet = self.packet
        changed = self._seen[0] != packet.destination or (
            self._seen[1] != packet.mark and any(rule.mask for rule in self._rules.world.state.rules)
        )
        self._seen = (packet.destination, packet.mark)
        return self._look_up("" if self._local_out else packet.iif) if changed else None

    def _look_up(self, iif: str) -> Verdict | None:
        packet, state = self.packet, self._rules.world.state
        result = fib(state).lookup(Looked(packet.destination, packet.source, iif, packet.mark, packet.tos))
        if result.outcome is Routed.LOCAL:
            packet.oif = "lo"
            return None
        if result.outcome is Routed.FORWARD and result.route:
            oif = result.route.oif or (result.route.nexthops[0].oif if result.route.nexthops else 0)
            packet.oif = state.name_of(oif)
            return None
        if not state.routes:  # nothing is known of the routes: stay with what the flow says
            packet.oif = packet.oif or self._flow.oif
            return None
        text = f"no route to {address_text(packet.destination)}"
        self.decided = Decision(Verdict.DROP, "routes", "", "", packet.hook, None, text)
        return Verdict.DROP

    def _device(self, hook: str, device: str) -> Verdict | None:
        """Run the chains of a device; its packets have no connection yet, or not any more of interest."""
        self.packet.hook = hook
        for _, bases in self._rules.hooks.get(hook, ()):
            for base in bases:
                told = f"devices of {base.table} {base.chain}"
                here = device in base.devices if base.devices else self._oracle.answer(told)
                if here and (verdict := self._filter(base)):
                    return verdict
        return None

    def _hook(self, hook: str) -> Verdict | None:
        """Run a hook; return a verdict when the packet ends there."""
        self.packet.hook = hook
        tracks = hook in ("prerouting", "output")
        translated_at = DESTINATION_NAT if tracks else SOURCE_NAT
        todo = [(CONNTRACK, self._track)] if tracks else []
        if hook in ("prerouting", "input", "output", "postrouting"):
            todo.append((translated_at, lambda: self._as_before(tracks)))
        for priority, bases in self._rules.hooks.get(hook, ()):
            while todo and priority > todo[0][0]:
                todo.pop(0)[1]()
            if verdict := self._group(bases):
                return verdict
        for _, act in todo:
            act()
        return None

    def _track(self) -> None:
        self.packet.conntracked = True

    def _as_before(self, destination: bool) -> None:
        """Give a packet of a known connection the address that NAT gave the connection's first."""
        if self._translated_before and has_connection(self.packet):
            source, target = self._translated_before
            if destination:
                self.packet.destination = target
            else:
                self.packet.source = source

    def _group(self, bases: tuple[Base, ...]) -> Verdict | None:
        if len(bases) > 1 and self._oracle.answer(ORDER):
            bases = bases[::-1]
        if bases[0].kind != "nat":
            for base in bases:
                if verdict := self._filter(base):
                    return verdict
            return None
        for base in bases:
            if verdict := self._nat(base):
                return verdict
        return None

    def _filter(self, base: Base) -> Verdict | None:
        ended = self._walker.run(base, self.packet)
        if not isinstance(ended.outcome, Signal):
            return None
        verdict = VERDICTS[ended.outcome]
        if verdict is not Verdict.ACCEPT:
            self.decided = _decision(verdict, base, ended)
            return verdict
        if ended.rule and base.hook in MAIN_HOOKS and base.priority >= 0:
            self.decided = _decision(verdict, base, ended)
        return None

    def _nat(self, base: Base) -> Verdict | None:
        """Run a NAT chain for the first packet of a connection; the first translation of a side stays."""
        packet = self.packet
        late = base.hook in ("input", "postrouting")
        decided = self._looped or (self.snat if late else self.dnat)
        if not packet.conntracked or packet.state not in ("NEW", "RELATED") or decided:
            return None
        if packet.state == "RELATED" and packet.protocol == 1:
            return None
        ended = self._walker.run(base, packet)
        if isinstance(ended.outcome, Translate):
            return self._translate(base, ended, ended.outcome)
        verdict = VERDICTS[ended.outcome]
        if verdict is Verdict.ACCEPT:
            return None
        self.decided = _decision(verdict, base, ended)
        return verdict

    def _translate(self, base: Base, ended: Ended, change: Translate) -> Verdict | None:
        packet = self.packet
        if change.unknown:
            raise LostError(change.unknown)
        old = packet.source if change.source else packet.destination
        try:
            new = change.address(packet) if change.address else old
        except UnsureError as unsure:
            raise LostError(unsure.name) from unsure
        known = new >= 0
        self.nat_known = self.nat_known and known
        new = max(new, 0)
        if change.source:
            self.snat = _decision(Verdict.SNAT, base, ended)
            changed = old != new or change.port not in (0, packet.sport)
            packet.source, packet.sport = new, change.port or packet.sport
        else:
            self.dnat = _decision(Verdict.DNAT, base, ended)
            changed = old != new or change.port not in (0, packet.dport)
            packet.destination, packet.dport = new, change.port or packet.dport
        if changed:
            packet.status.add("SNAT" if change.source else "DNAT")
        return None

    def passage(self, verdict: Verdict) -> Passage:
        """Return what came of this run."""
        packet = self.packet
        return Passage(
            verdict,
            packet.source,
            packet.destination,
            self.decided,
            self.snat,
            self.dnat,
            self.nat_known,
            (),
            packet.mark,
            packet.oif,
            (packet.sport, packet.dport),
            packet.ctmark,
            tuple(packet.assumed),
            untracked=packet.state == "UNTRACKED",
            status=frozenset(packet.status),
        )


def _decision(verdict: Verdict, base: Base, ended: Ended) -> Decision:
    rule = ended.rule
    if rule is None:
        text, packets = base.policy_text, base.policy_packets
    else:
        text, packets = rule.text, rule.packets
    chain = ended.chain or base.chain
    return Decision(verdict, base.backend, base.table, chain, base.hook, rule.origin if rule else None, text, packets)
