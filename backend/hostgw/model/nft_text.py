"""Rules from nft's JSON in nft's own words, for people to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Json = Any
MAX_DEPTH = 24
MAX_SHOWN = 24
"""Elements of an anonymous set that are written out."""


def rule_text(statements: list[Json], comment: Json = "") -> str:
    """Return a rule as `nft list` writes it, counters without figures."""
    text = " ".join(part for part in (_statement(statement) for statement in statements) if part)
    return f'{text} comment "{comment}"' if isinstance(comment, str) and comment else text


def _statement(statement: Json) -> str:
    if not isinstance(statement, dict) or len(statement) != 1:
        return str(statement)
    ((name, value),) = statement.items()
    return STATEMENTS[name](value) if name in STATEMENTS else f"{name} {expression(value)}".rstrip()


def _match(value: Json) -> str:
    left, right = expression(value.get("left")), expression(value.get("right"))
    operator = value.get("op", "==")
    if right in ("False", "True") and "fib" in value.get("left", {}):
        return f"{left} {'missing' if right == 'False' else 'exists'}"
    bits = isinstance(value.get("left"), dict) and "&" in value["left"]
    return f"{left} {right}" if operator in ("==", "in") and not bits else f"{left} {operator} {right}"


def _nat(name: str) -> Callable[[Json], str]:
    def text(value: Json) -> str:
        if not isinstance(value, dict):
            return name
        address = expression(value["addr"]) if "addr" in value else ""
        port = f":{expression(value['port'])}" if "port" in value else ""
        family = f" {value['family']}" if "family" in value else ""
        flags = value.get("flags", [])
        written = ",".join(flags) if isinstance(flags, list) else str(flags)
        to = f" to {address}{port}" if address or port else ""
        return f"{name}{family if address else ''}{to} {written}".rstrip()

    return text


def _limit(value: Json) -> str:
    over = "over " if value.get("inv") else ""
    return f"limit rate {over}{value.get('rate')}/{value.get('per', 'second')}"


def _named(name: str) -> Callable[[Json], str]:
    return lambda value: f"{name} {value['target']}"


def _reject(value: Json) -> str:
    if not isinstance(value, dict):
        return "reject"
    return " ".join(("reject with", str(value.get("type", "")), expression(value.get("expr", "")))).rstrip()


STATEMENTS: Final[dict[str, Callable[[Json], str]]] = {
    "match": _match,
    "counter": lambda value: f"counter name {value}" if isinstance(value, str) else "counter",
    "jump": _named("jump"),
    "goto": _named("goto"),
    "accept": lambda value: "accept",
    "drop": lambda value: "drop",
    "return": lambda value: "return",
    "continue": lambda value: "continue",
    "notrack": lambda value: "notrack",
    "reject": _reject,
    "limit": _limit,
    "log": lambda value: f'log prefix "{value["prefix"]}"' if isinstance(value, dict) and "prefix" in value else "log",
    "vmap": lambda value: f"{expression(value['key'])} vmap {expression(value['data'])}",
    "mangle": lambda value: f"{expression(value['key'])} set {expression(value['value'])}",
    **{name: _nat(name) for name in ("snat", "dnat", "masquerade", "redirect")},
}


def expression(value: Json, depth: int = 0) -> str:
    """Return an expression as nft writes it."""
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        written = _known(name, inner, depth + 1)
        return written if written is not None else f"{name} {expression(inner, depth + 1)}"
    if isinstance(value, dict):
        return " ".join(f"{key} {expression(inner, depth + 1)}" for key, inner in value.items())
    if isinstance(value, list):
        return ",".join(expression(inner, depth + 1) for inner in value)
    return "" if value is None else str(value)


def _known(name: str, inner: Json, depth: int) -> str | None:
    if name in ("&", "|", "^", "<<", ">>") and isinstance(inner, list):
        return f" {name} ".join(expression(part, depth) for part in inner)
    if name == "set" and isinstance(inner, list):
        shown = ", ".join(_element(part, depth) for part in inner[:MAX_SHOWN])
        return f"{{ {shown}{', …' if len(inner) > MAX_SHOWN else ''} }}"
    if name == "concat" and isinstance(inner, list):
        return " . ".join(expression(part, depth) for part in inner)
    if name == "range" and isinstance(inner, list):
        return "-".join(expression(part, depth) for part in inner)
    return OF_PACKET[name](inner) if name in OF_PACKET and isinstance(inner, dict) else None


def _element(part: Json, depth: int) -> str:
    if isinstance(part, list) and len(part) == 2:
        value = part[1]
        verdict = isinstance(value, dict) and next(iter(value), "") in STATEMENTS
        return f"{expression(part[0], depth)} : {_statement(value) if verdict else expression(value, depth)}"
    return expression(part, depth)


def _payload(inner: Json) -> str:
    if "base" in inner:
        return f"@{inner['base']},{inner.get('offset')},{inner.get('len')}"
    return f"{inner.get('protocol')} {inner.get('field')}"


OF_PACKET: Final[dict[str, Callable[[Json], str]]] = {
    "payload": _payload,
    "meta": lambda inner: ("" if str(inner.get("key")).endswith("name") else "meta ") + str(inner.get("key")),
    "ct": lambda inner: " ".join(("ct", *([inner["dir"]] if "dir" in inner else []), str(inner.get("key")))),
    "prefix": lambda inner: f"{inner.get('addr')}/{inner.get('len')}",
    "elem": lambda inner: expression(inner.get("val")),
    "fib": lambda inner: f"fib {' . '.join(inner.get('flags', []))} {inner.get('result')}",
    "numgen": lambda inner: f"numgen {inner.get('mode')} mod {inner.get('mod')}",
    "map": lambda inner: f"{expression(inner.get('key'))} map {expression(inner.get('data'))}",
}
