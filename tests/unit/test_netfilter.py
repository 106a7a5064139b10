from __future__ import annotations

import pytest

from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Address
from hostgw.paths.netfilter import Verdict, bridged, delivered, forwarded, passages, reply, sent
from tests.unit.netfilter_state import ADDRESSES, flow, state, table

OUT = flow("10.239.0.2", "10.239.1.2")
WEB = flow("10.239.0.2", "8.8.8.8", protocol="tcp", sport=40000, dport=443)
FOUR_RULES = table(
    "nat",
    "-A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN",
    "-A POSTROUTING -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",
    "-A POSTROUTING ! -s 10.239.0.0/16 -d 10.239.0.0/24 -j RETURN",
    "-A POSTROUTING ! -s 10.239.0.0/16 -d 10.239.0.0/16 -j MASQUERADE",
)


def judged(*rules: str, name: str = "filter", policy: str = "ACCEPT", **more: object) -> Verdict:
    return forwarded(state(table(name, *rules, policy=policy)), flow("10.239.0.2", "10.239.1.2", **more)).verdict


def test_no_rules_accept_and_nothing_decided() -> None:
    passage = forwarded(state(), OUT)
    assert (passage.verdict, passage.decided, passage.source) == (Verdict.ACCEPT, None, OUT.source)


def test_policy_is_told_as_the_decision() -> None:
    passage = forwarded(state(table("filter", policy="DROP")), OUT)
    assert passage.lost
    assert passage.decided is not None
    assert (passage.decided.rule, passage.decided.text, passage.decided.packets) == (None, "-P FORWARD DROP", 0)


def test_four_rules_translate_what_leaves_the_network_only() -> None:
    host = state(FOUR_RULES)
    assert forwarded(host, OUT).snat is None
    outside = forwarded(host, WEB)
    assert outside.snat is not None
    assert (outside.snat.text, address_text(outside.source)) == (
        "-A POSTROUTING -s 10.239.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",
        "10.5.7.60",
    )
    assert forwarded(host, flow("192.0.2.1", "10.239.0.2", "eth0", "br0")).snat is None
    assert forwarded(host, flow("192.0.2.1", "10.239.1.2", "eth0", "eth0")).snat is not None


def test_the_reply_is_translated_back_and_sees_no_nat_rules() -> None:
    host = state(FOUR_RULES)
    answer = reply(WEB, forwarded(host, WEB))
    assert (answer.iif, answer.oif, answer.sport, answer.dport) == ("eth0", "br0", 443, 40000)
    back = forwarded(host, answer)
    assert (back.verdict, back.destination, back.snat, back.oif) == (Verdict.ACCEPT, WEB.source, None, "br0")


def test_a_drop_anywhere_is_final() -> None:
    accept = table("filter", "-A FORWARD -j ACCEPT")
    drop = table("filter", "-A FORWARD -d 10.239.1.0/24 -j DROP")
    for one, other in ((accept, drop), (drop, accept)):
        passage = forwarded(state(one, one[:0] or other), OUT)
        assert passage.verdict is Verdict.DROP
        assert not passage.unknown


