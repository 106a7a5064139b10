"""Matches and verdict maps of nftables rules as steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.nft_operands import Compared, Operand, Sets, UnreadError, operand
from hostgw.paths.netfilter.nft_values import ANYTHING, Lookup, Spec, Value, covers
from hostgw.paths.netfilter.program import Outcome, Signal, Step, UnsureError

Json = Any
Test = Callable[[Packet], bool | None]
ORDERED: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def match(raw: Json, sets: Sets, compared: Compared) -> Step:
    """Return the step of a match statement.

    Raises:
        UnreadError: it is of a form that is not evaluated.
    """
    left = operand(raw["left"], compared)
    operator, right = raw.get("op", "=="), raw["right"]
    if operator in ORDERED:
        return _step(_ordered(left, operator, right), inverted=False)
    if operator not in ("==", "!=", "in"):
        raise UnreadError(f"expression {operator}")
    inverted = operator == "!="
    if _is_set(right):
        lookup, name = sets.lookup(left, right)
        return _step(_in_set(left, lookup, name), inverted)
    if right is True and "fib" in raw["left"]:
        right, inverted = False, not inverted
    specs = _specs(left, right)
    compared.literal(left, specs)
    bits = operator == "in" and left.fields[0].bits
    return _step(_any_bit(left, specs[0]) if bits else _equal(left, specs), inverted)


def _is_set(raw: Json) -> bool:
    return (isinstance(raw, str) and raw.startswith("@")) or (isinstance(raw, dict) and "set" in raw)


def _specs(left: Operand, raw: Json) -> tuple[Spec, ...]:
    try:
        return left.specs(raw)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnreadError("expression value") from error


def _step(test: Test, inverted: bool) -> Step:
    def step(packet: Packet) -> Outcome:
        found = test(packet)
        return Signal.MISS if found is None or found == inverted else None

    return step


def _equal(left: Operand, specs: tuple[Spec, ...]) -> Test:
    if len(left.fields) == 1:
        read, spec = left.fields[0].read, specs[0]

        def single(packet: Packet) -> bool | None:
            value = read(packet)
            return None if value is None else _one(spec, value)

        return single

    def test(packet: Packet) -> bool | None:
        values = left.read(packet)
        return None if values is None else all(_one(spec, value) for spec, value in zip(specs, values))

    return test


def _one(spec: Spec, value: Value) -> bool:
    if value == ANYTHING:
        raise UnsureError("expression port of a packet without ports")
    return covers(spec, value)


def _any_bit(left: Operand, spec: Spec) -> Test:
    if not isinstance(spec, int):
        raise UnreadError("expression bits")

    def test(packet: Packet) -> bool | None:
        value = left.fields[0].read(packet)
        return bool(value & spec) if isinstance(value, int) else None

    return test


def _in_set(left: Operand, lookup: Lookup, name: str) -> Test:
    def test(packet: Packet) -> bool | None:
        if name and name in packet.changed_sets:
            raise UnsureError(f"expression @{name}")
        values = left.read(packet)
        return None if values is None else lookup.find(values)[0]

    return test


def _ordered(left: Operand, operator: str, raw: Json) -> Test:
    (limit,) = _specs(left, raw)
    if not isinstance(limit, int) or left.fields[0].side:
        raise UnreadError(f"expression {operator}")
    compare = ORDERED[operator]

    def test(packet: Packet) -> bool | None:
        value = left.fields[0].read(packet)
        return compare(value, limit) if isinstance(value, int) else None

    return test


def verdict_map(raw: Json, sets: Sets, compared: Compared, verdict: Callable[[Json], Outcome]) -> Step:
    """Return the step of a vmap statement; what the map does not hold breaks the rule off."""
    key = operand(raw["key"], compared)
    lookup, name = sets.lookup(key, raw["data"])
    outcomes = {id(data): verdict(data) for _, data in lookup.specs}

    def step(packet: Packet) -> Outcome:
        if name and name in packet.changed_sets:
            raise UnsureError(f"expression @{name}")
        values = key.read(packet)
        if values is None:
            return Signal.MISS
        hit, data = lookup.find(values)
        return outcomes[id(data)] if hit else Signal.MISS

    return step
