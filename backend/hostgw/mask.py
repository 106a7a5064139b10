"""Text without the names and addresses of whoever's network it is, as long as before and as consistent.

An octet of an address becomes another of as many digits, by the octets before it, so that what was in one network stays
so and tables stay straight (the idea is that of prefix-preserving anonymisation: Xu, Fan, Ammar, Moon, 2002). 0 and 255
stay, for they mean a network and everybody. Every `Mask` has a key of its own: two texts cannot be laid side by side.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from hashlib import blake2b

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])")
_IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){7})[0-9A-Fa-f:]{3,39}(?![0-9A-Fa-f:.])")
_KEPT = ("127.", "0.", "224.", "239.255.", "255.")
"""Beginnings of addresses that are nobody's."""
_LETTERS, _HEX = "abcdefghijkmnopqrstuvwxyz", "0123456789abcdef"
_WIDTHS = {1: range(1, 10), 2: range(10, 100), 3: range(100, 255)}
CACHED = 20_000


class Mask:
    """Makes text anonymous; the same name or address becomes the same everywhere."""

    def __init__(self, names: Iterable[str] = (), key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(16)
        self._names: dict[str, str] = {}
        self._real: dict[str, str] = {}
        self._others: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.text = lru_cache(CACHED)(self._text)
        self.learn(names)

    def learn(self, names: Iterable[str]) -> None:
        """Take further names of hosts and containers to hide."""
        fresh = sorted({name for name in names if name} - self._names.keys())
        if not fresh:
            return
        for name in fresh:
            self._names[name] = self._other_name(name)
        known = "|".join(re.escape(name) for name in sorted(self._names, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![\w-])(?:{known})(?![\w])")
        self.text.cache_clear()

    def _text(self, text: str) -> str:
        """Return text without names and addresses, as long as before."""
        for pattern, other in ((_MAC, self._mac), (_IPV6, self._ipv6), (_IPV4, self._ipv4)):
            text = pattern.sub(partial(self._once, other), text)
        return self._pattern.sub(lambda found: self._names[found[0]], text) if self._pattern else text

    def _once(self, other: Callable[[str], str], found: re.Match[str]) -> str:
        """Return another address; one that is such another already stays: what lies behind a dialog comes twice."""
        address = found[0]
        if address in self._others and address not in self._real:
            return address
        if len(self._real) > CACHED:
            self._real.clear()
            self._others.clear()
        hidden = self._real[address] = self._real.get(address) or other(address)
        self._others.add(hidden)
        return hidden

    def _ipv4(self, address: str) -> str:
        octets = address.split(".")
        if address.startswith(_KEPT) or any(int(octet) > 255 for octet in octets):
            return address
        return ".".join(self._octet(".".join(octets[:place]), octets[place]) for place in range(4))

    def _octet(self, before: str, octet: str) -> str:
        others = self._order(f"{before}/{len(octet)}", _WIDTHS[len(octet)])
        number = int(octet)
        return str(others[number]) if number in others else octet

    def _order(self, salt: str, among: range) -> dict[int, int]:
        """Return a permutation."""
        return dict(zip(among, sorted(among, key=lambda number: self._hash(f"{salt}:{number}")), strict=True))

    def _mac(self, address: str) -> str:
        """Return another address of the same kind: local or not, unicast or not."""
        digits = self._digits(address.lower()[3:].replace(":", ""))
        return address[:3] + ":".join(digits[at : at + 2] for at in range(0, 10, 2))

    def _ipv6(self, address: str) -> str:
        """Return another address; what says that it is link-local, multicast or the like stays."""
        groups = address.split(":")
        kept = 1 if groups[0][:2].lower() in ("fe", "ff", "fd", "fc", "20") else 0
        hidden = (self._digits(group) if group.strip("0") and group != "1" else group for group in groups[kept:])
        return ":".join((*groups[:kept], *hidden))

    def _digits(self, digits: str) -> str:
        found = self._hash(digits.lower())
        return "".join(_HEX[found[place % len(found)] % 16] for place in range(len(digits)))

    def _other_name(self, name: str) -> str:
        taken = set(self._names.values()) | self._names.keys()
        for attempt in range(1000):
            found = self._hash(f"{name}/{attempt}", 64)
            other = "".join(
                char if char in "-._/:" else _LETTERS[found[place % 64] % len(_LETTERS)]
                for place, char in enumerate(name)
            )
            if other not in taken:
                return other
        return "?" * len(name)

    def _hash(self, text: str, size: int = 16) -> bytes:
        return blake2b(text.encode(), key=self._key, digest_size=size).digest()
