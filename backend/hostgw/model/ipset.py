"""The text of `ipset save` as typed sets. Source: ipset(8)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_ELEMENTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Element:
    """A member of a set: one text per dimension, such as ``10.0.0.1`` and ``tcp:80``."""

    parts: tuple[str, ...]
    nomatch: bool = False
    """An exception: what it covers is not in the set."""


@dataclass(frozen=True)
class IpSet:
    """A set of ip_set."""

    name: str
    kind: str
    """hash:ip, hash:net,port, bitmap:port, list:set, ..."""
    family: str = "inet"
    netmask: int = 32
    """Of hash:ip: the bits of an address that count."""
    elements: tuple[Element, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What its members consist of: ip, net, port, iface, mac, mark, set."""
        return tuple(self.kind.rpartition(":")[2].split(","))


@lru_cache(maxsize=512)
def parse(text: str) -> Mapping[str, IpSet]:
    """Return the sets that `text` describes, by name; lines of no known form are left out."""
    made: dict[str, tuple[str, dict[str, str]]] = {}
    members: dict[str, list[Element]] = {}
    for number, line in enumerate(text.splitlines()):
        words = _words(line)
        if number > MAX_ELEMENTS or len(words) < 3:
            continue
        if words[0] == "create":
            made[words[1]] = words[2], _options(words[3:])
        elif words[0] == "add":
            members.setdefault(words[1], []).append(Element(tuple(words[2].split(",")), "nomatch" in words[3:]))
    return {name: _made(name, kind, options, members.get(name, [])) for name, (kind, options) in made.items()}


def _words(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _options(words: list[str]) -> dict[str, str]:
    return {word: words[place + 1] for place, word in enumerate(words[:-1]) if word in ("family", "netmask")}


def _made(name: str, kind: str, options: dict[str, str], members: list[Element]) -> IpSet:
    bits = options.get("netmask", "32")
    netmask = int(bits) if bits.isdigit() else 32
    return IpSet(name, kind, options.get("family", "inet"), min(netmask, 32), tuple(members))
