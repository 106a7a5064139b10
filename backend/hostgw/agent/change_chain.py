"""iptables chains and tracked flows, changed with the system's own tools."""

from __future__ import annotations

import re
import shlex
from typing import Any, Dict, List

from hostgw.agent import filters
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,30}")
_PREFIX = re.compile(r"[0-9.]{7,15}(/[0-9]{1,2})?")
_TOOLS = {"nft": "iptables-nft", "legacy": "iptables-legacy"}
_COUNTED = re.compile(r"^\[\d+:\d+\] ")
_BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_DECIDES = re.compile(r"^(-A|:\S+ (DROP|-) )", re.MULTILINE)
"""A rule, a policy that drops, or a chain of somebody's own."""
_NO_FLOWS = 1
_PROTOCOLS = ("", "icmp", "tcp", "udp", "sctp")


def _tool(change: Row, suffix: str) -> str:
    """Return the tool of a backend.

    Raises:
        ValueError: names are none, or the tool is not here.
    """
    for name in (change["table"], change["chain"]):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no table or chain")
    wanted = _TOOLS[change["backend"]] + suffix
    program = filters.tool(wanted)
    if program is None:
        raise ValueError(f"no {wanted} here")
    return program


def read(watch: Watch, change: Row) -> List[str]:
    """Return the rules of a chain, as saved, without counters."""
    if watch.ns != 0:
        raise ValueError("rules of containers are not changed")
    program = _tool(change, "-save")
    if change["backend"] == "legacy" and change["table"] not in filters.legacy_tables():
        raise ValueError(f"there is no legacy table {change['table']} here")  # and reading it would make it
    code, output, complaint = filters.run([program, "-t", change["table"]])
    if code != 0:
        raise ValueError(complaint or f"{program} failed")
    return [line for line in output.split("\n") if f"{line} ".startswith(f"-A {change['chain']} ")]


def make(watch: Watch, change: Row, before: List[str], after: List[str]) -> None:
    """Move, delete and insert rules in one transaction; the rules that stay keep their counters."""
    program = _tool(change, "-restore")
    lines = list(_edits(change["chain"], before, after))
    goes = bool(change["missing"]) and after == change[change["missing"]]
    if change["chain"] not in _BUILT_IN and _declared(change) == goes:
        lines = [*lines, f"-X {change['chain']}"] if goes else [f":{change['chain']} - [0:0]", *lines]
    text = "\n".join([f"*{change['table']}", *lines, "COMMIT", ""])
    code, _, complaint = filters.run([program, "-w", "5", "--noflush"], text)
    if code != 0:
        raise ValueError(complaint or f"{program} failed")
    if change["backend"] == "nft" and goes:
        _remove_idle(change)


def _declared(change: Row) -> bool:
    """Tell whether the chain is there, rules or none."""
    _, output, _ = filters.run([_tool(change, "-save"), "-t", change["table"]])
    return any(line.startswith(f":{change['chain']} ") for line in output.split("\n"))


def _remove_idle(change: Row) -> None:
    """Remove the table again if it was made for our rules, and holds none and decides nothing by now."""
    code, output, _ = filters.run([_tool(change, "-save"), "-t", change["table"]])
    if code == 0 and not _DECIDES.search(output):
        filters.run(["nft", "delete", "table", "ip", change["table"]])


def _edits(chain: str, before: List[str], after: List[str]) -> List[str]:
    stay = _longest_common(before, after)
    edits = [f"-D {chain} {place + 1}" for place in reversed(_unmatched(before, stay))]
    edits += [f"-I {chain} {place + 1} {_rest(after[place], chain)}" for place in _unmatched(after, stay)]
    return edits


def _rest(line: str, chain: str) -> str:
    """Return what follows ``-A CHAIN`` in a rule.

    Raises:
        ValueError: it is no rule of this chain, or more than one line.
    """
    words = shlex.split(line)
    if "\n" in line or words[:2] != ["-A", chain]:
        raise ValueError(f"no rule of {chain}: {line[:80]!r}")
    return line[len(f"-A {chain}") :].lstrip()


def _longest_common(first: List[str], second: List[str]) -> List[str]:
    """Return the longest common subsequence: the rules that need not move."""
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1
    if same:  # most changes touch one place of a long chain
        return first[:same] + _longest_common(first[same:], second[same:])
    end = 0
    while end < min(len(first), len(second)) and first[-1 - end] == second[-1 - end]:
        end += 1
    if end:
        return _longest_common(first[:-end], second[:-end]) + first[-end:]
    return _common(first, second)


def _common(first: List[str], second: List[str]) -> List[str]:
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            same = first[i] == second[j]
            lengths[i][j] = lengths[i + 1][j + 1] + 1 if same else max(lengths[i + 1][j], lengths[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            found.append(first[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _unmatched(lines: List[str], stay: List[str]) -> List[int]:
    places, taken = [], 0
    for place, line in enumerate(lines):
        if taken < len(stay) and stay[taken] == line:
            taken += 1
        else:
            places.append(place)
    return places


def no_state(_watch: Watch, _change: Row) -> None:
    """Tracked flows have no state that could be put back."""


def never_same(_first: Any, _second: Any) -> bool:
    """Deleting flows is never done already."""
    return False


def forget_flows(watch: Watch, change: Row, _before: Any, _after: Any) -> None:
    """Delete the tracked flows between two prefixes; that there are none is as good."""
    if watch.ns != 0:
        raise ValueError("flows of containers are not changed")
    program = filters.tool("conntrack")
    argv = _forget_argv(change)
    if program is None:
        raise ValueError("no conntrack(8) here: flows that are tracked keep their old source")
    code, _, complaint = filters.run([program, *argv])
    if code not in (0, _NO_FLOWS):
        raise ValueError(complaint or "conntrack failed")


def _forget_argv(change: Row) -> List[str]:
    """Return what conntrack(8) is told.

    Raises:
        ValueError: a field is none of what it should be.
    """
    prefixes, protocol, to = (change["source"], change["destination"]), change["protocol"], change["dnat_to"]
    for text in (*prefixes, *([to] if to else [])):
        if not _PREFIX.fullmatch(text):
            raise ValueError(f"{text!r} is no prefix")
    if protocol not in _PROTOCOLS:
        raise ValueError(f"{protocol!r} is no protocol")
    words = ["-D", "-s", prefixes[0], "-d", prefixes[1]] + (["-p", protocol] if protocol else [])
    return words + (["--src-nat"] if change["snat"] else []) + (["--dst-nat", to] if to else [])
