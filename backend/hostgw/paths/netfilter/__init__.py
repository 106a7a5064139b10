"""What the filter and NAT rules of a host do with a packet: all backends, in the kernel's order of hooks.

`forwarded`, `delivered`, `sent` and `bridged` judge one packet; `passages(state)` does the same for many, and walks
packets that no rule could tell apart once. Sources: iptables-extensions(8), nft(8), net/netfilter of the kernel.
"""

from hostgw.paths.netfilter.flow import Flow
from hostgw.paths.netfilter.judge import reply
from hostgw.paths.netfilter.passage import LOST, Decision, Passage, Verdict
from hostgw.paths.netfilter.passages import Passages, bridged, delivered, forwarded, passages, sent

__all__ = [
    "LOST",
    "Decision",
    "Flow",
    "Passage",
    "Passages",
    "Verdict",
    "bridged",
    "delivered",
    "forwarded",
    "passages",
    "reply",
    "sent",
]
