"""Both backends of iptables and native nftables are read; nothing is loaded by reading."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from hostgw.wire import Section
from tests.lab.agent_rig import Nets, Operator, operator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.add("h")
        yield made


@pytest.fixture
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def rules_of(told: Operator, backend: str) -> list[str]:
    found = told.root.filters.get(backend)
    return [line for line in found.text.splitlines() if "-A " in line] if found else []


def test_reading_loads_no_legacy_tables(nets: Nets, told: Operator) -> None:
    nets.exec("h", "iptables-nft", "-A", "FORWARD", "-j", "DROP")
    told.until(lambda: rules_of(told, "nft"))
    assert nets.exec("h", "cat", "/proc/net/ip_tables_names") == ""
    assert set(told.root.filters) == {"nft"}


def test_both_backends_are_read(nets: Nets, told: Operator) -> None:
    nets.exec("h", "iptables-nft", "-A", "FORWARD", "-s", "10.1.0.0/16", "-j", "DROP")
    nets.exec("h", "iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-s", "10.2.0.0/16", "-j", "MASQUERADE")
    told.until(lambda: rules_of(told, "nft") and rules_of(told, "legacy"))
    (legacy,) = rules_of(told, "legacy")
    assert legacy.endswith("-A POSTROUTING -s 10.2.0.0/16 -j MASQUERADE")
    assert legacy.startswith("[0:0]")
    nets.exec("h", "iptables-legacy", "-t", "nat", "-F")
    told.until(lambda: not rules_of(told, "legacy"))


def test_native_tables_are_shown_and_those_of_iptables_left_out(nets: Nets, told: Operator) -> None:
    nets.exec("h", "iptables-nft", "-A", "FORWARD", "-j", "DROP")
    nets.exec("h", "nft", "add table inet mine; add chain inet mine c { type filter hook forward priority 5; }")
    nets.exec("h", "nft", 'add rule inet mine c ip saddr 10.3.0.0/16 counter drop comment "it\'s [red]"')
    told.until(lambda: "10.3.0.0" in getattr(told.root.filters.get("nftables"), "text", ""))
    entries = json.loads(told.root.filters["nftables"].text)["nftables"]
    assert {entry["table"]["name"] for entry in entries if "table" in entry} == {"mine"}
    assert all(entry["rule"]["table"] == "mine" for entry in entries if "rule" in entry)
    nets.exec("h", "nft", "delete table inet mine")
    told.until(lambda: "nftables" not in told.root.filters)


def test_tables_that_iptables_cannot_show_are_shown_as_native(nets: Nets, told: Operator) -> None:
    nets.exec("h", "nft", "add table ip filter; add chain ip filter INPUT { type filter hook input priority 0; }")
    nets.exec("h", "nft", "add rule ip filter INPUT ct state vmap { invalid : drop }")
    told.until(lambda: "vmap" in getattr(told.root.filters.get("nftables"), "text", ""))
    assert not rules_of(told, "nft")


def test_of_a_shared_table_only_the_foreign_chains_are_native(nets: Nets, told: Operator) -> None:
    nets.exec("h", "iptables-nft", "-A", "FORWARD", "-s", "10.1.0.0/16", "-j", "DROP")
    nets.exec("h", "nft", "add chain ip filter mine { type filter hook forward priority 5; }")
    nets.exec("h", "nft", "add rule ip filter mine ip saddr 10.2.0.0/16 drop")
    told.until(lambda: "10.2.0.0" in getattr(told.root.filters.get("nftables"), "text", ""))
    assert "10.1.0.0" not in told.root.filters["nftables"].text
    assert len(rules_of(told, "nft")) == 1


def test_packets_that_match_are_no_news(nets: Nets, told: Operator) -> None:
    nets.exec("h", "iptables-nft", "-A", "OUTPUT", "-j", "ACCEPT")
    told.until(lambda: rules_of(told, "nft"))
    count = len([delta for delta in told.deltas if delta.section is Section.FILTERS])
    nets.exec("h", "ping", "-c", "2", "-i", "0.01", "127.0.0.1")
    nets.exec("h", "nft", "add table ip6 unrelated")
    told.until(lambda: "nftables" in told.root.filters)
    news = [delta for delta in told.deltas if delta.section is Section.FILTERS][count:]
    assert all(b'"backend":"nft"' not in bytes(delta.put) for delta in news)
