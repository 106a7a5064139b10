"""Probes, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a probe begins or ends: a container, or the host itself (`ns` is 0)."""

    host: str
    ns: int
    name: str
    """The container's name; empty for the host itself."""
    address: str
    mtu: int = 1500

    def __str__(self) -> str:
        """Return ``c1 on vm1``."""
        return f"{self.name} on {self.host}" if self.ns else f"{self.host} itself"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A few echo requests from one place to another, and what became of them."""

    source: Place
    destination: Place
    sent: int = 0
    received: int = 0
    refused: str = ""
    """Who said that the destination cannot be reached, where somebody did."""
    ttl: int = 0
    """Of the reply, as the source got it."""
    observed_source: str = ""
    """Where the destination saw the request come from; empty when it saw none."""
    observed_ttl: int = 0
    """Of the request, as the destination got it."""
    requested_at: tuple[str, ...] = ()
    """Devices that the request was seen at, on both hosts, in the order of its way."""
    replied_at: tuple[str, ...] = ()
    size: int = 0
    """Bytes of the largest packet that should pass; 0 when that was not tried."""
    largest: int = 0
    """Bytes of the largest packet that passed, as far as that was tried; 0 when none of `size` was."""
    too_big: str = ""
    """Who said that a packet was too big, where somebody did: then it did not vanish in silence."""
    error: str = ""
    """Why it could not be sent or heard; then nothing is known."""

    @property
    def to_gateway(self) -> bool:
        """It stays on its host."""
        return self.source.host == self.destination.host

    @property
    def unanswered(self) -> bool:
        """It was sent, and nothing came back."""
        return not self.error and self.sent > 0 and self.received == 0

    @property
    def large_vanish(self) -> bool:
        """Small packets are answered, large ones are lost without a word."""
        return self.received > 0 and self.largest < self.size and not self.too_big


@dataclass(frozen=True, slots=True)
class Claims:
    """Who answered when `prober` asked on the link whose `address` is: MAC addresses, in order."""

    prober: str
    owner: str
    address: str
    macs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probes:
    """One round of active checks."""

    results: tuple[ProbeResult, ...] = ()
    claims: tuple[Claims, ...] = ()
    skipped: tuple[str, ...] = ()
    """What was not probed, and why."""