def test_raw_and_mangle_come_first() -> None:
    text = table("filter", "-A FORWARD -j ACCEPT") + table("raw", "-A PREROUTING -d 10.239.1.2/32 ! -i eth0 -j DROP")
    decided = forwarded(state(text), OUT).decided
    assert decided is not None
    assert (decided.table, decided.chain, decided.hook) == ("raw", "PREROUTING", "prerouting")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A FORWARD -i br+ -j DROP", True),
        ("-A FORWARD ! -i br+ -j DROP", False),
        ("-A FORWARD -s 10.239.0.0/255.255.0.3 -j DROP", False),
        ("-A FORWARD -s 10.239.0.2/255.255.0.3 -j DROP", True),
        ("-A FORWARD -p tcp -j DROP", False),
        ("-A FORWARD -p 1 -j DROP", True),
        ("-A FORWARD -p icmp -m icmp --icmp-type 8 -j DROP", True),
        ("-A FORWARD -p icmp -m icmp ! --icmp-type 8 -j DROP", False),
        ("-A FORWARD -m addrtype --dst-type LOCAL -j DROP", False),
        ("-A FORWARD -m addrtype ! --dst-type LOCAL -j DROP", True),
        ("-A FORWARD -m addrtype --src-type UNICAST -j DROP", True),
        ("-A FORWARD -m conntrack --ctstate INVALID,NEW -j DROP", True),
        ("-A FORWARD -m conntrack ! --ctstate INVALID -j DROP", True),
        ("-A FORWARD -m conntrack --ctdir REPLY -j DROP", False),
        ("-A FORWARD -m conntrack --ctorigdst 10.239.1.0/24 -j DROP", True),
        ("-A FORWARD -m conntrack --ctstatus CONFIRMED -j DROP", False),
        ("-A FORWARD -m mark --mark 0x0/0xff -j DROP", True),
        ("-A FORWARD -m iprange --dst-range 10.239.1.1-10.239.1.9 -j DROP", True),
        ("-A FORWARD -m pkttype --pkt-type multicast -j DROP", False),
        ("-A FORWARD -m physdev --physdev-is-bridged -j DROP", False),
        ("-A FORWARD -m rpfilter --invert -j DROP", False),
        ("-A FORWARD -m limit --limit 5/min -j DROP", True),
        ("-A FORWARD -f -j DROP", False),
        ('-A FORWARD -m comment --comment "-j ACCEPT ! -s 1.2.3.4" -j DROP', True),
    ],
)
def test_matches(rule: str, expected: bool) -> None:
    assert judged(rule) is (Verdict.DROP if expected else Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-p tcp -m tcp --dport 80:90", True),
        ("-p tcp -m tcp ! --dport 80", False),
        ("-p tcp -m multiport --dports 22,80:81", True),
        ("-p tcp -m multiport ! --ports 22,4000:5000", False),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", True),
        ("-p tcp -m tcp --tcp-flags ACK ACK", False),
        ("-p udp -m udp --dport 80", False),
        ("-m tcp --tcp-option 7 -p tcp", None),
    ],
)
def test_ports_and_flags(rule: str, expected: bool | None) -> None:
    verdict = judged(f"-A FORWARD {rule} -j DROP", protocol="tcp", sport=4444, dport=80)
    assert verdict is {True: Verdict.DROP, False: Verdict.ACCEPT, None: Verdict.UNKNOWN}[expected]


def test_unknown_names_what_decides() -> None:
    passage = forwarded(state(table("filter", "-A FORWARD -m recent --rcheck --name x -j DROP")), OUT)
    assert passage.verdict is Verdict.UNKNOWN
    assert passage.unknown == ("match recent --rcheck --name x",)


@pytest.mark.parametrize(
    "rules",
    [
        ("-A FORWARD -s 9.9.9.9/32 -m recent --rcheck -j DROP",),
        ("-A FORWARD -m recent --rcheck -j ACCEPT",),
        ("-A FORWARD -m recent --set -j LOG",),
        ("-A FORWARD -m u32 --u32 1=1 -j RETURN", "-A FORWARD -j ACCEPT"),
        ("-A FORWARD -j ONE", "-A ONE -m string --string x -j ACCEPT"),
    ],
)
def test_unknown_that_changes_nothing_is_no_unknown_verdict(rules: tuple[str, ...]) -> None:
    assert judged(*rules) is Verdict.ACCEPT


def test_unknown_target_is_never_guessed() -> None:
    assert judged("-A FORWARD -j NFQUEUE --queue-num 1", "-A FORWARD -j DROP") is Verdict.UNKNOWN
    assert judged("-A FORWARD -j DROP", "-A FORWARD -j NFQUEUE --queue-num 1") is Verdict.DROP


def test_goto_does_not_come_back() -> None:
    rules = ("-A FORWARD -g ONE", "-A FORWARD -j DROP", "-A ONE -j RETURN")
    assert judged(*rules) is Verdict.ACCEPT
    assert judged(rules[0].replace("-g", "-j"), *rules[1:]) is Verdict.DROP


def test_loops_end() -> None:
    rules = ("-A FORWARD -j ONE", "-A ONE -j TWO", "-A TWO -j ONE")
    assert judged(*rules) is Verdict.UNKNOWN


def test_marks_travel_through_tables_and_connections() -> None:
    text = table(
        "mangle", "-A PREROUTING -i br0 -j MARK --set-xmark 0x4000/0xff00", "-A PREROUTING -j CONNMARK --save-mark"
    )
    text += table("nat", "-A POSTROUTING -m mark --mark 0x4000/0x4000 -m connmark --mark 0x4000 -j MASQUERADE")
    assert forwarded(state(text), OUT).snat is not None


