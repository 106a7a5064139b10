from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostgw.model.ip import address_text
from hostgw.model.kernel import Link
from hostgw.model.nftables import parse
from hostgw.paths.netfilter import Verdict, delivered, forwarded, reply, sent
from tests.unit.netfilter_state import LINKS, flow, state

DATA = Path(__file__).parents[1] / "data/nft"
FLANNEL, DOCKER, FIREWALLD, KUBE_PROXY = (
    (DATA / f"{name}.json").read_text() for name in ("flannel", "docker", "firewalld", "kube-proxy")
)
BRIDGES = (*LINKS, Link(5, "cni0", "bridge"), Link(6, "docker0", "bridge"))
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}


def rules(*statements: list[object], hook: str = "forward", family: str = "inet", kind: str = "filter") -> str:
    """Return JSON of one table with a base chain of these rules."""
    base = {"family": family, "table": "t", "name": "c", "type": kind, "hook": hook, "prio": 0, "policy": "accept"}
    made = [{"family": family, "table": "t", "chain": "c", "expr": expr} for expr in statements]
    return json.dumps(
        {"nftables": [{"table": {"family": family, "name": "t"}}, {"chain": base}, *({"rule": r} for r in made)]}
    )


def match(left: object, right: object, op: str = "==") -> object:
    return {"match": {"op": op, "left": left, "right": right}}


def judged(*statements: list[object]) -> Verdict:
    return forwarded(state(nftables=rules(*statements)), flow("10.239.0.2", "10.239.1.2")).verdict


def test_flannel_translates_what_leaves_the_network_only() -> None:
    host = state(nftables=FLANNEL)
    inside = forwarded(host, flow("10.244.0.2", "10.244.1.2"))
    assert (inside.verdict, inside.snat) == (Verdict.ACCEPT, None)
    assert inside.decided is not None
    assert (inside.decided.table, inside.decided.packets) == ("ip flannel-ipv4", 5)
    outside = forwarded(host, flow("10.244.0.2", "8.8.8.8"))
    assert outside.snat is not None
    assert address_text(outside.source) == "10.5.7.60"
    assert outside.snat.text == "ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 counter masquerade fully-random"


def test_docker_drops_what_is_not_published() -> None:
    host = state(nftables=DOCKER, links=BRIDGES)
    lost = forwarded(host, flow("10.5.7.61", "172.17.0.3", "eth0", "docker0"))
    assert lost.decided is not None
    assert (lost.verdict, lost.decided.chain) == (Verdict.DROP, "filter-forward-in__docker0")
    assert lost.decided.text == 'counter drop comment "UNPUBLISHED PORT DROP"'
    direct = forwarded(host, flow("10.5.7.61", "172.17.0.2", "eth0", "docker0"))
    assert direct.decided is not None
    assert direct.decided.chain == "raw-PREROUTING"
    out = forwarded(host, flow("172.17.0.3", "10.5.7.61", "docker0", "eth0"))
    assert out.snat is not None
    assert forwarded(host, reply(flow("172.17.0.3", "10.5.7.61", "docker0", "eth0"), out)).verdict is Verdict.ACCEPT


def test_docker_publishes_a_port() -> None:
    packet = flow("192.0.2.9", "10.5.7.60", "eth0", "", protocol="tcp", sport=999, dport=8080)
    passage = delivered(state(nftables=DOCKER, links=BRIDGES), packet)
    assert (address_text(passage.destination), passage.ports) == ("172.17.0.2", (999, 80))
    assert passage.dnat is not None


def test_firewalld_refuses_what_no_zone_lets_through() -> None:
    host = state(nftables=FIREWALLD, links=BRIDGES)
    assert forwarded(host, flow("10.239.0.2", "10.239.1.2", "cni0", "eth0")).verdict is Verdict.ACCEPT
    refused = forwarded(host, flow("10.239.1.2", "10.239.0.2", "eth0", "cni0"))
    assert refused.decided is not None
    assert (refused.verdict, refused.decided.chain) == (Verdict.REJECT, "filter_FWD_public")
    answer = flow("10.239.1.2", "10.239.0.2", "eth0", "cni0", state="ESTABLISHED")
    assert forwarded(host, answer).verdict is Verdict.ACCEPT
    assert delivered(host, flow("10.239.1.2", "10.5.7.60", "eth0", "", protocol="udp", dport=9)).lost


def test_kube_proxy_leaves_containers_alone() -> None:
    host = state(nftables=KUBE_PROXY, links=BRIDGES)
    plain = forwarded(host, flow("10.244.0.2", "10.244.1.2", "cni0", "eth0"))
    assert (plain.verdict, plain.snat, plain.dnat, plain.unknown) == (Verdict.ACCEPT, None, None, ())


