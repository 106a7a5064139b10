"""Left sides of nftables matches and keys of maps, compiled: one field, some bits of one, or several joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hostgw.clean import clean
from hostgw.model.ip import address_number
from hostgw.model.nftables import NftSet
from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.nft_packet import CONNTRACK, FOREIGN, META, PAYLOAD, Field, fib_field, never
from hostgw.paths.netfilter.nft_values import ANYTHING, Lookup, Spec, Value, number
from hostgw.paths.netfilter.program import Ranges, UnsureError

Json = Any


class UnreadError(Exception):
    """An expression of a form that is not evaluated: named."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = clean(name, 80)


@dataclass(frozen=True, slots=True)
class Operand:
    """What is compared: the fields, one or several joined, and the bits of it that count."""

    fields: tuple[Field, ...]
    masked: bool = False

    def read(self, packet: Packet) -> tuple[Value, ...] | None:
        """Return the values of a packet; None when it lacks one."""
        values: list[Value] = []
        for field in self.fields:
            value = field.read(packet)
            if value is None:
                return None
            values.append(value)
        return tuple(values)

    def specs(self, raw: Json) -> tuple[Spec, ...]:
        """Return what a literal stands for, one part for each field."""
        if isinstance(raw, dict) and "elem" in raw:
            return self.specs(raw["elem"]["val"])
        if len(self.fields) == 1:
            return (self.fields[0].parse(raw),)
        if raw == "*":
            return (None,) * len(self.fields)
        parts = raw["concat"]
        if len(parts) != len(self.fields):
            raise ValueError("another number of parts")
        return tuple(field.parse(part) for field, part in zip(self.fields, parts))


class Compared:
    """Collects what rules compare addresses with."""

    def __init__(self) -> None:
        self.sources: set[Ranges] = set()
        self.destinations: set[Ranges] = set()
        self.precise = False
        self.looks_back = False

    def add(self, side: str, ranges: Ranges) -> None:
        """Note that an address is compared with ranges."""
        if side in ("source", "both"):
            self.sources.add(ranges)
        if side in ("destination", "both"):
            self.destinations.add(ranges)

    def literal(self, operand: Operand, specs: tuple[Spec, ...]) -> None:
        """Note what of a literal concerns addresses."""
        for field, spec in zip(operand.fields, specs):
            if isinstance(spec, int):
                self.add(field.side, ((spec, spec),))
            elif isinstance(spec, tuple):
                self.add(field.side, (spec,))

    def lookup(self, operand: Operand, lookup: Lookup) -> None:
        """Note the addresses of a set; those of a plain set answer alike."""
        if len(operand.fields) > 1 or any(data is not None for _, data in lookup.specs):
            for specs, _ in lookup.specs:
                self.literal(operand, specs)
            return
        spans = (spec if isinstance(spec, tuple) else (spec, spec) for (spec,), _ in lookup.specs)
        found = tuple(span for span in spans if isinstance(span[0], int))
        self.add(operand.fields[0].side, found)  # type: ignore[arg-type]


def operand(raw: Json, compared: Compared) -> Operand:
    """Return the compiled form of an expression.

    Raises:
        UnreadError: it is of a form that is not evaluated.
    """
    if not isinstance(raw, dict) or len(raw) != 1:
        raise UnreadError("expression")
    ((name, inner),) = raw.items()
    if name == "concat" and isinstance(inner, list):
        parts = [operand(part, compared) for part in inner]
        return Operand(tuple(field for part in parts for field in part.fields))
    if name in ("&", "|", "^") and isinstance(inner, list) and len(inner) == 2:
        return Operand((_bits(name, inner, compared),), masked=True)
    found = _field(name, inner, compared) if isinstance(inner, dict) else None
    if found is None:
        raise UnreadError(f"expression {_title(name, inner)}")
    return Operand((found,))


def _title(name: str, inner: Json) -> str:
    if not isinstance(inner, dict):
        return name
    return " ".join(str(part) for part in (name, inner.get("protocol"), inner.get("field"), inner.get("key")) if part)


