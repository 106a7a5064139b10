"""IPv4 text to integers and back, for look-ups over many thousand prefixes.

The model keeps addresses as the text that `ip` prints; indexes and look-ups hold integers made here.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

FULL = 0xFFFFFFFF
MASKS = tuple(FULL ^ (FULL >> length) for length in range(33))
"""Netmasks by prefix length."""


class Prefix(NamedTuple):
    """An IPv4 prefix: network `address` as an integer with no host bits, and its `length` in bits."""

    address: int
    length: int

    @property
    def mask(self) -> int:
        """The netmask as an integer."""
        return MASKS[self.length]

    def contains(self, address: int) -> bool:
        """Tell whether `address` lies in the prefix."""
        return address & MASKS[self.length] == self.address

    def covers(self, other: Prefix) -> bool:
        """Tell whether `other` is this prefix or part of it."""
        return other.length >= self.length and self.contains(other.address)

    def overlaps(self, other: Prefix) -> bool:
        """Tell whether some address lies in both."""
        return self.covers(other) or other.covers(self)

    @property
    def first_host(self) -> int:
        """The first usable address: the gateway of a container subnet."""
        return self.address + (1 if self.length < 31 else 0)

    def __str__(self) -> str:
        """Return ``10.239.1.0/24``."""
        return f"{address_text(self.address)}/{self.length}"


DEFAULT = Prefix(0, 0)


def address_number(text: str) -> int:
    """Return the IPv4 address `text` as an integer.

    Raises:
        ValueError: it is no IPv4 address.
    """
    try:
        return int.from_bytes(inet_pton(AF_INET, text), "big")
    except OSError as error:
        raise ValueError(f"{text!r} is no IPv4 address") from error


def any_number(text: str) -> int:
    """Return an IPv4 or IPv6 address as an integer, as captured frames hold it.

    Raises:
        ValueError: it is neither.
    """
    if ":" not in text:
        return address_number(text)
    try:
        return int.from_bytes(inet_pton(AF_INET6, text), "big")
    except OSError as error:
        raise ValueError(f"{text!r} is no IPv6 address") from error


@lru_cache(maxsize=1 << 18)
def address_text(number: int) -> str:
    """Return the integer `number` in dotted form."""
    return str(IPv4Address(number))


@lru_cache(maxsize=1 << 18)
def prefix(text: str) -> Prefix:
    """Return ``10.239.1.0/24`` (or ``default``) as a Prefix; host bits are accepted and dropped.

    Raises:
        ValueError: it is no IPv4 prefix.
    """
    return DEFAULT if text == "default" else _split(text)[1]


def maybe_prefix(text: str) -> Prefix | None:
    """Return `text` as a Prefix, or None when it is none (a name, a mask with holes)."""
    try:
        return prefix(text)
    except ValueError:
        return None


@lru_cache(maxsize=1 << 18)
def interface_prefix(text: str) -> tuple[int, Prefix]:
    """Split ``172.17.0.1/24`` into its address and the prefix it stands in.

    Raises:
        ValueError: it is no IPv4 interface address.
    """
    return _split(text)


def _split(text: str) -> tuple[int, Prefix]:
    address, _, length = text.partition("/")
    if length.isascii() and length.isdigit() and int(length) < len(MASKS):
        number, bits = address_number(address), int(length)
        return number, Prefix(number & MASKS[bits], bits)
    interface = IPv4Interface(text)  # without a length, with a mask in its place, or wrong
    return int(interface.ip), Prefix(int(interface.network.network_address), interface.network.prefixlen)
