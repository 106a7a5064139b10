"""What comes of a packet: the verdict, what decided it, its addresses after NAT."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hostgw.model.iptables import FilterRule
from hostgw.model.nftables import NftRule


class Verdict(StrEnum):
    """What becomes of a packet, or what a deciding rule does with it."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    SNAT = "snat"
    """The source is rewritten: MASQUERADE or SNAT. Only of a `Decision`, never of a `Passage`."""
    DNAT = "dnat"
    UNKNOWN = "unknown"


LOST = frozenset({Verdict.DROP, Verdict.REJECT})


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule, or the policy of a chain, that decided something."""

    verdict: Verdict
    backend: str
    """nft (iptables over nf_tables), legacy (ip_tables), nftables (native)."""
    table: str
    """With its family for nftables: ``inet firewalld``."""
    chain: str
    hook: str
    """prerouting, input, forward, output, postrouting; ingress, egress for netdev chains."""
    rule: FilterRule | NftRule | None = None
    """None when the policy of the chain decided."""
    text: str = ""
    """The rule as its own tool writes it, or the policy: ``-P FORWARD DROP``."""
    packets: int = -1
    """How often it matched so far; -1 when that is not counted."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What the rules of a host do with a packet.

    `verdict` is UNKNOWN when something that could not be evaluated decides it, and `unknown` names that. When `unknown`
    is not empty and the verdict is another, the outcome is the same whatever the unknown parts say.
    """

    verdict: Verdict
    source: int
    """After NAT; what the receiver sees. See `nat_known`."""
    destination: int
    decided: Decision | None = None
    """What dropped or refused it, or what accepted it in the last filter chain that said so; None when no rule did."""
    snat: Decision | None = None
    dnat: Decision | None = None
    nat_known: bool = True
    """Without it, `source` and `destination` are only one possibility."""
    unknown: tuple[str, ...] = ()
    """What could not be evaluated: "match --rcheck", "target NFQUEUE", "expression numgen"."""
    mark: int = 0
    oif: str = ""
    """The interface it leaves by, which NAT may have changed; empty when it is delivered to the host itself."""

    ports: tuple[int, int] = (0, 0)
    """Source and destination port after NAT, as far as rules name them."""
    ctmark: int = 0
    assumed: tuple[str, ...] = ()
    """What was taken to match although it depends on more than the packet: "under the limit 5/min"."""
    exact: bool = True
    """Without it, a lost packet may as well be refused as dropped: the rest is certain."""

    untracked: bool = False
    """A rule took it out of connection tracking: no NAT, and its answer is no reply to the rules."""

    status: frozenset[str] = frozenset()
    """Conntrack status of its connection by now: SNAT and DNAT only where an address or port really changed."""

    @property
    def lost(self) -> bool:
        """It is certain not to arrive."""
        return self.verdict in LOST
