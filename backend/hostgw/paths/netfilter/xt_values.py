"""The values that iptables writes behind its options."""

from __future__ import annotations

from functools import lru_cache

from hostgw.model.ip import FULL, address_number


@lru_cache(maxsize=1 << 16)
def masked_address(text: str) -> tuple[int, int]:
    """Return ``10.0.0.0/8`` or ``10.0.0.5/255.0.0.255`` as value and mask.

    Raises:
        ValueError: it is no such thing.
    """
    address, _, length = text.partition("/")
    if not length:
        mask = FULL
    elif "." in length:
        mask = address_number(length)
    else:
        bits = int(length)
        if not 0 <= bits <= 32:
            raise ValueError(text)
        mask = FULL ^ (FULL >> bits)
    return address_number(address) & mask, mask


def contiguous(mask: int) -> bool:
    """Tell whether a mask is that of a prefix: ones, then zeros."""
    rest = mask ^ FULL
    return rest & (rest + 1) == 0


def masked_number(text: str) -> tuple[int, int]:
    """Return ``0x4000/0xff00`` as value and mask; without a mask, all bits count."""
    value, _, mask = text.partition("/")
    return int(value, 0), int(mask, 0) if mask else FULL


def span(text: str, separator: str, highest: int) -> tuple[int, int]:
    """Return ``80:90`` as a range; an open end goes to the border."""
    low, divided, high = text.partition(separator)
    return int(low or 0), int(high or highest) if divided else int(low)


def ports(text: str) -> tuple[tuple[int, int], ...]:
    """Return ``22,80:90`` as ranges."""
    return tuple(span(part, ":", 65535) for part in text.split(","))


def address_span(text: str) -> tuple[int, int]:
    """Return ``10.0.0.1-10.0.0.9`` or one address as a range."""
    low, divided, high = text.partition("-")
    return address_number(low), address_number(high if divided else low)


def inside(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Tell whether a number lies in one of some ranges."""
    return any(low <= number <= high for low, high in ranges)
