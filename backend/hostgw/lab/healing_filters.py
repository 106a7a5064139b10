"""Putting packet filter and NAT rules of a node back, in nftables and in legacy tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hostgw.lab.namespaces import inside
from hostgw.lab.reading import State, run

if TYPE_CHECKING:
    from hostgw.lab.lab import Lab

PARTS: Final = {"nft", "iptables", "legacy"}
"""Parts of a node's state that this file restores."""


def restore(lab: Lab, node: str, wanted: State) -> None:
    """Empty every table of a node and load what the baseline holds; raises LabError."""
    with inside(lab.node_netns(node)):
        run(["nft", "flush", "ruleset"])
        emptied = _emptied_legacy()
        native = lab.shape.kind.nat == "native"
        if native:
            run(["nft", "-f", "-"], wanted["nft"])
    if not native:
        _load(lab, node, "nft", wanted.get("iptables", ""))
    _load(lab, node, "legacy", emptied)
    _load(lab, node, "legacy", wanted.get("legacy", ""))


def _load(lab: Lab, node: str, backend: str, text: str) -> None:
    host, _, container = node.partition("/")
    if text.strip():
        argv = [f"/usr/sbin/iptables-{backend}-restore"]
        lab.exec(host, argv, container or None, input=text + "\n", text=True, capture_output=True, check=False)


def _emptied_legacy() -> str:
    """Text that empties every legacy table that the thread's namespace has loaded."""
    loaded = Path("/proc/thread-self/net/ip_tables_names")
    if not loaded.exists() or not loaded.read_text(encoding="utf-8").strip():
        return ""
    saved = run(["/usr/sbin/iptables-legacy-save"])
    kept = [line for line in saved.splitlines() if re.match(r"\*|COMMIT|:\S+ (ACCEPT|DROP) ", line)]
    return "".join(re.sub(r"^(:\S+) DROP ", r"\1 ACCEPT ", line) + "\n" for line in kept)
