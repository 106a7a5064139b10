"""Judge a packet: walk its way with every answer to what cannot be evaluated, and tell what is true of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hostgw.paths.netfilter.flow import Flow
from hostgw.paths.netfilter.passage import Passage, Verdict
from hostgw.paths.netfilter.program import LostError
from hostgw.paths.netfilter.walker import MAX_RUNS, Oracle
from hostgw.paths.netfilter.way import ORDER, Rules, Way

Go = Callable[[Way], Verdict]


def judge(rules: Rules, flow: Flow, go: Go) -> Passage:
    """Return what comes of a packet, trying every answer to what cannot be evaluated."""
    oracle = Oracle()
    merged: Passage | None = None
    while True:
        oracle.restart()
        found = _once(rules, flow, go, oracle)
        merged = _merge(merged, found) if merged else found
        if merged.verdict is Verdict.UNKNOWN or not oracle.advance():
            break
        if oracle.runs >= MAX_RUNS:
            merged = replace(merged, verdict=Verdict.UNKNOWN, decided=None)
            break
    return _named(merged, oracle, rules.problems)


def _once(rules: Rules, flow: Flow, go: Go, oracle: Oracle) -> Passage:
    way = Way(rules, flow, oracle)
    try:
        return way.passage(go(way))
    except LostError as lost:
        oracle.names[lost.name] = None
        way.decided = None
        return way.passage(Verdict.UNKNOWN)


def _merge(first: Passage, other: Passage) -> Passage:
    """Return what is true of two possible outcomes."""
    if first.verdict is not other.verdict and not (first.lost and other.lost):
        return replace(first, verdict=Verdict.UNKNOWN, decided=None)
    same = first.lost or (
        (first.source, first.destination, first.mark, first.oif)
        == (other.source, other.destination, other.mark, other.oif)
    )
    exact = first.verdict is other.verdict
    nat_known = first.nat_known and other.nat_known and same
    return first if exact and nat_known == first.nat_known else replace(first, nat_known=nat_known, exact=exact)


def _named(passage: Passage, oracle: Oracle, problems: tuple[str, ...]) -> Passage:
    """Return a passage with the names of what could not be evaluated; an order that changes nothing is none."""
    told = passage.verdict is Verdict.UNKNOWN or not passage.nat_known or not passage.exact
    names = (*(name for name in oracle.names if told or name != ORDER), *problems)
    if problems:
        return replace(passage, verdict=Verdict.UNKNOWN, decided=None, nat_known=False, unknown=names)
    return replace(passage, unknown=names) if names else passage


def reply(flow: Flow, passage: Passage) -> Flow:
    """Return the answer to a packet that passed, as it comes back to this host."""
    return replace(
        flow,
        source=passage.destination,
        destination=passage.source,
        iif=passage.oif,
        oif=flow.iif,
        sport=passage.ports[1],
        dport=passage.ports[0],
        state="ESTABLISHED",
        status=passage.status | {"CONFIRMED", "SEEN_REPLY"},
        direction="REPLY",
        original=flow.original or (flow.source, flow.destination, flow.sport, flow.dport),
        rewritten=(flow.destination, flow.source) if passage.snat or passage.dnat else None,
        ctmark=passage.ctmark,
        mark=0,
        physin=flow.physout,
        physout=flow.physin,
    )
