"""The agent's reading of ip_set, beside what the tool put into the kernel."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from hostgw.agent import filters, ipsets
from hostgw.model.ipset import Element, parse
from tests.lab.agent_rig import Nets
from tests.lab.netfilter_rig import inside

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not shutil.which("ipset"), reason="needs ipset, to make sets with"),
]
KINDS = {
    "hash:ip": ("", ["10.1.0.2", "10.1.0.9"], ["10.1.0.2", "10.1.0.9"]),
    "hash:ip, masked": ("netmask 24", ["10.1.5.9"], ["10.1.5.0"]),
    "hash:ip, IPv6": ("family inet6", ["2001:db8::1"], ["2001:db8::1"]),
    "hash:net": (
        "timeout 300 counters comment",
        ["10.0.0.0/8", "10.2.0.0/16 nomatch"],
        ["10.0.0.0/8", "10.2.0.0/16 nomatch"],
    ),
    "hash:ip,port": ("", ["10.1.0.2,tcp:80", "10.1.0.2,icmp:8/0"], ["10.1.0.2,1:8/0", "10.1.0.2,6:80"]),
    "hash:net,iface": (
        "",
        ["10.0.0.0/8,eth0", "10.9.0.0/16,physdev:eth1"],
        ["10.0.0.0/8,eth0", "10.9.0.0/16,physdev:eth1"],
    ),
    "hash:ip,port,net": ("", ["10.1.0.2,udp:53,10.5.0.0/16"], ["10.1.0.2,17:53,10.5.0.0/16"]),
    "hash:net,net": ("", ["10.0.0.0/8,10.6.0.0/16"], ["10.0.0.0/8,10.6.0.0/16"]),
    "hash:ip,mark": ("", ["10.1.0.2,0x63"], ["10.1.0.2,0x00000063"]),
    "hash:mac": ("", ["02:00:00:00:00:01"], ["02:00:00:00:00:01"]),
    "bitmap:ip": ("range 10.1.0.0/24", ["10.1.0.5"], ["10.1.0.5"]),
    "bitmap:port": ("range 1-100", ["80"], ["80"]),
    "bitmap:ip,mac": ("range 10.1.0.0/24", ["10.1.0.5,02:00:00:00:00:02"], ["10.1.0.5,02:00:00:00:00:02"]),
}
"""Options, what is put in, and how it is told."""
MANY = 20_000


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.add("sets")
        yield made


def made(nets: Nets, text: str) -> bool:
    """Make sets in the namespace; tell whether this kernel has such."""
    argv = ["ip", "netns", "exec", nets.name("sets"), "ipset", "restore"]
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0 or "not supported" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture(autouse=True)
def _emptied(nets: Nets) -> Iterator[None]:
    yield
    for order in ("flush", "destroy"):  # a set in a set is in use
        subprocess.run(["ip", "netns", "exec", nets.name("sets"), "ipset", order], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_members_of_every_kind(nets: Nets, kind: str) -> None:
    options, put, told = KINDS[kind]
    type_name = kind.partition(", ")[0]
    lines = [f"create s {type_name} {options}", *(f"add s {each}" for each in put)]
    if not made(nets, "\n".join([*lines, ""])):
        assert type_name in ("hash:net,net", "hash:ip,mark", "hash:mac")  # no kernel with sets lacks the others
        pytest.skip(f"this kernel has no {type_name}")
    with inside(nets.name("sets")):
        found = ipsets.save()
    family = "inet6" if "inet6" in options else "inet"
    masked = " netmask 24" if "netmask" in options else ""
    assert found == [f"create s {type_name} family {family}{masked}", *(f"add s {each}" for each in told)]
    (read,) = parse("\n".join(found)).values()
    assert (read.kind, len(read.elements), read.netmask) == (type_name, len(put), 24 if masked else 32)


def test_a_large_set_and_sets_in_a_set(nets: Nets) -> None:
    big = "".join(f"add big 10.{50 + i // 65536}.{i // 256 % 256}.{i % 256}\n" for i in range(MANY))
    made(nets, f"create big hash:ip maxelem 100000\n{big}create all list:set\nadd all big\n")
    with inside(nets.name("sets")):
        sets = parse("\n".join(ipsets.save()))
    assert len(sets["big"].elements) == MANY
    assert sets["all"].elements == (Element(("big",)),)


def test_sets_are_told_only_where_rules_ask_them(nets: Nets) -> None:
    made(nets, "create s hash:ip\nadd s 10.1.0.2\n")
    rule = "*filter\n-A FORWARD -m set --match-set s src -j DROP\nCOMMIT\n"
    enter = ["ip", "netns", "exec", nets.name("sets")]
    with inside(nets.name("sets")):
        assert "ipset" not in {row["backend"] for row in filters.read()}
        subprocess.run([*enter, "iptables-nft-restore"], input=rule, text=True, check=True)
        rows = {row["backend"]: row for row in filters.read()}
        subprocess.run([*enter, "iptables-nft", "-F"], check=True)
    assert rows["ipset"]["text"].splitlines() == ["create s hash:ip family inet", "add s 10.1.0.2"]
    assert filters.without_counters(rows["ipset"]) == rows["ipset"]


def test_a_name_with_a_line_in_it_stays_one_word() -> None:
    assert ipsets._text(b"a b\nadd c 10.0.0.1\0") == "a\\x20b\\x0aadd\\x20c\\x2010.0.0.1"
