"""A second witness for the legacy tables of this machine: python-iptables, in a process of its own.

Run as `python -m hostgw.live.legacy_witness`: it prints the rules as JSON. It binds to the C library of iptables, which
sees legacy tables only and may take its process down with it: so we never import it, and it is never the only witness.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from hostgw.model.iptables import FilterRule, Option, Ruleset

LOADED = Path("/proc/net/ip_tables_names")
TIMEOUT_S = 10


class Seen(msgspec.Struct, frozen=True, order=True):
    """What both witnesses say of a rule."""

    table: str
    chain: str
    number: int
    source: str
    destination: str
    iif: str
    oif: str
    protocol: str
    target: str


def by_library() -> list[Seen]:
    """Read the tables that are loaded, with python-iptables; for the helper process only."""
    import iptc

    found: list[Seen] = []
    for name in LOADED.read_text().split():
        for chain in iptc.Table(name).chains:
            for number, rule in enumerate(chain.rules, 1):
                target = rule.target.name if rule.target else ""
                words = (_prefix(rule.src), _prefix(rule.dst), rule.in_interface or "", rule.out_interface or "")
                found.append(Seen(name, chain.name, number, *words, _protocol(rule.protocol), target))
    return found


def _prefix(text: str) -> str:
    """Return ``!10.239.0.0/255.255.0.0`` as ``! 10.239.0.0/16``; anything as empty."""
    network = str(IPv4Network(text.lstrip("!"), strict=False))
    if network == "0.0.0.0/0":
        return ""
    return f"! {network}" if text.startswith("!") else network


def _protocol(text: str) -> str:
    return "" if text == "ip" else text


def by_text(rules: Ruleset) -> Iterator[Seen]:
    """Yield what our parser read from `iptables-legacy-save`, in the same form."""
    for table, chains in rules.tables.items():
        for chain in chains.values():
            for number, rule in enumerate(chain.rules, 1):
                yield _seen(table, number, rule)


def _seen(table: str, number: int, rule: FilterRule) -> Seen:
    source, destination, iif, oif, protocol = (_value(rule.option(name)) for name in ("-s", "-d", "-i", "-o", "-p"))
    return Seen(
        table,
        rule.chain,
        number,
        source,
        destination,
        iif.replace("! ", "!"),
        oif.replace("! ", "!"),
        protocol,
        rule.target,
    )


def _value(option: Option | None) -> str:
    if option is None:
        return ""
    return f"! {option.values[0]}" if option.inverted else option.values[0]


def disagreement(rules: Ruleset) -> str:
    """Return how python-iptables and `rules`, read on this machine, differ; empty when they agree."""
    if importlib.util.find_spec("iptc") is None or not LOADED.exists():
        return ""
    argv = [sys.executable, "-m", "hostgw.live.legacy_witness"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=True)
        library = set(msgspec.json.decode(done.stdout, type=list[Seen]))
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        return f"python-iptables could not read the legacy tables: {error}"
    differing = sorted(library ^ set(by_text(rules)))
    return f"python-iptables and iptables-legacy-save differ: {differing[0]}" if differing else ""


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(by_library()))
