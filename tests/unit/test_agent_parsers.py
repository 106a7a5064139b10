"""The agent's parsers and its bookkeeping, without root: odd files, odd rules, sections that cannot be read."""

from __future__ import annotations

import ast
import json
import struct
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostgw.agent import conntrack, docker, filters, netlink
from hostgw.agent.memory import Memory
from hostgw.agent.namespaces import Handles
from hostgw.agent.probe import checksum
from hostgw.agent.watch import KEYS, MAX_ROWS, Watch
from hostgw.model.kernel import ConntrackEntry
from hostgw.ssh import payload
from hostgw.wire import sections

FLOW = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=10.2.0.2 sport=4000 dport=80 packets=3 bytes=180 "
    "src=10.2.0.2 dst=10.1.0.2 sport=80 dport=4000 packets=2 bytes=120 [ASSURED] mark=7 zone=0 use=2\n"
)
PING = (
    "ipv4 2 icmp 1 29 src=10.1.0.2 dst=10.2.0.2 type=8 code=0 id=77 [UNREPLIED] "
    "src=10.2.0.2 dst=9.9.9.9 type=0 code=0 id=77 mark=0 use=1"
)
OTHERS = [
    "",
    "ipv6 10 tcp 6 1 src=::1 dst=::1",
    "ipv4 2 tcp 6",
    "ipv4 2 tcp 6 x src=1 src=2",
    FLOW.replace("4000", "x"),
    "ipv4 2 unknown 255 600 src=1.1.1.1 dst=2.2.2.2",
]


def test_flows() -> None:
    flow, ping = conntrack.parse(FLOW), conntrack.parse(PING)
    entry = msgspec.convert(flow, ConntrackEntry)
    assert (entry.protocol, entry.state, entry.timeout, entry.mark) == ("tcp", "ESTABLISHED", 431999, 7)
    assert (entry.source_port, entry.destination_port, entry.reply_source_port) == (4000, 80, 80)
    assert (entry.packets, entry.bytes, entry.status) == (5, 300, ("ASSURED",))
    entry = msgspec.convert(ping, ConntrackEntry)
    assert (entry.source_port, entry.reply_destination, entry.status) == (77, "9.9.9.9", ("UNREPLIED",))
    assert all(conntrack.parse(line) is None for line in OTHERS)


def test_flows_are_chosen_by_address_and_counted() -> None:
    lines = [FLOW, PING, *OTHERS, FLOW.replace("10.1.0.2", "110.1.0.2")]
    found, total = conntrack.select(lines, "10.1.0.2", 10)
    assert len(found) == 2
    assert total == sum(line.startswith("ipv4") for line in lines)
    assert len(conntrack.select(lines, "", 1)[0]) == 1


@given(st.text(max_size=200))
def test_any_line_is_no_exception(line: str) -> None:
    conntrack.parse(line)
    conntrack.parse("ipv4 2 tcp 6 " + line)


def test_docker_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "good": {"Name": "/web", "State": {"Pid": 7}},
        "stopped": {"Name": "/old", "State": {"Pid": 0}},
        "odd": {"Name": 5, "State": "x"},
        "list": [],
        "half": {"Name": "/\ud800[red]", "State": {"Pid": 8}},
    }
    for name, text in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.v2.json").write_text(json.dumps(text))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.v2.json").write_bytes(b"\xff{")
    monkeypatch.setattr(docker, "STATE", str(tmp_path / "*" / "config.v2.json"))
    inodes = {"/proc/7/ns/net": 70, "/proc/8/ns/net": 80}
    assert docker.names(lambda path: inodes.get(path, 0)) == {70: "web", 80: "\ud800[red]"}
    (tmp_path / "good" / "config.v2.json").write_text(json.dumps({"Name": "/renamed", "State": {"Pid": 7}}))
    assert docker.names(lambda path: inodes.get(path, 0))[70] == "renamed"


def test_counters_are_no_change() -> None:
    old = {"backend": "nft", "text": ":FORWARD DROP [5:100]\n[1:2] -A FORWARD -j DROP", "error": ""}
    new = {**old, "text": ":FORWARD DROP [6:200]\n[3:4] -A FORWARD -j DROP"}
    other = {**old, "text": ":FORWARD DROP [5:100]\n[1:2] -A FORWARD -j ACCEPT"}
    assert filters.without_counters(old) == filters.without_counters(new) != filters.without_counters(other)
    nft = {"backend": "nftables", "text": '{"counter": {"packets": 5, "bytes": 6}}, {"handle": 7, "x": 1}', "error": ""}
    later = {**nft, "text": nft["text"].replace("5", "55").replace("6", "66").replace("7", "77")}
    assert filters.without_counters(nft) == filters.without_counters(later)


