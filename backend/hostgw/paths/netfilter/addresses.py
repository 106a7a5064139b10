"""What a namespace knows of its own addresses: which are local, broadcast, and what MASQUERADE takes."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import ref

from hostgw.fabric import NamespaceState
from hostgw.model.ip import FULL, address_number
from hostgw.model.kernel import Address
from hostgw.paths.fib import Packet as Looked
from hostgw.paths.fib import fib

MULTICAST = (0xE0000000, 0xEFFFFFFF)
LOOPBACK = (0x7F000000, 0x7FFFFFFF)
WIDEST_SCOPES = frozenset({"global", "site", "0", "200"})


class Addresses:
    """The IPv4 addresses of a namespace."""

    def __init__(self, state: NamespaceState) -> None:
        self._held = ref(state)  # what is kept as long as the state must not keep it
        self.local: dict[int, set[str]] = {}
        """Devices by address."""
        self.broadcast: dict[int, set[str]] = {FULL: set(), 0: set()}
        self._on: dict[str, list[tuple[int, Address]]] = {}
        for address in state.addresses:
            if address.family == 4:
                self._add(state.name_of(address.index), address)

    def _add(self, device: str, address: Address) -> None:
        number = address_number(address.address)
        self.local.setdefault(number, set()).add(device)
        self._on.setdefault(device, []).append((number, address))
        if device != "lo" and address.length < 31:
            host_bits = FULL >> address.length
            self.broadcast.setdefault(number | host_bits, set()).add(device)
        if address.broadcast:
            self.broadcast.setdefault(address_number(address.broadcast), set()).add(device)

    def type_of(self, address: int, device: str = "") -> str:
        """Return the kind of an address as addrtype and fib name it, judged on `device` when it is told."""
        if MULTICAST[0] <= address <= MULTICAST[1]:
            return "MULTICAST"
        if address in (FULL, 0):
            return "BROADCAST"
        if self._listed(self.local, address, device) or (not device and LOOPBACK[0] <= address <= LOOPBACK[1]):
            return "LOCAL"
        if self._listed(self.broadcast, address, device):
            return "BROADCAST"
        return "UNICAST"

    @staticmethod
    def _listed(table: dict[int, set[str]], address: int, device: str) -> bool:
        devices = table.get(address)
        return devices is not None and (not device or device in devices)

    def compared(self) -> Sequence[tuple[tuple[int, int], ...]]:
        """Return the ranges that `type_of` can tell apart, each address by itself."""
        singles = [*self.local, *self.broadcast]
        return [(MULTICAST,), (LOOPBACK,), *(((number, number),) for number in singles)]

    def masquerade(self, device: str, destination: int) -> int:
        """Return the address that MASQUERADE gives: of `device`, on the prefix of the next hop, else its first.

        A device without addresses borrows one; -1 when there is none at all.
        """
        usable = self._usable(device) or [found for name in self._on for found in self._usable(name)][:1]
        if not usable:
            return -1
        hop = self._next_hop(destination) if len(usable) > 1 else destination
        for number, address in usable:
            if not (number ^ hop) & ~(FULL >> address.length) & FULL:
                return number
        return usable[0][0]

    def _usable(self, device: str) -> list[tuple[int, Address]]:
        held = self._on.get(device, ())
        return [found for found in held if not found[1].secondary and found[1].scope in WIDEST_SCOPES]

    def first_of(self, device: str) -> int:
        """Return the first address of a device; -1 when it has none."""
        held = self._on.get(device)
        return held[0][0] if held else -1

    def several(self) -> bool:
        """Tell whether the choice of MASQUERADE can depend on the destination."""
        return any(sum(not a.secondary for _, a in held) > 1 for held in self._on.values())

    def _next_hop(self, destination: int) -> int:
        state = self._held()
        route = fib(state).lookup(Looked(destination)).route if state else None
        return address_number(route.gateway) if route and route.gateway else destination
