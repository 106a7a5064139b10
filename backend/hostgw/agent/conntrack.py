"""Tracked flows: from procfs where it is, else from conntrack(8)."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional

from hostgw.agent.filters import run, tool

PROCFS = "/proc/net/nf_conntrack"
_PORTS = {"sport": "source_port", "dport": "destination_port", "id": "source_port"}

Row = Dict[str, Any]


def read(address: str, limit: int) -> "tuple[List[Row], int, str]":
    """Return (flows that involve `address`, how many there are at all, why there are none)."""
    try:
        with open(PROCFS, encoding="ascii", errors="replace") as file:
            return (*select(file, address, limit), "")
    except OSError as error:
        reason = error.strerror or str(error)
    program = tool("conntrack")
    if program is None:
        return [], 0, f"{PROCFS}: {reason}; and there is no conntrack(8)"
    code, output, complaint = run([program, "-L", "-o", "extended"])
    return (*select(output.splitlines(), address, limit), "" if code == 0 else complaint)


def select(lines: Iterable[str], address: str, limit: int) -> "tuple[List[Row], int]":
    """Return the IPv4 flows that involve `address` (empty: any), at most `limit`, and how many there are at all."""
    found: List[Row] = []
    total = 0
    for line in lines:
        if not line.startswith("ipv4"):
            continue
        total += 1
        if len(found) < limit and address in line:
            row = parse(line)
            if row and (not address or address in _addresses(row)):
                found.append(row)
    return found, total


def _addresses(row: Row) -> "tuple[str, ...]":
    return row["source"], row["destination"], row["reply_source"], row["reply_destination"]


def parse(line: str) -> Optional[Row]:
    """Return one flow; None for a line of another form.

    ``ipv4 2 tcp 6 431999 ESTABLISHED src=.. dst=.. sport=.. dport=.. src=.. dst=.. ... [ASSURED] mark=0``
    """
    words = line.split()
    if len(words) < 6:
        return None
    try:
        return _parsed(words)
    except (ValueError, KeyError):
        return None


def _parsed(words: List[str]) -> Optional[Row]:
    fields = [word.partition("=") for word in words]
    row: Row = {"protocol": words[2], "timeout": int(words[4]) if words[4].isdigit() else 0, "status": []}
    row["state"] = words[5] if "=" not in words[5] and not words[5].startswith("[") else ""
    row["status"] = [word.strip("[]") for word in words if word.startswith("[")]
    tuples = list(_tuples(fields))
    if len(tuples) < 2 or "dst" not in tuples[1]:
        return None
    for name, prefix in ((0, ""), (1, "reply_")):
        row[f"{prefix}source"], row[f"{prefix}destination"] = tuples[name]["src"], tuples[name]["dst"]
        for short, field in _PORTS.items():
            if short in tuples[name]:
                row[prefix + field] = int(tuples[name][short])
    row["packets"] = sum(int(value) for key, _, value in fields if key == "packets")
    row["bytes"] = sum(int(value) for key, _, value in fields if key == "bytes")
    row["mark"] = next((int(value) for key, _, value in fields if key == "mark"), 0)
    return row


def _tuples(fields: List["tuple[str, str, str]"]) -> Iterator[Dict[str, str]]:
    current: Dict[str, str] = {}
    for key, equals, value in fields:
        if key == "src" and current:
            yield current
            current = {}
        if equals and (key == "src" or current):
            current[key] = value
    if current:
        yield current
