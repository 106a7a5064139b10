from __future__ import annotations

import shutil

import pytest

from hostgw.agent.tap_tcpdump import accepted
from hostgw.capture import bpf
from hostgw.capture.bpf import FourTuple, combined, compile_filter, exclusion, four_tuple
from hostgw.errors import CaptureError
from tests.unit.capture_frames import arp, echo, ethernet, frame, ipv4, ipv6, tcp, udp

OURS = FourTuple("10.5.7.1", 50000, "10.5.7.60", 22)


def test_exclusion_text() -> None:
    assert exclusion([]) == ""
    assert exclusion([OURS, OURS]) == ("not (tcp and ((host 10.5.7.1 and port 50000 and host 10.5.7.60 and port 22)))")
    assert combined([OURS], "icmp or arp").endswith(") and (icmp or arp)")
    assert combined([]) == ""


def test_exclusion_leaves_out_both_directions_and_nothing_else() -> None:
    program = compile_filter(combined([OURS, FourTuple("fd00::1", 5, "fd00::2", 22)]), 256)
    there = frame(ipv4(6, tcp(50000, 22, 1), "10.5.7.1", "10.5.7.60"))
    back = frame(ipv4(6, tcp(22, 50000, 1), "10.5.7.60", "10.5.7.1"))
    other = frame(ipv4(6, tcp(50001, 22, 1), "10.5.7.1", "10.5.7.60"))
    datagram = frame(ipv4(17, udp(50000, 22), "10.5.7.1", "10.5.7.60"))
    six = ethernet(0x86DD, ipv6(6, tcp(5, 22, 1), "fd00::1", "fd00::2"))
    seen = [accepted(list(program), data, len(data)) for data in (there, back, other, datagram, six)]
    assert seen == [0, 0, 256, 256, 0]


def test_users_filter_cannot_undo_the_exclusion() -> None:
    own = frame(ipv4(6, tcp(50000, 22, 1), "10.5.7.1", "10.5.7.60"))
    for expression in ("tcp or icmp", "not icmp", "port 22", "ip or ip6"):
        program = compile_filter(combined([OURS], expression), 256)
        assert accepted(list(program), own, len(own)) == 0
    for escape in ("icmp) or (tcp", "tcp)) or ((tcp", ")("):
        with pytest.raises(CaptureError, match="brackets"):
            combined([OURS], escape)


def test_users_filter_counts() -> None:
    program = list(compile_filter(combined([OURS], "icmp or arp"), 200))
    frames = [frame(ipv4(1, echo(1))), arp(1, "10.0.0.1", "10.0.0.2"), frame(ipv4(17, udp(1, 2)))]
    assert [accepted(program, data, len(data)) for data in frames] == [200, 200, 0]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("host vm1", "names are not looked up"),
        ("vm1", "names are not looked up"),
        ("not evil.example.org", "names are not looked up"),
        ("icmp; reboot", "character"),
        ("a" * 2000, "too long"),
        ("port 99999", "illegal port"),
        ("tcp tcp", "syntax error"),
        ("ether host 10.0.0.1 and", "refused"),
    ],
)
def test_refusals_say_why(expression: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        compile_filter(combined([OURS], expression), 256)


@pytest.mark.parametrize(
    "expression",
    [
        "", "icmp", "tcp port 80 or udp port 53", "net 10.239.0.0/16", "ether host 02:00:00:00:00:01", "ip[8] < 5",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[2:2] = 80", "host 10.239.0.2 and not arp", "ip6 host fe80::1",
        "portrange 1-50", "port http", "len > 100", "ether proto 0x0806", "icmp[icmptype] == icmp-echo", "vlan 7",
    ],
)  # fmt: skip
@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
def test_libpcap_and_tcpdump_agree(expression: str) -> None:
    filtered = combined([OURS], expression)
    assert compile_filter(filtered, 256) == bpf._by_tcpdump(filtered, 256)


def test_tcpdump_fallback_reports_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpf, "_libpcap", lambda: None)
    assert compile_filter("icmp", 256)
    with pytest.raises(CaptureError, match="syntax error"):
        compile_filter("tcp tcp", 256)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CaptureError, match="no way to compile"):
        compile_filter("icmp", 256)


def test_ssh_connection() -> None:
    assert four_tuple("10.5.7.1 50000 10.5.7.60 22") == OURS
    assert four_tuple("::ffff:10.5.7.1 50000 ::ffff:10.5.7.60 22") == OURS
    assert four_tuple("fe80::1%eth0 5 fe80::2%eth0 22") == FourTuple("fe80::1", 5, "fe80::2", 22)
    for bad in ("", "a b c d", "10.0.0.1 x 10.0.0.2 22", "10.0.0.1 1 10.0.0.2"):
        with pytest.raises(CaptureError):
            four_tuple(bad)
    with pytest.raises(CaptureError):
        exclusion([FourTuple("10.0.0.1 or tcp", 1, "10.0.0.2", 22)])
    with pytest.raises(CaptureError):
        exclusion([FourTuple("10.0.0.1", 0, "10.0.0.2", 22)])


def test_a_hundred_sessions_fit() -> None:
    sessions = [FourTuple("10.5.7.1", 40000 + n, f"10.5.7.{n + 2}", 22) for n in range(100)]
    assert len(compile_filter(exclusion(sessions), 256)) < bpf.MAX_INSTRUCTIONS


def test_interpreter_refuses_what_the_kernel_refuses() -> None:
    assert accepted([(0x30, 0, 0, 99), (6, 0, 0, 5)], b"short", 5) == 0
    assert accepted([(0x34, 0, 0, 0), (6, 0, 0, 5)], b"", 0) == 0
    assert accepted([(0xFF7F, 0, 0, 0)], b"", 0) == 0
    assert accepted([(6, 0, 0, 9)], b"", 0) == 9
    assert accepted([], b"", 0) == 0
