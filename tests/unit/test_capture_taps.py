from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from hostgw.capture import journeys
from hostgw.capture import taps as capture_taps
from hostgw.capture.bpf import FourTuple
from hostgw.capture.clocks import Clock
from hostgw.capture.dissect import Dissector, Fed
from hostgw.capture.pcapng import Writer
from hostgw.capture.tap_points import TapPoint, TapState
from hostgw.capture.taps import Capture
from hostgw.capture.view import Settings
from hostgw.errors import CaptureError
from hostgw.wire import Captured, Tap, TapClosed, TapReady, TapStats, Untap
from tests.unit.capture_frames import echo, frame, ipv4

S = 1_000_000_000
OURS = FourTuple("10.5.7.1", 50000, "10.5.7.60", 22)
BR0 = TapPoint("vm1", 0, 3, "br0", order=journeys.BRIDGE, bridge=True)
NIC = TapPoint("vm1", 0, 2, "eth0", order=journeys.NIC, underlay=True)
FAR = TapPoint("vm2", 0, 2, "eth0", order=journeys.NIC, underlay=True)


class Hosts:
    """Takes what a capture sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Tap | Untap]] = []

    def send(self, host: str, request: Tap | Untap) -> None:
        self.sent.append((host, request))

    def taps(self) -> list[tuple[str, int, int]]:
        return [(host, r.tap, r.index) for host, r in self.sent if isinstance(r, Tap)]


def seen(number: int, ttl: int, time_ns: int = S, sequence: int = 1, *, outbound: bool = False) -> Captured:
    return Captured(number, time_ns, 82, outbound, frame(ipv4(1, echo(sequence), ttl=ttl, ip_id=sequence)))


def capture(hosts: Hosts, **options: Any) -> Capture:
    return Capture(hosts.send, options.pop("sessions", {"vm1": (OURS,), "vm2": ()}), **options)


def wait_for(fact: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (found := fact()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)
    return found


def test_taps_are_numbered_per_host_and_share_one_filter() -> None:
    hosts = Hosts()
    c = capture(hosts, settings=Settings(expression="icmp", snaplen=10))
    assert c.add([BR0, NIC, FAR]) == [0, 1, 2]
    assert hosts.taps() == [("vm1", 1, 3), ("vm1", 2, 2), ("vm2", 1, 2)]
    programs = {r.program for _, r in hosts.sent if isinstance(r, Tap)}
    assert len(programs) == 1
    assert next(iter(programs))[-2][3] in (0, capture_taps.MIN_SNAPLEN)


def test_underlay_without_ssh_connection_is_refused() -> None:
    hosts = Hosts()
    c = capture(hosts, sessions={"vm1": None, "vm2": ()})
    with pytest.raises(CaptureError, match="SSH_CONNECTION") as caught:
        c.add([BR0, NIC])
    assert caught.value.host == "vm1"
    assert hosts.sent == []
    c.add([BR0, FAR])
    assert len(hosts.sent) == 2


def test_frames_become_journeys_across_hosts_with_clocks_corrected() -> None:
    c = capture(Hosts(), clock=lambda host: Clock(5 * S, 9) if host == "vm2" else Clock())
    c.add([BR0, NIC, FAR])
    c.feed("vm2", [seen(1, 63, 6 * S + 20)])
    c.feed("vm1", [seen(1, 64)])
    c.feed("vm1", [seen(2, 63, S + 10, outbound=True)])
    c.feed("vm1", [seen(77, 63)])
    c.feed("stranger", [seen(1, 63)])
    assert c.pump() == 5
    view = c.view()
    (journey,) = view.journeys
    assert [(s.tap, s.time_ns) for s in journey.sightings] == [(0, S), (1, S + 10), (2, S + 20)]
    assert (view.total, view.frames, [t.received for t in view.taps]) == (1, 3, [1, 1, 1])
    assert c.timing(journey).error_ns(2) == 9
    assert c.info(journey).text == "echo request id 5 seq 1"
    assert c.raw(journey.first) == seen(1, 64).data
    assert c.details(journey.first) == ()


def test_tap_messages_change_states() -> None:
    c = capture(Hosts())
    c.add([BR0, FAR])
    c.feed("vm1", TapReady(1, "ring"))
    c.feed("vm1", TapStats(1, 100, 5, 2))
    c.feed("vm2", TapClosed(1, "no \x1b[2J permission"))
    c.feed("vm2", TapReady(9))
    first, second = c.view().taps
    assert (first.state, first.via, first.packets, first.drops, first.limited) == (TapState.OPEN, "ring", 100, 5, 2)
    assert (second.state, second.reason) == (TapState.CLOSED, "no \\x1b[2J permission")


def test_lost_host_closes_its_taps() -> None:
    c = capture(Hosts())
    c.add([BR0, FAR])
    c.lost("vm2", "connection lost")
    assert [(t.state, t.reason) for t in c.view().taps] == [
        (TapState.OPENING, ""),
        (TapState.CLOSED, "connection lost"),
    ]


def test_a_new_session_arms_every_tap_anew() -> None:
    hosts = Hosts()
    c = capture(hosts)
    c.add([BR0, NIC, FAR])
    c.feed("vm1", TapReady(1))
    hosts.sent.clear()
    c.rearm({"vm1": (OURS, OURS._replace(client_port=50001)), "vm2": None})
    requests = [(host, type(r).__name__, r.tap) for host, r in hosts.sent]
    assert requests == [
        ("vm1", "Untap", 1), ("vm1", "Tap", 3), ("vm1", "Untap", 2), ("vm1", "Tap", 4), ("vm2", "Untap", 1),
    ]  # fmt: skip
    c.feed("vm1", TapClosed(1, "asked"))
    c.feed("vm1", [seen(1, 64), seen(3, 64, S + 1)])
    c.pump()
    view = c.view()
    assert [t.state for t in view.taps] == [TapState.OPENING, TapState.OPENING, TapState.CLOSED]
    assert view.taps[0].received == 2


def test_overflow_is_counted_and_never_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_taps, "MAX_QUEUED", 10)
    c = capture(Hosts())
    c.add([BR0])
    for n in range(4):
        c.feed("vm1", [seen(1, 64, S + n, n * 10 + k) for k in range(5)])
    c.pump()
    (status,) = c.view().taps
    assert (status.received, status.overflow) == (10, 10)
    c.feed("vm1", [seen(1, 64, S, 99)])
    assert c.pump() == 1


def test_many_threads_feed_while_the_screen_looks() -> None:
    hosts = Hosts()
    points = [TapPoint(f"vm{n}", 0, 2, "br0") for n in range(4)]
    c = capture(hosts, sessions={f"vm{n}": () for n in range(4)})
    c.add(points)
    c.start()

    def feed(host: int) -> None:
        for n in range(300):
            c.feed(f"vm{host}", [seen(1, 64 - host, S + n * 1000 + host, n)])

    threads = [threading.Thread(target=feed, args=(host,)) for host in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: c.view().frames == 1200)
    for thread in threads:
        thread.join()
    view = c.view(1000)
    assert view.total == 300
    assert all([s.tap for s in journey.sightings] == [0, 1, 2, 3] for journey in view.journeys)
    c.close()
    assert [type(r).__name__ for _, r in hosts.sent[-4:]] == ["Untap"] * 4


def test_save_and_record() -> None:
    sink, saved = io.BytesIO(), io.BytesIO()
    c = capture(Hosts(), record=Writer(sink))
    c.add([BR0, FAR])
    c.feed("vm1", [seen(1, 64, S + n, n) for n in range(5)])
    c.feed("vm1", TapStats(1, 5, 1))
    c.pump()
    assert c.save(saved) == 5
    c.close()
    for data in (sink.getvalue(), saved.getvalue()):
        assert b"vm1/br0" in data
        assert b"vm2/eth0" in data
    assert len(sink.getvalue()) == len(saved.getvalue())


def test_full_disk_ends_the_record_not_the_capture() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            if self.tell() > 100:
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    c = capture(Hosts(), record=Writer(Full()))
    c.add([BR0])
    c.feed("vm1", [seen(1, 64, S + n, n) for n in range(5)])
    c.pump()
    assert "No space left" in c.record_error
    assert c.view().frames == 5
    c.close()


def test_kept_frames_are_bounded() -> None:
    c = capture(Hosts(), settings=Settings(keep_bytes=3000))
    c.add([BR0])
    c.feed("vm1", [seen(1, 64, S + n, n) for n in range(100)])
    c.pump()
    assert c.save(io.BytesIO()) == 3000 // (82 + 250)
    newest, oldest = c.view(100).journeys[-1], c.view(100).journeys[0]
    assert c.raw(newest.first)
    assert not c.raw(oldest.first)


def fed(serial: int) -> Fed:
    return Fed(serial, 1, "vm1/br0", S + serial, 82, False, seen(1, 64, S, serial).data)


def test_without_tshark_the_capture_goes_on() -> None:
    c = capture(Hosts(), dissector=Dissector(command="no-such-tshark"))
    c.add([BR0])
    c.start()
    c.feed("vm1", [seen(1, 64)])
    journey = wait_for(lambda: c.view().journeys)[0]
    wait_for(lambda: (found := c.view().dissection) and "not installed" in found.state)
    assert c.info(journey).protocol == "ICMP"
    assert c.details(journey.first) == ()
    c.close()


def test_a_tshark_that_dies_is_given_up(tmp_path: Any) -> None:
    broken = tmp_path / "tshark"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    dissector = Dissector(command=str(broken))
    dissector.start()

    def given_up() -> bool:
        dissector.offer(fed(1))
        return "ended with" in dissector.statistics().state

    wait_for(given_up)
    assert not dissector.want(fed(2))
    dissector.close()


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
def test_dissector_restarts_and_keeps_serials() -> None:
    dissector = Dissector(restart_after=10)
    dissector.start()
    for serial in range(1, 36):
        assert dissector.offer(fed(serial))
    wait_for(lambda: dissector.statistics().dissected == 30 + 5)
    assert dissector.statistics().restarts == 3
    infos = {serial: dissector.info(serial) for serial in range(1, 36)}
    assert all(info and f"seq={serial}/" in info.text for serial, info in infos.items())
    details = dissector.details(12)
    assert details is not None
    assert [layer.name for layer in details][:4] == ["frame", "eth", "ip", "icmp"]
    dissector.close()
    assert dissector.statistics().state == "stopped"


def test_dissector_counts_what_is_above_the_budget() -> None:
    dissector = Dissector(budget=3)
    taken = [dissector.offer(fed(n)) for n in range(20)]
    assert 3 <= sum(taken) <= 6
    assert dissector.want(fed(99))
    assert dissector.statistics().skipped == 20 - sum(taken)
    dissector.close()
