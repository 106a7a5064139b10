"""Filter and NAT rules, as the tools of the backends in use write them.

Legacy tables are listed only when the kernel says that some are loaded: listing one with the legacy tool makes it. Of
nftables, the tables that iptables made are left out: `iptables-save` shows those.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional, Set, Tuple

from hostgw.agent import ipsets

MAX_TEXT = 12 << 20
TOO_LONG = "more rules than can be shown"
TIMEOUT_S = 10
PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
LEGACY_TABLES = "/proc/net/ip_tables_names"
IPTABLES_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_COUNTER = re.compile(r"\[\d+:\d+\]|\"(?:packets|bytes|handle)\": ?\d+,? ?")
_USES_SETS = re.compile(r"--(?:match|add|del|map)-set ")
INCOMPATIBLE = re.compile(r"^# Table `(\w+)' is incompatible", re.MULTILINE)
STAMP = re.compile(r"^#.*$", re.MULTILINE)

Row = Dict[str, Any]


def tool(name: str) -> Optional[str]:
    """Return where a program is, or None."""
    return shutil.which(name, path=PATH)


def run(argv: List[str], text: str = "") -> Tuple[int, str, str]:
    """Run a program with `text` on its standard input; return (exit code, output, complaint)."""
    try:
        done = subprocess.run(
            argv,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            env={"PATH": PATH, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, "", str(error)
    output = done.stdout.decode("utf-8", "backslashreplace")
    return done.returncode, output, done.stderr.decode("utf-8", "backslashreplace").strip()[:400]


def read() -> List[Row]:
    """Return the rules of every backend that holds some."""
    incompatible: Set[str] = set()
    found = saved(incompatible)
    extra = [_sets() if any(_USES_SETS.search(row["text"]) for row in found) else None, _native(incompatible)]
    return found + [row for row in extra if row is not None]


def saved(incompatible: Set[str]) -> List[Row]:
    """Return the rules of iptables' backends; `incompatible` takes the names of tables that they cannot show."""
    rows = [_saved("nft", _nft_save(), incompatible)]
    if legacy_tables():
        rows.append(_saved("legacy", _legacy_save(), set()))
    return [row for row in rows if row is not None]


def _sets() -> Row:
    """Return the sets that rules of iptables ask."""
    try:
        text = "\n".join(ipsets.save())
    except OSError as error:
        return {"backend": "ipset", "text": "", "error": f"the sets cannot be read: {error}"}
    too_long = len(text) > MAX_TEXT
    return {"backend": "ipset", "text": "" if too_long else text, "error": TOO_LONG if too_long else ""}


def _nft_save() -> Optional[str]:
    """Return the tool that saves iptables rules held by nf_tables; a bare `iptables-save` may be of either kind."""
    named = tool("iptables-nft-save")
    if named:
        return named
    plain = tool("iptables-save")
    return plain if plain and "nf_tables" in run([plain, "-V"])[1] else None


def _legacy_save() -> Optional[str]:
    """Return the tool that saves legacy tables; before 1.8 it has no name of its own."""
    named = tool("iptables-legacy-save")
    if named:
        return named
    plain = tool("iptables-save")
    return plain if plain and "nf_tables" not in run([plain, "-V"])[1] else None


def legacy_tables() -> List[str]:
    """Return the legacy tables that are loaded in this namespace, without loading any."""
    try:
        with open(LEGACY_TABLES, encoding="ascii") as file:
            return file.read(4096).split()
    except OSError:
        return []


def _saved(backend: str, program: Optional[str], incompatible: Set[str]) -> Optional[Row]:
    """Return what a tool saves; `incompatible` takes the names of the tables that it says it cannot show."""
    if program is None:
        return None if backend == "nft" else {"backend": backend, "text": "", "error": "no iptables-legacy-save here"}
    code, output, complaint = run([program, "-c"])
    if code != 0:
        return {"backend": backend, "text": "", "error": complaint or f"{os.path.basename(program)} failed"}
    if len(output) > MAX_TEXT:
        return {"backend": backend, "text": "", "error": TOO_LONG}
    incompatible.update(INCOMPATIBLE.findall(output))
    return {"backend": backend, "text": STAMP.sub("", output).strip(), "error": ""}


def _native(incompatible: Set[str]) -> Optional[Row]:
    program = tool("nft")
    if program is None:
        return None
    code, output, complaint = run([program, "-j", "list", "ruleset"])
    if code != 0:
        return {"backend": "nftables", "text": "", "error": complaint or "nft failed"}
    try:
        entries = json.loads(output)["nftables"]
    except (ValueError, KeyError, TypeError):
        return {"backend": "nftables", "text": "", "error": "nft wrote no JSON"}
    kept = without_iptables(entries, incompatible)
    if not any("table" in entry for entry in kept):
        return None
    text = json.dumps({"nftables": kept})
    too_long = len(text) > MAX_TEXT
    return {"backend": "nftables", "text": "" if too_long else text, "error": TOO_LONG if too_long else ""}


def without_iptables(entries: List[Row], incompatible: Set[str]) -> List[Row]:
    """Leave out what iptables-nft shows: of families ip and ip6, tables with its names that it can read.

    Where such a table holds base chains of others too, only its own base chains are left out.
    """
    owned: Set[Tuple[str, str]] = set()
    for entry in entries:
        table = entry.get("table")
        if table and table["family"] in ("ip", "ip6") and table["name"] in IPTABLES_TABLES - incompatible:
            owned.add((table["family"], table["name"]))
    base_chains = [entry["chain"] for entry in entries if "chain" in entry and "hook" in entry["chain"]]
    shared = {(chain["family"], chain["table"]) for chain in base_chains if chain["name"] != chain["hook"].upper()}
    own_chains = {
        (chain["family"], chain["table"], chain["name"])
        for chain in base_chains
        if chain["name"] == chain["hook"].upper()
    }

    def belongs(entry: Row) -> bool:
        for kind, item in entry.items():
            if kind != "metainfo" and isinstance(item, dict):
                place = item.get("family"), item.get("name") if kind == "table" else item.get("table")
                chain = item.get("name") if kind == "chain" else item.get("chain")
                return place in owned and (place not in shared or (*place, chain) in own_chains)
        return False

    return [entry for entry in entries if not belongs(entry)]


def without_counters(row: Row) -> Row:
    """Return what of a row counts as a change: rules, not how often they matched."""
    return row if row["backend"] == "ipset" else {**row, "text": _COUNTER.sub("", row["text"])}