def _field(name: str, inner: Json, compared: Compared) -> Field | None:
    if name == "payload":
        if inner.get("protocol") in FOREIGN:
            return Field(never, lambda raw: None)
        return PAYLOAD.get((inner.get("protocol"), inner.get("field")))
    if name == "meta":
        return META.get(inner.get("key"))
    if name == "ct":
        return CONNTRACK.get((inner.get("key"), inner.get("dir", "")))
    if name == "fib":
        routed = inner.get("result") != "type"
        compared.looks_back = compared.looks_back or routed
        compared.precise = compared.precise or (routed and "saddr" not in inner.get("flags", ()))
        return fib_field(inner)
    return None


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
}


def _bits(name: str, parts: list[Json], compared: Compared) -> Field:
    """Return a field of which some bits are changed before it is compared."""
    (field,) = operand(parts[0], compared).fields
    right = _mask(field, parts[1])
    compared.precise = compared.precise or bool(field.side)
    combine = OPERATIONS[name]

    def read(packet: Packet) -> Value | None:
        value = field.read(packet)
        if value is None or value == ANYTHING:
            return value
        if not isinstance(value, int):
            raise UnsureError("expression bits of a name")
        return combine(value, right)

    return Field(read, field.parse)


def _mask(field: Field, raw: Json) -> int:
    try:
        found = field.parse(raw)
    except (ValueError, KeyError, TypeError, AttributeError):
        found = None
    if not isinstance(found, int):
        raise UnreadError("expression with bits")
    return found


class Sets:
    """The named sets and maps of a table, compiled for the fields that look them up."""

    def __init__(self, sets: Mapping[str, NftSet], compared: Compared) -> None:
        self._sets, self._compared = sets, compared
        self._known: dict[tuple[str, Operand], Lookup] = {}

    def lookup(self, operand: Operand, raw: Json) -> tuple[Lookup, str]:
        """Return the look-up for ``@name`` or an anonymous set, and the name.

        Raises:
            UnreadError: there is none, or its elements are not read.
        """
        name = raw[1:] if isinstance(raw, str) else ""
        if name and (name, operand) in self._known:
            return self._known[name, operand], name
        if name and name not in self._sets:
            raise UnreadError(f"expression @{name}")
        try:
            elements = self._sets[name].elements if name else raw["set"]
            made = Lookup(self._element(operand, element) for element in elements)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise UnreadError(f"expression @{name}" if name else "expression set") from error
        self._compared.lookup(operand, made)
        if name:
            self._known[name, operand] = made
        return made, name

    @staticmethod
    def _element(operand: Operand, element: Json) -> tuple[tuple[Spec, ...], Json]:
        if isinstance(element, list):
            key, data = element
            return operand.specs(key), data
        return operand.specs(element), None


def numeric(raw: Json, sets: Sets, compared: Compared) -> Callable[[Packet], int | None]:
    """Return what computes a number: a constant, a field, bits combined, or a map's data.

    Raises:
        UnreadError: it is of a form that is not evaluated.
    """
    if isinstance(raw, (int, str)):
        constant = _constant(raw)
        return lambda packet: constant
    if isinstance(raw, dict) and len(raw) == 1:
        ((name, inner),) = raw.items()
        if name == "map":
            return _mapped(inner, sets, compared)
        if name in OPERATIONS and isinstance(inner, list) and len(inner) == 2:
            left, right = (numeric(part, sets, compared) for part in inner)
            return lambda packet: _combined(OPERATIONS[name], left(packet), right(packet))
    (field,) = operand(raw, compared).fields

    def read(packet: Packet) -> int | None:
        value = field.read(packet)
        return value if isinstance(value, int) else None

    return read


def _combined(combine: Callable[[int, int], int], left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else combine(left, right)


def _constant(raw: Json) -> int:
    try:
        return number(raw, {}) if not isinstance(raw, str) or "." not in raw else address_number(raw)
    except ValueError as error:
        raise UnreadError("expression constant") from error


def _mapped(inner: Json, sets: Sets, compared: Compared) -> Callable[[Packet], int | None]:
    key = operand(inner["key"], compared)
    lookup, name = sets.lookup(key, inner["data"])
    values = {id(data): _constant(data) for _, data in lookup.specs if isinstance(data, (int, str))}

    def read(packet: Packet) -> int | None:
        if name in packet.changed_sets:
            raise UnsureError(f"expression @{name}")
        found = key.read(packet)
        if found is None:
            return None
        hit, data = lookup.find(found)
        return values[id(data)] if hit and id(data) in values else None

    return read
