"""A host without a Python: what its shell prints, as the messages of an agent."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pytest

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Route
from hostgw.plain.parts import cut
from hostgw.plain.script import command, script
from hostgw.plain.ways import routes, rules
from hostgw.ssh.frames import FrameReader
from hostgw.ssh.plain_process import REFUSED, PlainProcess
from hostgw.ssh.plain_taps import Spot
from hostgw.wire import (
    Conntrack,
    Delta,
    Failure,
    Look,
    Ping,
    Pong,
    Ready,
    Reply,
    Section,
    Synced,
    Tap,
    TapClosed,
    encode,
    rows,
)

TOKEN = "hostgw-0123"
LINKS = [
    {"ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP"], "mtu": 65536},
    {"ifindex": 2, "ifname": "eth0", "flags": ["UP", "LOWER_UP"], "mtu": 1500, "address": "02:00:00:00:00:01"},
]
DEFAULT = {"dst": "default", "gateway": "10.5.7.1", "dev": "eth0", "protocol": "static"}
FACTS = {"user": "0", "name": "vm1", "kernel": "6.1", "boot": "b", "inode": "7", "machine": "m", "tools": "ip nft"}


class FakeShell:
    """Prints a round each time it is asked for one."""

    def __init__(self, *rounds: dict[str, object]) -> None:
        self.rounds, self.out, self.closed, self.clock = list(rounds), b"motd\n", False, "1700000000123456789"

    def write(self, data: bytes) -> None:
        if data == b"clock\n":
            self.out += f"\n{TOKEN} @ {self.clock}\n".encode()
        elif self.rounds:
            assert data == b"\n"
            self.out += printed(self.rounds.pop(0))

    def read(self, size: int, timeout: float) -> bytes:
        if not self.out:
            if not self.rounds:
                return b""
            raise TimeoutError
        found, self.out = self.out[:9], self.out[9:]
        return found

    def read_stderr(self) -> bytes:
        return b""

    def exit_status(self, timeout: float) -> int | None:
        return 0

    def failure(self, said: Sequence[str]) -> HostError | None:
        return None

    def close(self) -> None:
        self.closed = True


def printed(parts: dict[str, object]) -> bytes:
    """Return a round; a number stands for a program that ended with it."""
    text = ""
    for name, value in parts.items():
        if isinstance(value, int):
            text += f"\n{TOKEN} < {name}\n\n{TOKEN} ! it said no\n\n{TOKEN} > {value}\n"
        else:
            shown = value if isinstance(value, str) else json.dumps(value)
            text += f"\n{TOKEN} < {name}\n{shown}\n\n{TOKEN} > 0\n"
    return f"{text}\n{TOKEN} .\n".encode()


def look(**more: object) -> dict[str, object]:
    usual: dict[str, object] = {"links": LINKS, "addresses": [], "routes": [DEFAULT], "rules": [], "saved": ""}
    return {**usual, "legacy": "", "native": "", **more}


def process(*rounds: dict[str, object]) -> PlainProcess:
    return PlainProcess(FakeShell(*rounds), TOKEN, "vm1", every_s=0)


def heard(made: PlainProcess) -> list[Reply]:
    """Return all messages until the shell ends."""
    reader, found = FrameReader(made, "vm1"), list[Reply]()
    while (message := reader.next(2)) is not None:
        assert not isinstance(message, list)
        found.append(message)
    return found


def deltas(messages: list[Reply], section: Section) -> list[Delta]:
    return [m for m in messages if isinstance(m, Delta) and m.section is section]


def test_the_first_look_is_a_whole_picture_and_the_next_what_differs() -> None:
    found = heard(process({**FACTS, **look()}, look(), look(routes=[])))
    ready = found[0]
    assert isinstance(ready, Ready)
    assert (ready.facts.hostname, ready.facts.python, ready.facts.uid) == ("vm1", "", 0)
    assert "no bridge: forwarding databases of bridges cannot be read" in ready.facts.missing
    assert sum(isinstance(message, Synced) for message in found) == 1
    first, last = deltas(found, Section.ROUTES)
    assert rows(first) == (Route("0.0.0.0/0", gateway="10.5.7.1", oif=2, protocol="static"),)
    assert (first.full, last.full, rows(last), last.gone) == (True, False, (), ((254, "0.0.0.0/0", 0, 0, 0),))
    assert [link.name for link in rows(deltas(found, Section.LINKS)[0])] == ["lo", "eth0"]  # type: ignore[union-attr]
    assert len(deltas(found, Section.LINKS)) == 1


def test_counters_are_told_while_somebody_looks() -> None:
    made = process({**FACTS, **look()}, look())
    assert deltas(heard(made), Section.COUNTERS) == []
    made = process({**FACTS, **look()}, look())
    made.write(encode(Look(True)))
    assert len(deltas(heard(made), Section.COUNTERS)) == 1


def test_what_needs_the_agent_is_refused_in_words() -> None:
    made = process({**FACTS, **look()})
    asked = encode(Ping(1)) + encode(Conntrack(2)) + encode(Tap(3, 0, 2, ()))
    for at in range(0, len(asked), 7):  # in whatever pieces it comes
        made.write(asked[at : at + 7])
    told = heard(made)
    assert told[:2] == [Failure(2, REFUSED), TapClosed(3, REFUSED)]
    assert Pong(1, 1_700_000_000_123_456_789) in told


@pytest.mark.parametrize("printed_by_date", ["1700000000%N", "1700000000N", "1700000000"])
def test_a_date_without_nanoseconds_tells_whole_seconds(printed_by_date: str) -> None:
    shell = FakeShell({**FACTS, **look()})
    shell.clock = printed_by_date
    made = PlainProcess(shell, TOKEN, "vm1", every_s=0)
    made.write(encode(Ping(5)))
    assert Pong(5, 1_700_000_000_000_000_000) in heard(made)


def test_which_way_a_frame_went_is_told_by_its_source() -> None:
    own, other = b"\x02" * 6, b"\x04" * 6
    nic, port = Spot("eth0", "", {own}), Spot("veth-c1", "", {own}, {other})
    frames = {"own": bytes(6) + own, "other": bytes(6) + other}
    assert [nic.outbound(frames["own"]), nic.outbound(frames["other"])] == [True, False]
    assert [port.outbound(frames["own"]), port.outbound(frames["other"])] == [True, False]


@pytest.mark.parametrize("links", [127, "not json", '[{"ifname": "x"}]'])
def test_without_an_ip_that_writes_json_there_is_no_picture(links: object) -> None:
    with pytest.raises(HostError, match="no ip that writes JSON") as caught:
        heard(process({**FACTS, **look(links=links)}))
    assert caught.value.state is HostState.NO_PYTHON


def test_rules_that_cannot_be_read_say_why() -> None:
    found = heard(process({**FACTS, **look(saved=4)}))
    [told] = deltas(found, Section.FILTERS)
    assert [(row.backend, row.error) for row in rows(told)] == [("nft", "it said no")]  # type: ignore[union-attr]


def test_a_host_cannot_forge_parts_without_the_token() -> None:
    parts = cut(f"\nother < links\nx\n\nother > 0\n\n{TOKEN} < name\nvm1\n\n{TOKEN} > 0\n", TOKEN)
    assert {name: part.first for name, part in parts.items()} == {"name": "vm1"}


def test_a_host_that_prints_beginnings_without_ends_keeps_nobody_busy() -> None:
    """It knows the token; two million beginnings are read in one pass."""
    assert cut(f"\n{TOKEN} < a" * 2_000_000 + f"\n{TOKEN} > 0", TOKEN).keys() == {"a"}


def test_odd_addresses_and_statuses_are_no_traceback() -> None:
    made = process({**FACTS, **look(links=[{**LINKS[1], "address": "no mac"}])})
    heard(made)
    assert made._spot(0, 2) == Spot("eth0", "", {b""}, set())
    assert cut(f"\n{TOKEN} < a\nx\n{TOKEN} > {'9' * 5000}", TOKEN)["a"].failed


def test_odd_routes_and_rules() -> None:
    hops = [{"gateway": "10.5.7.2", "dev": "eth0", "weight": 3, "flags": ["dead"]}, {"dev": "gone", "weight": 1}]
    [multipath, host, second] = routes(
        [{"dst": "10.1.0.0/16", "nexthops": hops}, {"dst": "10.9.9.9"}, {"dst": "10.9.9.9", "table": "77"}], {"eth0": 2}
    )
    assert [(hop.oif, hop.gateway, hop.weight) for hop in multipath.nexthops] == [(2, "10.5.7.2", 3), (0, "", 1)]
    assert (host.dst, second.table) == ("10.9.9.9/32", 77)
    [rule] = rules([{"priority": 5, "src": "10.1.0.0", "srclen": 16, "table": "main", "fwmark": "0x10", "not": None}])
    assert (rule.src, rule.table, rule.mark, rule.mask, rule.inverted) == ("10.1.0.0/16", 254, 16, 0xFFFFFFFF, True)


def test_the_script_is_safe_for_login_shells() -> None:
    """What a login shell has to understand is one line without what csh and fish would treat; the rest goes to sh."""
    line = command(len(script(TOKEN, sudo=True)))
    assert not set(line) & set("!\\\n")
    text = script(TOKEN, sudo=False).decode()
    assert f"t={TOKEN}" in text
    assert not [word for word in ("SYSCTLS", "PROGRAMS", "TOOLS", "SUDO", "TOKEN") if word in text]
    assert msgspec.json.encode(text)
