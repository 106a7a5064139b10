"""What rules see of a connection whose first packet NAT has changed; each was found by comparing with the kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hostgw.paths.netfilter import Verdict, forwarded, reply
from tests.unit.netfilter_state import flow, state, table

FIRST = flow("10.239.0.2", "10.239.1.2", protocol="udp", sport=5, dport=6)
MASQUERADE = table("nat", "-A POSTROUTING -o eth0 -j MASQUERADE")


@pytest.mark.parametrize(("expected", "lost"), [("10.239.0.2", False), ("10.5.7.60", True)])
def test_later_packets_know_where_replies_go(expected: str, lost: bool) -> None:
    host = state(MASQUERADE + table("filter", f"-A FORWARD -m conntrack --ctrepldst {expected}/32 -j DROP"))
    free = state(MASQUERADE)
    passage = forwarded(free, FIRST)
    later = replace(FIRST, state="ESTABLISHED", rewritten=(passage.source, passage.destination))
    assert forwarded(host, later).lost is lost
    assert forwarded(host, FIRST).lost is not lost


def test_an_untracked_answer_is_not_translated_back() -> None:
    passage = forwarded(state(MASQUERADE), FIRST)
    host = state(MASQUERADE + table("raw", "-A PREROUTING -i eth0 -j CT --notrack"))
    assert forwarded(host, reply(FIRST, passage)).destination == passage.source


def test_an_invalid_packet_can_still_become_untracked() -> None:
    text = table("mangle", "-A FORWARD -j CT --notrack", "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP")
    assert forwarded(state(text), replace(FIRST, state="INVALID")).verdict is Verdict.DROP
    assert forwarded(state(text), FIRST).verdict is Verdict.ACCEPT
