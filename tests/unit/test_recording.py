"""Recordings: what is written is read back, at every moment; what is damaged costs as little as it can."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hostgw.capture.tap_points import TapPoint
from hostgw.errors import UsageError
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Route
from hostgw.recording import reader
from hostgw.recording.lines import FORMAT, HostLine, Point, Told, cleaned, decode, encode
from hostgw.recording.reader import Recording, read
from hostgw.recording.tape import Tape
from hostgw.wire import Delta, Drops, Ready, Section, Synced
from tests.bench.great import greet
from tests.fabrics import delta, healthy

S = 1_000_000_000
FABRIC = healthy(2)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ns = 1_700_000_000 * S

    def __call__(self) -> int:
        return self.ns


def lost_route(name: str) -> Delta:
    """The host's routes without the one to the other's subnet."""
    kept = [row for row in FABRIC.hosts[name].root.table(Section.ROUTES).values() if isinstance(row, Route)]
    return delta(Section.ROUTES, [row for row in kept if row.dst != "10.239.1.0/24"])


def recorded(path: Path, more: Callable[[Tape, Clock], None] = lambda _tape, _clock: None) -> Recording:
    clock = Clock()
    tape = Tape(path, Told("10.239.0.0/16"), now_ns=clock)
    for host in FABRIC.hosts.values():
        greet(tape, host)
    clock.ns += 10 * S
    tape.message("vm1", lost_route("vm1"))
    clock.ns += 10 * S
    more(tape, clock)
    tape.close()
    return read(path)


def destinations(recording: Recording, index: int) -> set[str]:
    return {route.dst for route in recording.at(index).fabric.hosts["vm1"].root.routes}


def test_every_moment_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "r"
    recording = recorded(path, lambda tape, _: tape.state("vm2", HostState.UNREACHABLE, "no route to host"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert recording.header.told.network == "10.239.0.0/16"
    assert [moment.time_ns - recording.begin_ns for moment in recording.moments] == [0, 10 * S, 20 * S]
    for index in (2, 0, 1):  # also back
        assert ("10.239.1.0/24" in destinations(recording, index)) == (index == 0)
    assert recording.at(0).fabric.hosts["vm2"].readable
    gone = recording.at(2).fabric.hosts["vm2"]
    assert (gone.state, gone.error, gone.readable) == (HostState.UNREACHABLE, "no route to host", True)
    assert gone.changed_at == recording.begin_ns / S


def test_a_host_that_comes_back_keeps_its_picture_until_the_new_one_is_whole(tmp_path: Path) -> None:
    def again(tape: Tape, clock: Clock) -> None:
        snapshot = FABRIC.hosts["vm1"].snapshot
        assert snapshot
        tape.message("vm1", Ready(snapshot.facts))
        clock.ns += S
        tape.message("vm1", delta(Section.ROUTES, []))
        clock.ns += S
        tape.message("vm1", Synced())

    recording = recorded(tmp_path / "r", again)
    assert destinations(recording, 3) == destinations(recording, 1) != set()
    assert destinations(recording, 4) == set()
    assert recording.at(4).fabric.hosts["vm1"].rounds == 2


def test_steps_go_to_what_changed(tmp_path: Path) -> None:
    def counted(tape: Tape, clock: Clock) -> None:
        for _ in range(5):
            tape.heard("vm1", 1000, 0)
            tape.message("vm1", delta(Section.COUNTERS, []))
            clock.ns += S
        tape.said("ip route add")

    recording = recorded(tmp_path / "r", counted)
    assert recording.notable(0, 1) == 1
    assert recording.notable(1, 1) == len(recording.moments) - 1
    assert recording.notable(len(recording.moments) - 1, -1) == 1
    assert recording.notable(0, -1) == 0


def test_time_may_begin_at_nothing(tmp_path: Path) -> None:
    """As in a snapshot that was made to be compared."""
    path = tmp_path / "r"
    recorded(path)
    lines = [json.loads(line) | {"time_ns": 0} for line in path.read_bytes().splitlines()]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    recording = read(path)
    assert len(recording.moments) == 1
    assert set(recording.at(0).fabric.hosts) == {"vm1", "vm2"}


def test_time_is_found(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "r")
    assert recording.index(0) == 0
    assert recording.index(recording.begin_ns + 9 * S) == 0
    assert recording.index(recording.begin_ns + 10 * S) == 1
    assert recording.index(recording.end_ns + 99 * S) == 1


def test_a_clock_that_is_set_back_does_not_turn_time_back(tmp_path: Path) -> None:
    def back(tape: Tape, clock: Clock) -> None:
        clock.ns -= 3600 * S
        tape.state("vm2", HostState.STALE, "silent")

    times = [moment.time_ns for moment in recorded(tmp_path / "r", back).moments]
    assert times == sorted(times)


def test_packed_and_cut_files_are_read(tmp_path: Path) -> None:
    recorded(tmp_path / "r")
    raw = (tmp_path / "r").read_bytes()
    (tmp_path / "packed").write_bytes(gzip.compress(raw))
    (tmp_path / "cut").write_bytes(raw[:-5])
    assert destinations(read(tmp_path / "packed"), 1) == destinations(read(tmp_path / "r"), 1)
    assert len(read(tmp_path / "cut").moments) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b'{"record":"synced","time_ns":1,"host":"a"}\n', "no header"),
        (b'{"record":"header","format":9,"version":"","time_ns":0}\n', "format 9"),
        (b'{"record":"header","format":1,"version":"","time_ns":0}\n', "nothing of any host"),
        (b'{"record":"header","format":1,"version":"","time_ns":0}\n' * 2, "line 2: a second header"),
        (b'{"record":"header","format":1,"version":"","time_ns":0}\n{}\n', "line 2"),
        (b"\x1f\x8bnonsense", ""),
        (b"\x1b[2J\n", "line 1"),
    ],
)
def test_what_is_no_recording_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "bad")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_line_that_makes_no_sense_costs_only_itself(tmp_path: Path) -> None:
    recorded(tmp_path / "r")
    lines = (tmp_path / "r").read_bytes().splitlines(keepends=True)
    for_nobody = encode(HostLine(0, "x", HostState.UP)).replace(b'"host","time_ns"', b'"synced","time_ns"')
    bad = json.loads(lines[-1])
    bad["delta"]["put"] = [{"dst": "no prefix"}]
    (tmp_path / "bad").write_bytes(b"".join([*lines, json.dumps(bad).encode() + b"\n", for_nobody]))
    recording = read(tmp_path / "bad")
    assert destinations(recording, len(recording.moments) - 1) == destinations(read(tmp_path / "r"), 1)
    assert recording.damage


def test_nothing_is_overwritten_and_a_full_file_ends(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        Tape(tmp_path / "there", Told())
    assert (tmp_path / "there").read_text() == "precious"
    with pytest.raises(UsageError, match="cannot be written"):
        Tape(tmp_path / "absent" / "file", Told())
    tape = Tape(tmp_path / "small", Told(), most=500)
    for number in range(100):
        tape.said(f"command {number}")
    assert "it has reached" in tape.error
    assert (tmp_path / "small").stat().st_size <= 500
    assert read(tmp_path / "small").moments


def test_text_of_others_passes_the_gate() -> None:
    line = decode(encode(HostLine(0, "vm1", HostState.UP, "\x1b[2J\u202e" * 3)))
    assert isinstance(line, HostLine)
    assert line.error.isprintable()
    assert cleaned(("\x07", 3)) == ("\\x07", 3)


def test_frames_and_drops_travel(tmp_path: Path) -> None:
    point = TapPoint("vm1", 0, 2, "eth0", order=3, addresses=frozenset({1, 1 << 120}), near=frozenset({7}))
    assert Point.of(point).point() == point
    clock = Clock()
    tape = Tape(tmp_path / "r", Told(), now_ns=clock)
    frames = tape.capture([point], "icmp")
    frames.write(0, 5, 60, True, b"\x00\xff" * 30)
    frames.dropped("vm1", Drops(((1000, "NETFILTER_DROP", "nf"),)), 400)
    frames.statistics(0, 9, 1, 0)
    frames.close()
    tape.close()
    records = [json.loads(line) for line in (tmp_path / "r").read_bytes().splitlines()]
    assert [r["record"] for r in records] == ["header", "capture", "drops", "frames", "taps", "capture-end"]
    assert records[0]["format"] == FORMAT
    assert records[2]["rows"] == [[600, "NETFILTER_DROP", "nf"]]
    assert records[3]["rows"][0][:4] == [0, 5, 60, True]


def test_a_long_recording_keeps_few_states_and_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KEEP_EVERY", 1), ("LEAST_KEPT", 3), ("KEPT_OF_A_HOST", 8)):
        monkeypatch.setattr(reader, name, value)

    def flapping(tape: Tape, clock: Clock) -> None:
        for turn in range(40):
            clock.ns += S
            whole = FABRIC.hosts["vm1"].root.table(Section.ROUTES).values()
            tape.message("vm1", delta(Section.ROUTES, whole) if turn % 2 == 0 else lost_route("vm1"))

    recording = recorded(tmp_path / "r", flapping)
    last = len(recording.moments) - 1
    forwards = [destinations(recording, index) for index in range(last + 1)]
    assert len(recording._kept) <= 6
    assert [destinations(recording, index) for index in range(last, -1, -1)] == forwards[::-1]
    assert len({frozenset(each) for each in forwards}) == 2
