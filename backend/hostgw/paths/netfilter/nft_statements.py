"""Statements of nftables rules as steps. Source: nft(8), libnftables-json(5), net/netfilter/nft_*.c."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hostgw.model.ip import FULL, address_number
from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.nft_match import match, verdict_map
from hostgw.paths.netfilter.nft_operands import Compared, Sets, UnreadError, numeric, operand
from hostgw.paths.netfilter.program import Jump, LostError, Outcome, Signal, Step, Translate, UnsureError
from hostgw.paths.netfilter.xt_matches import has_connection
from hostgw.paths.netfilter.xt_targets import lost, masquerade_address, redirect_address, untrack

Json = Any
VERDICTS: Final[dict[str, Outcome]] = {
    "accept": Signal.ACCEPT,
    "drop": Signal.DROP,
    "return": Signal.RETURN,
    "continue": Signal.NEXT,
}
CONTINUING: Final = frozenset({"counter", "log", "flow", "dup", "last", "secmark", "tunnel"})
"""They let the packet go on as it was."""
HARMLESS_META: Final = frozenset({"priority", "nftrace", "rtclassid", "secmark", "pkttype"})


def verdict(raw: Json) -> Outcome:
    """Return the outcome of a verdict in a statement or a map.

    Raises:
        UnreadError: it is none that is known.
    """
    if isinstance(raw, dict) and "elem" in raw:
        raw = raw["elem"]["val"]
    if not isinstance(raw, dict) or len(raw) != 1:
        raise UnreadError("expression verdict")
    ((name, inner),) = raw.items()
    if name in ("jump", "goto"):
        return Jump(str(inner["target"]), name == "goto")
    if name not in VERDICTS:
        raise UnreadError(f"statement {name}")
    return VERDICTS[name]


class Statements:
    """Compiles the statements of one table's rules."""

    def __init__(self, sets: Sets, compared: Compared) -> None:
        self._sets, self._compared = sets, compared

    def step(self, raw: Json) -> Step | None:
        """Return the step of a statement; None for one that does nothing here."""
        if not isinstance(raw, dict) or len(raw) != 1:
            return lost("statement")
        ((name, inner),) = raw.items()
        if name in CONTINUING:
            return None
        maker = MAKERS.get(name)
        try:
            return maker(self, inner) if maker else lost(f"statement {name}")
        except UnreadError as unread:
            return lost(unread.name) if name in CHANGING else _unsure(unread.name)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return lost(f"statement {name}") if name in CHANGING else _unsure(f"expression {name}")

    def match(self, raw: Json) -> Step:
        """A match."""
        return match(raw, self._sets, self._compared)

    def vmap(self, raw: Json) -> Step:
        """A verdict map: one that cannot be read may send the packet anywhere."""
        return verdict_map(raw, self._sets, self._compared, verdict)

    def limit(self, raw: Json) -> Step:
        """A limit: one packet is under it, and that is told."""
        over = isinstance(raw, dict) and bool(raw.get("inv"))

        def step(packet: Packet) -> Outcome:
            rate = f"{raw.get('rate')}/{raw.get('per', 'second')}" if isinstance(raw, dict) else str(raw)
            packet.assumed[f"under the limit {rate}"] = None
            return Signal.MISS if over else None

        return step

    def mangle(self, raw: Json) -> Step | None:
        """A field of the packet, its mark or its connection's mark is set."""
        ((name, target),) = raw["key"].items()
        if name == "meta" and target["key"] == "mark":
            return self._set_mark(raw["value"], of_connection=False)
        if name == "ct" and target["key"] == "mark":
            return self._set_mark(raw["value"], of_connection=True)
        harmless = (name == "meta" and target["key"] in HARMLESS_META) or name == "tcp option"
        if harmless or (name == "payload" and target.get("field") in ("dscp", "ecn")):
            return None
        raise UnreadError(f"statement {name} set")

    def _set_mark(self, value: Json, of_connection: bool) -> Step:
        compute = numeric(value, self._sets, self._compared)

        def step(packet: Packet) -> Outcome:
            try:
                found = compute(packet)
            except UnsureError as unsure:
                raise LostError(unsure.name) from unsure
            if found is None:
                return Signal.MISS
            if not of_connection:
                packet.mark = found & FULL
            elif has_connection(packet):
                packet.ctmark = found & FULL
            return None

        return step

    def change_set(self, raw: Json) -> Step:
        """An element is added to a set, or taken from it, by the packet."""
        name = str(raw.get("set") or raw.get("map") or raw.get("name")).removeprefix("@")
        inner = raw.get("stmt", [])
        conditions = [self.step(part) for part in (inner if isinstance(inner, list) else [inner])]

        def step(packet: Packet) -> Outcome:
            packet.changed_sets.add(name)
            outcomes = (condition(packet) for condition in conditions if condition)
            return next((outcome for outcome in outcomes if outcome is not None), None)

        return step

    def source_nat(self, raw: Json) -> Step:
        """Snat."""
        return self._translate(raw, source=True)

    def destination_nat(self, raw: Json) -> Step:
        """Dnat."""
        return self._translate(raw, source=False)

    def masquerade(self, raw: Json) -> Step:
        """Masquerade."""
        outcome = Translate(True, masquerade_address, masquerade=True)
        return lambda packet: outcome

    def redirect(self, raw: Json) -> Step:
        """Redirect."""
        outcome = Translate(False, redirect_address, port=_first(raw.get("port", 0)) if isinstance(raw, dict) else 0)
        return lambda packet: outcome

    def _translate(self, raw: Json, source: bool) -> Step:
        if raw.get("family") == "ip6":
            return lambda packet: Signal.MISS
        address, port = raw.get("addr"), raw.get("port", 0)
        if isinstance(address, dict) and "map" in address:
            return self._translate_by_map(address["map"], source, port)
        if isinstance(address, dict) and "prefix" in address and "netmap" in str(raw.get("flags")):
            return self._netmap(address["prefix"], source)
        number = None if address is None else address_number(_first(address))
        give = None if number is None else (lambda packet, found=number: found)
        outcome = Translate(source, give, port=_first(port))
        return lambda packet: outcome

    def _netmap(self, prefix: Json, source: bool) -> Step:
        self._compared.precise = True
        rest = FULL >> int(prefix["len"])
        base = address_number(prefix["addr"]) & ~rest
        if source:
            return lambda packet: Translate(True, lambda p: base | (p.source & rest))
        return lambda packet: Translate(False, lambda p: base | (p.destination & rest))

    def _translate_by_map(self, raw: Json, source: bool, port: Json) -> Step:
        """The new address, and perhaps the port, is looked up."""
        key = operand(raw["key"], self._compared)
        lookup, name = self._sets.lookup(key, raw["data"])
        targets = {id(data): _target(data, port, source) for _, data in lookup.specs}

        def step(packet: Packet) -> Outcome:
            if name and name in packet.changed_sets:
                raise LostError(f"expression @{name}")
            values = key.read(packet)
            if values is None:
                return Signal.MISS
            hit, data = lookup.find(values)
            return targets[id(data)] if hit else Signal.MISS

        return step