def test_kube_proxy_services() -> None:
    host = state(nftables=KUBE_PROXY, links=BRIDGES)
    api = flow("10.244.0.2", "10.96.0.1", "cni0", "eth0", protocol="tcp", dport=443)
    passage = forwarded(host, api)
    assert (address_text(passage.destination), passage.ports[1], passage.snat) == ("10.5.7.61", 6443, None)
    own = sent(host, flow("10.5.7.60", "10.96.0.1", "", "", protocol="tcp", dport=443))
    assert own.snat is not None
    assert own.mark == 0
    dns = forwarded(host, flow("10.244.0.2", "10.96.0.10", "cni0", "eth0", protocol="udp", dport=53))
    assert dns.verdict is Verdict.UNKNOWN
    assert any("numgen" in name for name in dns.unknown)
    wrong_port = forwarded(host, flow("10.244.0.2", "10.96.0.1", "cni0", "eth0", protocol="tcp", dport=1))
    assert wrong_port.verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("left", "right", "op", "expected"),
    [
        (SADDR, "10.239.0.2", "==", True),
        (SADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!=", False),
        (SADDR, {"range": ["10.239.0.0", "10.239.0.9"]}, "==", True),
        (SADDR, {"set": ["1.1.1.1", {"elem": {"val": "10.239.0.2", "timeout": 5}}]}, "==", True),
        ({"&": [SADDR, "255.0.0.255"]}, "10.0.0.2", "==", True),
        ({"concat": [SADDR, {"meta": {"key": "iifname"}}]}, {"set": [{"concat": ["10.239.0.2", "br*"]}]}, "==", True),
        ({"meta": {"key": "iifname"}}, "br*", "!=", False),
        ({"meta": {"key": "l4proto"}}, "icmp", "==", True),
        ({"meta": {"key": "mark"}}, 0, "==", True),
        ({"meta": {"key": "mark"}}, 5, "<", True),
        ({"ct": {"key": "state"}}, ["new", "related"], "in", True),
        ({"ct": {"key": "state"}}, "established", "in", False),
        ({"ct": {"key": "saddr", "dir": "original"}}, "10.239.0.2", "==", True),
        ({"payload": {"protocol": "ip6", "field": "saddr"}}, "fe80::1", "!=", False),
        ({"payload": {"protocol": "tcp", "field": "dport"}}, 80, "!=", False),
        ({"payload": {"protocol": "icmp", "field": "type"}}, "echo-request", "==", True),
        ({"fib": {"result": "type", "flags": ["daddr"]}}, "local", "!=", True),
        ({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False, "==", False),
        ({"meta": {"key": "cpu"}}, 1, "==", None),
        ({"payload": {"base": "nh", "offset": 96, "len": 32}}, 1, "==", None),
        ({"payload": {"protocol": "th", "field": "dport"}}, 80, "==", None),
        (SADDR, {"weird": 1}, "==", None),
    ],
)
def test_matches(left: object, right: object, op: str, expected: bool | None) -> None:
    verdict = judged([match(left, right, op), {"drop": None}])
    assert verdict is {True: Verdict.DROP, False: Verdict.ACCEPT, None: Verdict.UNKNOWN}[expected]


def test_unknown_statement_is_never_guessed() -> None:
    assert judged([{"queue": {"num": 1}}], [{"drop": None}]) is Verdict.UNKNOWN
    assert judged([{"brandnew": {}}]) is Verdict.UNKNOWN
    assert judged([{"jump": {"target": "gone"}}]) is Verdict.UNKNOWN


def test_unknown_match_that_changes_nothing() -> None:
    odd = match({"meta": {"key": "cpu"}}, 1)
    assert judged([odd, {"accept": None}]) is Verdict.ACCEPT
    assert judged([odd, {"accept": None}], [{"drop": None}]) is Verdict.UNKNOWN


def test_chains_of_devices_that_nft_does_not_tell() -> None:
    text = rules([match(SADDR, "10.239.0.2"), {"drop": None}], hook="ingress", family="netdev")
    passage = forwarded(state(nftables=text), flow("10.239.0.2", "10.239.1.2"))
    assert (passage.verdict, passage.unknown) == (Verdict.UNKNOWN, ("devices of netdev t c",))
    assert forwarded(state(nftables=text), flow("10.239.0.3", "10.239.1.2")).verdict is Verdict.ACCEPT


def test_bridge_tables_see_what_a_bridge_passes_up() -> None:
    drop = rules([match(SADDR, "10.239.0.2"), {"drop": None}], hook="prerouting", family="bridge")
    assert forwarded(state(nftables=drop), flow("10.239.0.2", "10.239.1.2")).lost
    by_port = rules([match({"meta": {"key": "iifname"}}, "veth1"), {"drop": None}], hook="prerouting", family="bridge")
    assert forwarded(state(nftables=by_port), flow("10.239.0.2", "10.239.1.2")).verdict is Verdict.UNKNOWN
    known = flow("10.239.0.2", "10.239.1.2", physin="veth1")
    assert forwarded(state(nftables=by_port), known).lost


def test_other_families_do_not_matter() -> None:
    for family in ("ip6", "arp"):
        assert (
            forwarded(state(nftables=rules([{"drop": None}], family=family)), flow("10.239.0.2", "10.239.1.2")).unknown
            == ()
        )


def test_text_from_a_host_is_clean() -> None:
    text = rules([{"drop": None}]).replace('"expr"', '"comment": "\\u001b[31mred", "expr"')
    (chains,) = parse(text).chains.values()
    assert chains["c"].rules[0].text == 'drop comment "\\x1b[31mred"'


KEYS = ["match", "left", "right", "payload", "set", "vmap", "key", "data", "drop", "prefix", "addr", "len", "concat"]
KEYS += ["range", "elem", "val", "snat", "mangle", "meta", "&", "map", "jump", "target", "ct", "fib", "flags", "limit"]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["@s", "ip", "saddr", "10.0.0.1"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.lists(JSON, max_size=4))
def test_any_rule_is_survived(expr: list[object]) -> None:
    forwarded(state(nftables=rules(expr)), flow("10.239.0.2", "10.239.1.2"))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"nftables": 5}', '{"nftables": [{"chain": 7}, 3]}', "\ud800", "{}"])
def test_broken_json_leaves_everything_unknown(text: str) -> None:
    passage = forwarded(state(nftables=text), flow("10.239.0.2", "10.239.1.2"))
    assert passage.verdict is Verdict.UNKNOWN or text == '{"nftables": []}'
