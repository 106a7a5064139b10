"""Rules of any backend in one form: chains of rules, rules of steps, and the hooks where chains begin.

A step is a function of the packet: it returns None to go on, `MISS` when the rule does not match, or what the rule
decides. It raises `UnsureError` where it cannot tell, and then both answers are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from hostgw.model.iptables import FilterRule
from hostgw.model.nftables import NftRule
from hostgw.paths.netfilter.flow import Packet


class UnsureError(Exception):
    """A match that cannot be evaluated: named, so that it can be told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class LostError(Exception):
    """A statement after which nothing can be said of the packet, such as one that hands it to a program."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Signal(Enum):
    """What a step decides, when it needs no more words."""

    MISS = auto()
    """The rule does not match: on to the next."""
    NEXT = auto()
    """The rule is through: on to the next."""
    ACCEPT = auto()
    """This base chain lets it pass."""
    DROP = auto()
    REJECT = auto()
    RETURN = auto()


@dataclass(frozen=True, slots=True)
class Jump:
    """On to another chain of the table; a `goto` does not come back behind the rule."""

    chain: str
    goto: bool = False


Address = Callable[[Packet], int]
"""The new address for a packet; -1 when it cannot be told."""


@dataclass(frozen=True, slots=True)
class Translate:
    """NAT: the source or the destination gets another address (none: only ports change)."""

    source: bool
    address: Address | None = None
    masquerade: bool = False
    port: int = 0
    """The new port of the manipulated side, when the rule names one."""
    unknown: str = ""
    """What of it cannot be evaluated."""


Outcome = Signal | Jump | Translate | None
Step = Callable[[Packet], Outcome]


@dataclass(frozen=True, slots=True)
class ProgramRule:
    """A rule: its steps in order, and where it comes from."""

    steps: tuple[Step, ...]
    origin: FilterRule | NftRule | None
    text: str
    packets: int = -1


@dataclass(frozen=True, slots=True)
class Base:
    """A chain that a hook calls."""

    hook: str
    priority: int
    chain: str
    backend: str
    table: str
    """With its family for nftables."""
    kind: str = "filter"
    """filter, nat or route."""
    drops: bool = False
    """Its policy is to drop."""
    policy_text: str = ""
    policy_packets: int = -1
    devices: frozenset[str] = frozenset()
    """Of a netdev chain: the devices whose packets it sees."""
    chains: Mapping[str, tuple[ProgramRule, ...]] = field(default_factory=dict, compare=False, repr=False)
    """The chains of its table."""


Ranges = tuple[tuple[int, int], ...]
"""Addresses from-to, both included."""


@dataclass(frozen=True, eq=False)
class Program:
    """The rules of one backend, ready to be walked; made once per text, so that identity is equality."""

    bases: tuple[Base, ...] = ()
    sources: frozenset[Ranges] = frozenset()
    """What rules compare source addresses with, each a set of ranges."""
    destinations: frozenset[Ranges] = frozenset()
    precise: bool = False
    """Some rule looks at addresses in a way that ranges do not tell."""
    looks_back: bool = False
    """Some rule asks the routes for the way back."""
    sets: frozenset[str] = frozenset()
    """Names of the ipsets that rules ask."""
    problems: tuple[str, ...] = ()
    """What could not be read at all: every verdict is unknown."""