def _first(raw: Json) -> Any:
    """Return a value, or the first of a range or prefix."""
    if isinstance(raw, dict) and "range" in raw:
        return raw["range"][0]
    if isinstance(raw, dict) and "prefix" in raw:
        return raw["prefix"]["addr"]
    if isinstance(raw, (int, str)):
        return raw
    raise UnreadError("expression address")


def _target(data: Json, port: Json, source: bool) -> Translate:
    parts = data["concat"] if isinstance(data, dict) and "concat" in data else [data, port]
    number = address_number(_first(parts[0]))
    return Translate(source, lambda packet: number, port=int(_first(parts[1])))


def _reject(statements: Statements, raw: Json) -> Step:
    return lambda packet: Signal.REJECT


def _plain(outcome: Outcome) -> Callable[[Statements, Json], Step]:
    return lambda statements, raw: lambda packet: outcome


def _jump(name: str) -> Callable[[Statements, Json], Step]:
    def make(statements: Statements, raw: Json) -> Step:
        outcome = verdict({name: raw})
        return lambda packet: outcome

    return make


def _unsure(name: str) -> Step:
    def step(packet: Packet) -> Outcome:
        raise UnsureError(name)

    return step


CHANGING: Final = frozenset({"vmap", "mangle", "snat", "dnat", "masquerade", "redirect", "jump", "goto", "set", "map"})
"""Where such a statement cannot be evaluated, nothing can be said of the packet behind it."""
MAKERS: Final[dict[str, Callable[[Statements, Json], Step | None]]] = {
    "match": Statements.match,
    "vmap": Statements.vmap,
    "limit": Statements.limit,
    "mangle": Statements.mangle,
    "set": Statements.change_set,
    "map": Statements.change_set,
    "meter": lambda statements, raw: _unsure("expression meter"),
    "quota": lambda statements, raw: _unsure("expression quota"),
    "ct count": lambda statements, raw: _unsure("expression ct count"),
    "ct helper": lambda statements, raw: None,
    "ct timeout": lambda statements, raw: None,
    "ct expectation": lambda statements, raw: None,
    "snat": Statements.source_nat,
    "dnat": Statements.destination_nat,
    "masquerade": Statements.masquerade,
    "redirect": Statements.redirect,
    "reject": _reject,
    "notrack": lambda statements, raw: untrack,
    "jump": _jump("jump"),
    "goto": _jump("goto"),
    **{name: _plain(outcome) for name, outcome in VERDICTS.items()},
}
