"""An accept at the head of a chain of native nftables, made and taken away with nft(8)."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List

from hostgw.agent import filters
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
_FAMILIES = ("ip", "inet")
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_./-]{0,63}")
_PREFIX = re.compile(r"[0-9.]{7,15}/[0-9]{1,2}")


def read(watch: Watch, change: Row) -> int:
    """Return how many rules of the chain are such an accept."""
    return len(_handles(watch, change))


def make(watch: Watch, change: Row, before: int, after: int) -> None:
    """Insert the accept at the head of the chain, or delete the first that is there."""
    words = ["rule", *_chain(change)]
    for _ in range(before, after):
        _nft(["insert", *words, *accept(change)])
    for handle in _handles(watch, change)[: max(0, before - after)]:
        _nft(["delete", *words, "handle", str(handle)])


def accept(change: Row) -> List[str]:
    """Return the rule as nft takes it."""
    return ["ip", "saddr", change["source"], "ip", "daddr", change["destination"], "accept"]


def _handles(watch: Watch, change: Row) -> List[int]:
    if watch.ns != 0:
        raise ValueError("rules of containers are not changed")
    listed = json.loads(_nft(["-j", "list", "chain", *_chain(change)]))["nftables"]
    rules = (entry["rule"] for entry in listed if "rule" in entry)
    wanted = _expression(change)
    return [int(rule["handle"]) for rule in rules if rule.get("expr") == wanted]


def _expression(change: Row) -> List[Row]:
    """Return the rule as nft lists it."""
    fields = (("saddr", change["source"]), ("daddr", change["destination"]))
    return [_match(name, text) for name, text in fields] + [{"accept": None}]


def _match(name: str, text: str) -> Row:
    address, _, length = text.partition("/")
    right = address if length == "32" else {"prefix": {"addr": address, "len": int(length)}}
    return {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": name}}, "right": right}}


def _chain(change: Row) -> List[str]:
    """Return the words that name the chain.

    Raises:
        ValueError: they are no names, or what is to be accepted is no pair of prefixes.
    """
    for text in (change["table"], change["chain"]):
        if not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no table or chain")
    if change["family"] not in _FAMILIES:
        raise ValueError(f"{change['family']!r} is no family that forwards IPv4")
    for text in (change["source"], change["destination"]):
        if not _PREFIX.fullmatch(text):
            raise ValueError(f"{text!r} is no prefix")
    return [change["family"], change["table"], change["chain"]]


def _nft(words: List[str]) -> str:
    program = filters.tool("nft")
    if program is None:
        raise ValueError("no nft here")
    code, output, complaint = filters.run([program, *words])
    if code != 0:
        raise ValueError(complaint or "nft failed")
    return output
