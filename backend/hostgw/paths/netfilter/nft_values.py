"""Values of nftables expressions: how their literals read, and look-ups in sets and maps of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from hostgw.model.ip import FULL, address_number
from hostgw.paths.netfilter.flow import ACK, FIN, PROTOCOLS, PSH, RST, SYN, URG
from hostgw.paths.netfilter.program import UnsureError

Json = Any
Value = int | str
Span = tuple[int, int]
Spec = Value | Span | None
"""What a literal stands for: one value, a range, a name ending in ``*``, or None for anything."""
Parse = Callable[[Json], Spec]
ANYTHING: Final = -1
"""A value that the packet has, but that is not known: ports where there are none are other bytes of the packet."""

STATES: Final = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
STATUS: Final = {"expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32, "dying": 512}
TCP_FLAGS: Final = {"fin": FIN, "syn": SYN, "rst": RST, "psh": PSH, "ack": ACK, "urg": URG, "ecn": 64, "cwr": 128}
ICMP_TYPES: Final = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}
ICMP_CODES: Final = {"net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3} | {
    "frag-needed": 4,
    "net-prohibited": 9,
    "host-prohibited": 10,
    "admin-prohibited": 13,
}
DIRECTIONS: Final = {"original": 0, "reply": 1}


def number(text: Json, names: dict[str, int]) -> int:
    """Return a literal as a number; a list stands for its bits together.

    Raises:
        ValueError: it is none.
    """
    if isinstance(text, bool):
        return int(text)
    if isinstance(text, int):
        return text
    if isinstance(text, str):
        return names[text] if text in names else int(text, 0)
    parts = text.get("|") if isinstance(text, dict) else text
    if not isinstance(parts, list):
        raise ValueError("no number")
    total = 0
    for part in parts:
        total |= number(part, names)
    return total


def reader(one: Callable[[Json], Value]) -> Parse:
    """Return what reads a literal of a kind, given what reads a single value: also ranges, prefixes, elements."""

    def parse(raw: Json) -> Spec:
        if isinstance(raw, dict) and "elem" in raw:
            return parse(raw["elem"]["val"])
        if isinstance(raw, dict) and "prefix" in raw:
            return _prefix(one(raw["prefix"]["addr"]), int(raw["prefix"]["len"]))
        if isinstance(raw, dict) and "range" in raw:
            low, high = (one(end) for end in raw["range"])
            if not isinstance(low, int) or not isinstance(high, int):
                raise ValueError("no range")
            return low, high
        return None if raw == "*" else one(raw)

    return parse


def _prefix(address: Value, length: int) -> Span:
    if not isinstance(address, int) or not 0 <= length <= 32:
        raise ValueError("no prefix")
    rest = FULL >> length
    return address & ~rest, address & ~rest | rest


def _address(raw: Json) -> Value:
    return raw if isinstance(raw, int) else address_number(raw)


def _name(raw: Json) -> Value:
    if not isinstance(raw, str):
        raise ValueError("no name")
    return raw


def numbers(names: dict[str, int]) -> Parse:
    """Return what reads numbers that may be written by these names."""
    return reader(lambda raw: number(raw, names))


ADDRESS: Final = reader(_address)
NAME: Final = reader(_name)
NUMBER: Final = numbers({})
PROTOCOL: Final = numbers(PROTOCOLS)


def covers(spec: Spec, value: Value) -> bool:
    """Tell whether a literal stands for a value."""
    if spec is None:
        return True
    if isinstance(spec, tuple):
        return isinstance(value, int) and spec[0] <= value <= spec[1]
    if isinstance(spec, str) and isinstance(value, str) and spec.endswith("*"):
        return value.startswith(spec[:-1])
    return spec == value


class Lookup:
    """The elements of a set or map; of a map, each with its data."""

    def __init__(self, elements: Iterable[tuple[tuple[Spec, ...], Json]]) -> None:
        self._exact: dict[tuple[Value, ...], Json] = {}
        self._spans: list[tuple[int, int, Json]] = []
        self._others: list[tuple[tuple[Spec, ...], Json]] = []
        self.specs: list[tuple[tuple[Spec, ...], Json]] = []
        for specs, data in elements:
            self.specs.append((specs, data))
            if all(isinstance(spec, int) or (isinstance(spec, str) and not spec.endswith("*")) for spec in specs):
                self._exact[specs] = data  # type: ignore[index]
            elif len(specs) == 1 and isinstance(specs[0], tuple):
                self._spans.append((*specs[0], data))
            else:
                self._others.append((specs, data))
        self._spans.sort(key=lambda span: span[0])
        self._lows = [span[0] for span in self._spans]

    def find(self, key: Sequence[Value]) -> tuple[bool, Json]:
        """Return whether an element stands for `key`, and its data.

        Raises:
            UnsureError: it depends on a part of the key that is not known.
        """
        if ANYTHING in key:
            if any(self._may(specs, key) for specs, _ in self.specs):
                raise UnsureError("expression port of a packet without ports")
            return False, None
        exact = tuple(key)
        if exact in self._exact:
            return True, self._exact[exact]
        if self._spans and isinstance(key[0], int):
            place = bisect_right(self._lows, key[0]) - 1
            if place >= 0 and key[0] <= self._spans[place][1]:
                return True, self._spans[place][2]
        for specs, data in self._others:
            if all(covers(spec, part) for spec, part in zip(specs, key)):
                return True, data
        return False, None

    @staticmethod
    def _may(specs: tuple[Spec, ...], key: Sequence[Value]) -> bool:
        return all(part == ANYTHING or covers(spec, part) for spec, part in zip(specs, key))
