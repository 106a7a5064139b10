"""A filter of the live list: words that are typed, and whether a packet matches them. Pure.

Words are joined by AND: ``verdict:lost proto:icmp !host:vm2 10.239.1``. A word without a key is looked for in the
packet's line; ``!`` in front turns a word round. What is wrong with a filter is told, and the rest of it works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from typing import NamedTuple, Protocol

from hostgw.capture.flows import Flow
from hostgw.capture.journeys import Verdict

MAX_LENGTH = 500
"""Characters of a filter that are read."""
REPLY = "reply"
"""Instead of a verdict, of an answer whose own end was not seen."""
VERDICTS = (*(verdict.value for verdict in Verdict), REPLY)

Flows = frozenset[Flow]
FlowsOf = Callable[[int], Flows]
"""Returns the flows of a packet by its number; none when it is no longer kept."""


class Facts(Protocol):
    """What a filter asks of a packet; each is worked out only when it is asked for."""

    @property
    def text(self) -> str:
        """The packet's line, in lower case."""

    @property
    def verdict(self) -> str:
        """The verdict's name, or `REPLY`."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """Names of its protocols, in lower case."""

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that saw it."""

    @property
    def taps(self) -> frozenset[str]:
        """The taps that saw it, as ``vm1/br0``."""

    @property
    def addresses(self) -> frozenset[tuple[int, int]]:
        """IP version and number of each of its addresses, before and after translations."""

    @property
    def ports(self) -> frozenset[int]:
        """Its ports."""

    @property
    def flows(self) -> Flows:
        """Its flows."""


Matcher = Callable[[Facts], bool]


class Filter(NamedTuple):
    """What was typed, ready for use."""

    matchers: tuple[Matcher, ...] = ()
    remark: str = ""
    """What is wrong with it; empty when all is well."""

    def matches(self, facts: Facts) -> bool:
        """Tell whether a packet is shown."""
        return all(matcher(facts) for matcher in self.matchers)


def parse(text: str, flows_of: FlowsOf = lambda _number: frozenset()) -> Filter:
    """Return the filter that a line means. A word that cannot be used is left out, and the remark says why."""
    matchers: list[Matcher] = []
    remark = ""
    for word in text[:MAX_LENGTH].split():
        inverse, bare = word.startswith("!"), word.removeprefix("!")
        if not bare:
            continue
        found = _matcher(bare, flows_of)
        if isinstance(found, str):
            remark = remark or found
        else:
            matchers.append(_not(found) if inverse else found)
    return Filter(tuple(matchers), remark)


def _not(matcher: Matcher) -> Matcher:
    return lambda facts: not matcher(facts)


def _matcher(word: str, flows_of: FlowsOf) -> Matcher | str:
    """Return what tests a word, or what is wrong with it."""
    key, colon, value = word.partition(":")
    if not colon or not key.isalpha():  # a MAC or IPv6 address is text
        wanted = word.lower()
        return lambda facts: wanted in facts.text
    make = KEYS.get(key.lower())
    if make is None:
        near = get_close_matches(key.lower(), KEYS, 1)
        return f"no key {key}: did you mean {near[0]}?" if near else f"no key {key}: there are {', '.join(KEYS)}"
    if not value:
        return f"{key}: needs a value"
    return make(value, flows_of)


def _verdict(value: str, _flows_of: FlowsOf) -> Matcher | str:
    """Match the verdicts that begin so."""
    wanted = frozenset(name for name in VERDICTS if name.startswith(value.lower()))
    return (lambda facts: facts.verdict in wanted) if wanted else f"no verdict {value}: {', '.join(VERDICTS)}"


def _protocol(value: str, _flows_of: FlowsOf) -> Matcher | str:
    wanted = value.lower()
    return lambda facts: wanted in facts.protocols


def _host(value: str, _flows_of: FlowsOf) -> Matcher | str:
    return lambda facts: value in facts.hosts


def _tap(value: str, _flows_of: FlowsOf) -> Matcher | str:
    return lambda facts: any(value in tap for tap in facts.taps)


def _address(value: str, _flows_of: FlowsOf) -> Matcher | str:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return f"{value} is no address or prefix"
    version, low, high = network.version, int(network.network_address), int(network.broadcast_address)
    return lambda facts: any(v == version and low <= number <= high for v, number in facts.addresses)


def _port(value: str, _flows_of: FlowsOf) -> Matcher | str:
    if not (value.isdecimal() and len(value) <= 5 and int(value) <= 65535):
        return f"{value} is no port"
    wanted = int(value)
    return lambda facts: wanted in facts.ports


def _flow(value: str, flows_of: FlowsOf) -> Matcher | str:
    wanted = flows_of(int(value)) if value.isdecimal() and len(value) < 16 else frozenset()
    if not wanted:
        return f"packet {value} is not kept: o takes the flow of the selected one"
    return lambda facts: not wanted.isdisjoint(facts.flows)


KEYS: Mapping[str, Callable[[str, FlowsOf], Matcher | str]] = {
    "verdict": _verdict,
    "proto": _protocol,
    "host": _host,
    "tap": _tap,
    "addr": _address,
    "port": _port,
    "flow": _flow,
}


def toggled_flow(text: str, number: int) -> str:
    """Return a filter with the flow of a packet as one of its words, or without when it has one."""
    words = text.split()
    others = [word for word in words if not word.startswith("flow:")]
    return " ".join(others if len(others) < len(words) else [*words, f"flow:{number}"])
