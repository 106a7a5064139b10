"""What rules compare packets with beside the packet: the namespace's addresses, routes and sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import ref

from hostgw.fabric import NamespaceState
from hostgw.model.ipset import IpSet
from hostgw.paths.fib import Outcome, fib
from hostgw.paths.fib import Packet as Looked
from hostgw.paths.netfilter.addresses import Addresses

BRIDGE_CALLS = "net/bridge/bridge-nf-call-iptables"


@dataclass(frozen=True)
class Surroundings:
    """A namespace as rules see it."""

    held: ref[NamespaceState]
    """Weak, because what is remembered of a state lives as long as the state."""
    addresses: Addresses
    sets: Mapping[str, IpSet] = field(default_factory=dict)

    @property
    def state(self) -> NamespaceState:
        """The namespace's state."""
        return self.held() or NamespaceState()

    def kind_of(self, device: str) -> str:
        """Return the kind of a device: bridge, veth, ...; empty when it is not known."""
        link = self.state.links_by_name.get(device)
        return link.kind if link else ""

    @property
    def calls_iptables(self) -> bool:
        """Whether br_netfilter shows the IP hooks what passes through bridges."""
        return self.state.sysctls.get(BRIDGE_CALLS) == "1"

    def back(self, source: int, destination: int, mark: int = 0) -> tuple[Outcome, str]:
        """Return where an answer to a packet would go: the outcome and the device."""
        result = fib(self.state).lookup(Looked(source, destination, mark=mark))
        return result.outcome, self.state.name_of(result.route.oif) if result.route else ""
