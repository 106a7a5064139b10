"""A predicted way as data; msgspec types, for `path --json` is made of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

HEADERS = 28
"""Bytes of an IPv4 header with that of ICMP's echo or of UDP."""


class Outcome(StrEnum):
    """What a packet's way ends in."""

    DELIVERED = "delivered"
    LOST = "lost"
    OUTSIDE = "outside"
    """It is handed to a machine that is not listed: what that does with it is not known."""
    UNKNOWN = "unknown"
    """Something that could not be evaluated decides it."""


class End(msgspec.Struct, frozen=True):
    """Where a packet begins or ends."""

    address: str
    host: str = ""
    """Empty for a machine that is not listed."""
    container: str = ""
    """Empty for the host itself."""
    any_address: bool = False
    """A host by its name: which of its addresses it sends from, its kernel chooses by the route."""

    def __str__(self) -> str:
        """Return ``vm1:c1 (10.239.0.2)``."""
        name = f"{self.host}:{self.container}" if self.container else self.host
        return f"{name} ({self.address})" if name else self.address


class Query(msgspec.Struct, frozen=True):
    """What kind of packet goes."""

    protocol: str = "icmp"
    """icmp, udp or tcp."""
    port: int = 0
    """Destination port."""
    source_port: int = 40000
    """High and arbitrary: a service is not known by it."""
    size: int = 0
    """Bytes behind the ICMP or UDP header; 0 for few: then no MTU matters."""
    whole: bool = False
    """It must not be fragmented (the flag DF)."""

    @property
    def length(self) -> int:
        """Bytes of the IP packet (RFC 791, RFC 792, RFC 768); 0 where no size is asked for."""
        return self.size + HEADERS if self.size else 0


class Hop(msgspec.Struct, frozen=True):
    """The packet at one tap: what a capture there would show."""

    host: str
    interface: str
    namespace: str | None
    """The container's name; null in the host's own namespace."""
    direction: str
    """in or out, as the namespace sees it."""
    source_mac: str
    destination_mac: str
    source: str
    destination: str
    ttl: int
    mtu: int
    because: str
    """What the kernel's decision rests on, in words."""
    changed: tuple[str, ...] = ()
    """What differs from the hop before: mac, ttl, snat, dnat."""

    @property
    def place(self) -> str:
        """Return ``vm1/c1/eth0`` as taps are named."""
        return "/".join(part for part in (self.host, self.namespace, self.interface) if part)


class Leg(msgspec.Struct, frozen=True):
    """One direction."""

    hops: tuple[Hop, ...]
    outcome: Outcome
    reason: str
    """Why it ends here."""
    host: str = ""
    """Where that was decided."""
    container: str | None = None

    astray: bool = False
    """It goes to a MAC that no listed host has: a switch that does not know it sends it to everybody."""
    asks: tuple[tuple[str, int, str], ...] = ()
    """Host, ifindex and address of next hops on the wire that have no neighbour entry yet: ARP decides."""

    @property
    def lost_after(self) -> Hop | None:
        """The last tap that sees it, when it is lost."""
        return self.hops[-1] if self.hops and self.outcome is Outcome.LOST else None

    @property
    def mtu(self) -> int:
        """The largest IP packet that passes everywhere; 0 when there is no hop."""
        return min((hop.mtu for hop in self.hops), default=0)


class Prediction(msgspec.Struct, frozen=True):
    """Both directions; there is no way back when the request does not arrive."""

    source: End
    destination: End
    query: Query
    forward: Leg
    back: Leg | None = None

    @property
    def works(self) -> bool:
        """A question is answered."""
        return self.back is not None and self.back.outcome is Outcome.DELIVERED
