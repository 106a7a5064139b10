"""Taps as the operator sees them: where one is, and how it is doing."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from hostgw.capture.journeys import UNORDERED


class TapPoint(msgspec.Struct, frozen=True):
    """An interface on a host where we capture."""

    host: str
    ns: int
    index: int
    interface: str
    container: str | None = None
    order: int = UNORDERED
    """CONTAINER, PORT, BRIDGE or NIC of `journeys`: how far the tap stands from containers; -1 when not known."""
    underlay: bool = False
    """The interface carries the host's own traffic, our SSH among it."""
    bridge: bool = False
    """A bridge: it shows what the host's IP stack sees, not what containers of the host exchange."""
    addresses: frozenset[int] = frozenset()
    """Addresses that live on the interface or behind it."""
    held: frozenset[int] = frozenset()
    """All addresses of the tap's namespace: a packet to one that comes in here has arrived."""
    near: frozenset[int] = frozenset()
    """All addresses on the host, its containers' among them."""
    only_exit: bool = False
    """Whatever leaves the host passes here."""

    @property
    def name(self) -> str:
        """Return ``vm1/br0``, or ``vm1/c1/eth0`` inside a container."""
        parts = (self.host, self.container, self.interface)
        return "/".join(part for part in parts if part)


class TapState(StrEnum):
    """The life of a tap."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


class TapStatus(NamedTuple):
    """A tap at one moment."""

    tap: int
    """Number of the tap within the capture; sightings carry it."""
    point: TapPoint
    number: int
    """Number of the tap on its host; messages carry it."""
    state: TapState = TapState.OPENING
    via: str = ""
    reason: str = ""
    packets: int = 0
    drops: int = 0
    """Lost by the kernel on the host."""
    limited: int = 0
    """Held back on the host by our limits."""
    received: int = 0
    overflow: int = 0
    """Arrived here, but not decoded: we were too slow."""