def test_untracked_packets_see_no_nat() -> None:
    text = FOUR_RULES + table("raw", "-A PREROUTING -i br0 -j CT --notrack")
    passage = forwarded(state(text), WEB)
    assert (passage.snat, passage.untracked) == (None, True)


def test_dnat_goes_another_way_and_is_seen_by_filters() -> None:
    text = table("nat", "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.239.0.9:80")
    text += table("filter", "-A FORWARD -d 10.239.0.9/32 -o br0 -m conntrack --ctstate DNAT -j ACCEPT", policy="DROP")
    host = state(text)
    passage = delivered(host, flow("192.0.2.1", "10.5.7.60", "eth0", "", protocol="tcp", dport=8080))
    assert (passage.verdict, address_text(passage.destination), passage.oif) == (Verdict.ACCEPT, "10.239.0.9", "br0")
    assert passage.ports == (0, 80)


def test_redirect_delivers() -> None:
    text = table("nat", "-A PREROUTING -p udp -j REDIRECT --to-ports 53") + table("filter", "-A INPUT -p udp -j REJECT")
    passage = forwarded(state(text), flow("10.239.0.2", "8.8.8.8", protocol="udp", dport=53))
    assert passage.verdict is Verdict.REJECT
    assert passage.decided is not None
    assert passage.decided.hook == "input"


def test_sent_packets_take_output_and_postrouting() -> None:
    text = table("filter", "-A OUTPUT -o eth0 -d 10.239.1.0/24 -j REJECT")
    assert sent(state(text), flow("10.5.7.60", "10.239.1.2", "", "")).verdict is Verdict.REJECT
    assert sent(state(text), flow("10.5.7.60", "10.239.0.2", "", "")).verdict is Verdict.ACCEPT


def test_same_bridge_traffic_is_judged_only_with_br_netfilter() -> None:
    text = table("filter", "-A FORWARD -i br0 -o br0 -m physdev --physdev-is-bridged -j DROP")
    packet = flow("10.239.0.2", "10.239.0.3", "br0", "br0")
    assert bridged(state(text), packet).verdict is Verdict.ACCEPT
    called = state(text, sysctls={"net/bridge/bridge-nf-call-iptables": "1"})
    assert bridged(called, packet).verdict is Verdict.DROP
    port = table("filter", "-A FORWARD -m physdev --physdev-in veth1 --physdev-is-bridged -j DROP")
    called = state(port, sysctls={"net/bridge/bridge-nf-call-iptables": "1"})
    assert bridged(called, packet).verdict is Verdict.UNKNOWN
    known = flow("10.239.0.2", "10.239.0.3", "br0", "br0", physin="veth1", physout="veth2")
    assert bridged(called, known).verdict is Verdict.DROP


def test_masquerade_takes_the_address_on_the_next_hops_prefix() -> None:
    addresses = (Address(2, "192.0.2.7", 24), *ADDRESSES)
    assert address_text(forwarded(state(FOUR_RULES, addresses=addresses), WEB).source) == "10.5.7.60"


def test_rules_that_could_not_be_read_leave_everything_unknown() -> None:
    passage = forwarded(state('*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m comment --comment "open\nCOMMIT'), OUT)
    assert passage.verdict is Verdict.UNKNOWN
    assert passage.unknown


def test_many_destinations_are_walked_a_few_times() -> None:
    known = passages(state(FOUR_RULES + table("filter", "-A FORWARD -d 10.239.7.0/24 -j DROP")))
    base = address_number("10.239.0.2")
    verdicts = []
    for number in range(1, 256):
        found = known.forwarded(flow("10.239.0.2", address_text(base + 256 * number)))
        assert (found.source, found.destination) == (base, base + 256 * number)
        verdicts.append(found.verdict)
    assert known.walks == 2
    assert [number for number, verdict in enumerate(verdicts, 1) if verdict is Verdict.DROP] == [7]
    groups = known.by_destination(base + 256 * number for number in range(1, 256))
    assert sorted(len(found) for found in groups.values()) == [1, 254]


def test_addresses_that_are_compared_bit_by_bit_are_not_grouped() -> None:
    known = passages(state(table("filter", "-A FORWARD -d 0.0.0.3/0.0.0.255 -j DROP")))
    assert known.forwarded(flow("10.239.0.2", "10.239.1.2")).verdict is Verdict.ACCEPT
    assert known.forwarded(flow("10.239.0.2", "10.239.1.3")).verdict is Verdict.DROP