def chain(family: str, table: str, name: str, hook: str = "") -> dict[str, Any]:
    plain = {"family": family, "table": table, "name": name}
    return {"chain": {**plain, "hook": hook} if hook else plain}


def test_tables_of_iptables_are_left_out() -> None:
    entries: list[dict[str, Any]] = [
        {"metainfo": {"version": "1"}},
        {"table": {"family": "ip", "name": "filter"}},
        chain("ip", "filter", "FORWARD", "forward"),
        chain("ip", "filter", "DOCKER"),
        {"rule": {"family": "ip", "table": "filter", "chain": "DOCKER"}},
        {"table": {"family": "ip", "name": "nat"}},
        chain("ip", "nat", "mine", "postrouting"),
        {"table": {"family": "inet", "name": "filter"}},
        chain("inet", "filter", "input", "input"),
    ]
    kept = filters.without_iptables(entries, set())
    assert [entry["table"]["name"] for entry in kept if "table" in entry] == ["nat", "filter"]
    assert all(
        item["family"] == "inet" or item.get("table", item["name"]) == "nat" for e in kept[1:] for item in e.values()
    )
    assert filters.without_iptables(entries, {"filter"}) == entries


def test_keys_are_those_of_the_contract() -> None:
    assert {section.value: fields for section, fields in sections.KEYS.items()} == KEYS


class Fake(netlink.Netlink):
    """No socket: dumps nothing, or fails."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def dump(self, kind: int, body: bytes) -> list[netlink.Message]:
        if self.error:
            raise self.error
        return []


@pytest.mark.parametrize(
    "error", [OSError(1, "no"), TimeoutError(), struct.error("short"), KeyError("x"), MemoryError()]
)
def test_a_section_that_cannot_be_read_stops_nothing_and_is_said_once(error: Exception) -> None:
    said: list[dict[str, Any]] = []
    fake = Fake()
    fake.error = error
    seen = Watch(3, fake, said.append)
    seen.mark_all()
    for _ in range(5):
        seen.refresh(float("inf"))
    assert seen.complete
    assert sorted(message["detail"].split()[0] for message in said) == sorted(seen.sections)
    fake.error = None
    seen.refresh(float("inf"))
    assert not seen.failures
    assert all(message["full"] for message in said if message["type"] == "delta")


def test_long_deltas_come_in_parts() -> None:
    said: list[dict[str, Any]] = []
    seen = Watch(0, Fake(), said.append)
    seen.send("routes", [{"n": n} for n in range(2 * MAX_ROWS + 1)], [(1,)], True)
    assert [(len(m["put"]), len(m["gone"]), m["full"]) for m in said] == [
        (MAX_ROWS, 1, True),
        (MAX_ROWS, 0, False),
        (1, 0, False),
    ]


def test_what_was_decoded_is_not_decoded_again() -> None:
    made: list[bytes] = []

    def make(message: netlink.Message) -> dict[str, Any]:
        made.append(message.body)
        return {"name": message.body, "kind": "bridge" if message.body == b"br" else ""}

    memory = Memory()
    first = memory.rows("links", [netlink.Message(16, 0, body) for body in (b"a", b"br", b"b")], make)
    again = memory.rows("links", [netlink.Message(16, 0, body) for body in (b"br", b"b", b"c")], make)
    assert [row["name"] for row in again] == [b"br", b"b", b"c"]
    assert again[1] is first[2]
    assert made == [b"a", b"br", b"b", b"br", b"c"]  # a bridge is looked at each time
    memory.rows("links", [netlink.Message(16, 0, b"a")], make)
    assert made[-1] == b"a"  # what went is forgotten
    memory.rows("addresses", [netlink.Message(20, 0, b"a")], make)
    assert len(made) == 7  # another section has a memory of its own


def test_handles_are_never_used_again() -> None:
    handles = Handles()
    assert [handles.of(number) for number in (10, 11, 10)] == [1, 2, 1]
    handles.keep([11])
    assert [handles.of(number) for number in (10, 11)] == [3, 2]


@given(st.binary(max_size=100))
def test_the_checksum_of_what_carries_its_checksum_is_zero(data: bytes) -> None:
    data += bytes(len(data) % 2)
    assert checksum(data + struct.pack("!H", checksum(data))) in (0, 0xFFFF)


def test_what_is_shipped_is_closed_under_import_and_of_python_3_9() -> None:
    sources = payload.modules()
    for name, (_, package, text) in sources.items():
        for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and name.startswith("hostgw."):
                parent = name if package else name.rpartition(".")[0]
                wanted = [f"{parent}.{node.module}" if node.level else str(node.module)]
            else:
                continue
            for module in wanted:
                assert module in sources or module.partition(".")[0] in sys.stdlib_module_names, (name, module)
