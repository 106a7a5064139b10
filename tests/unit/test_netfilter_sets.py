from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostgw.agent import filters, ipsets
from hostgw.model.ipset import parse
from hostgw.paths.netfilter import Passage, Verdict, forwarded, passages
from tests.unit.netfilter_state import flow, state, table

SETS = """create ips hash:ip family inet hashsize 1024 maxelem 65536 netmask 24
add ips 10.239.1.0
create nets hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x5 timeout 300
add nets 10.239.0.0/16 timeout 12
add nets 10.239.7.0/24 nomatch
create services hash:ip,port family inet hashsize 1024 maxelem 65536 comment
add services 10.239.1.2,tcp:80 comment "the \\"web\\" server"
add services 10.239.1.2,icmp:8/0
create pairs hash:net,iface family inet hashsize 64 maxelem 65536
add pairs 10.239.0.0/24,br0
create range bitmap:ip range 10.239.1.0-10.239.1.255
add range 10.239.1.2-10.239.1.5
create six hash:net family inet6 hashsize 64 maxelem 65536
add six fd00::/8
create macs hash:mac hashsize 64 maxelem 65536
add macs 02:00:00:00:00:01
create all list:set size 8
add all range
add all services
"""


def judged(match: str, destination: str = "10.239.1.2", **more: object) -> Passage:
    text = table("filter", f"-A FORWARD -m set {match} -j DROP")
    return forwarded(state(text, ipset=SETS), flow("10.239.0.2", destination, **more))


@pytest.mark.parametrize(
    ("match", "destination", "verdict"),
    [
        ("--match-set ips dst", "10.239.1.99", "drop"),
        ("! --match-set ips dst", "10.239.1.99", "accept"),
        ("--match-set ips src", "10.239.1.2", "accept"),
        ("--match-set nets dst", "10.239.1.2", "drop"),
        ("--match-set nets dst", "10.239.7.2", "accept"),
        ("--match-set nets dst", "10.3.0.1", "accept"),
        ("--match-set services dst,dst", "10.239.1.2", "drop"),
        ("--match-set services dst", "10.239.1.2", "accept"),
        ("--match-set pairs src,src", "10.239.1.2", "drop"),
        ("--match-set pairs src,dst", "10.239.1.2", "accept"),
        ("--match-set range dst", "10.239.1.5", "drop"),
        ("--match-set range dst", "10.239.1.6", "accept"),
        ("--match-set six dst", "10.239.1.6", "accept"),
        ("--match-set all dst,dst", "10.239.1.4", "drop"),
        ("--match-set all dst,dst", "10.239.9.4", "accept"),
        ("--match-set macs src", "10.239.1.2", "unknown"),
        ("--match-set gone dst", "10.239.1.2", "unknown"),
        ("--match-set nets dst --packets-gt 5", "10.239.1.2", "unknown"),
    ],
)
def test_sets(match: str, destination: str, verdict: str) -> None:
    assert judged(match, destination).verdict.value == verdict


def test_ports_count_with_their_protocol() -> None:
    assert judged("--match-set services dst,dst", protocol="tcp", dport=80).verdict is Verdict.DROP
    assert judged("--match-set services dst,dst", protocol="udp", dport=80).verdict is Verdict.ACCEPT


def test_members_of_a_set_share_a_class() -> None:
    members = "".join(f"add nodes 10.239.{number}.0/24\n" for number in range(1, 255))
    text = table("filter", "-A FORWARD -m set --match-set nodes dst -j DROP")
    known = passages(state(text, ipset="create nodes hash:net family inet hashsize 64 maxelem 65536\n" + members))
    for number in range(1, 255):
        assert known.forwarded(flow("10.239.0.2", f"10.239.{number}.2")).lost
    assert known.walks == 1


def test_a_set_that_rules_change_on_the_way_is_not_known_any_more() -> None:
    text = table("filter", "-A FORWARD -j SET --add-set nets src", "-A FORWARD -m set --match-set nets src -j DROP")
    assert forwarded(state(text, ipset=SETS), flow("10.239.0.2", "10.239.1.2")).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("rule", "asked"), [("-m set --match-set nets src -j DROP", True), ("-j DROP", False)])
def test_the_agent_lists_sets_only_when_rules_ask_them(monkeypatch: pytest.MonkeyPatch, rule: str, asked: bool) -> None:
    said = {"iptables-nft-save": table("filter", f"-A FORWARD {rule}")}
    monkeypatch.setattr(filters, "tool", lambda name: name if name in said else None)
    monkeypatch.setattr(filters, "legacy_tables", list)
    monkeypatch.setattr(filters, "run", lambda argv, text="": (0, said[argv[0]], ""))
    monkeypatch.setattr(ipsets, "save", SETS.splitlines)
    rows = {row["backend"]: row for row in filters.read()}
    assert set(rows) == ({"nft", "ipset"} if asked else {"nft"})
    assert not asked or set(parse(rows["ipset"]["text"])) >= {"nets", "services"}


def test_sets_that_the_kernel_does_not_show_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> list[str]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ipsets, "save", refused)
    assert filters._sets()["error"] == "the sets cannot be read: [Errno 1] Operation not permitted"


@given(st.binary(max_size=120))
def test_what_the_kernel_says_of_a_member_is_told_or_left_out(body: bytes) -> None:
    for kind in ("hash:ip,port,net", "hash:net,iface", "bitmap:ip,mac", "hash:ip,mark", "list:set", "hash:masked", ""):
        for text in ipsets._members(kind, body):
            assert "\n" not in text


@given(st.text(max_size=200) | st.lists(st.sampled_from(SETS.split()), max_size=20).map(" ".join))
def test_parse_survives_anything(text: str) -> None:
    parse(text)
    judged("--match-set nets dst")
