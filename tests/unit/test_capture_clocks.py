"""Clocks of made-up hosts whose truth is known: what is shown is within its error of it, whatever the wire is like."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from hostgw.capture.clocks import MAX_ECHOES, MAX_PAIRS, MAX_SLOTS, SLOT_NS, UNKNOWN, Clock, Clocks, Timing
from hostgw.capture.frames import decode
from hostgw.capture.journey_rows import elapsed, hop_rows
from hostgw.capture.journeys import BRIDGE, NIC, JourneyView, Sighting
from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.ssh.clock import drift_ns
from hostgw.wire import Captured
from tests.unit.capture_frames import echo, frame, ipv4

S, MS, US = 1_000_000_000, 1_000_000, 1_000
HOSTS = ("vm1", "vm2", "vm3")
POINTS = {
    tap: TapPoint(host, 0, index, name, order=order)
    for tap, (host, (index, name, order)) in enumerate(
        (host, place) for host in HOSTS for place in ((2, "eth0", NIC), (3, "br0", BRIDGE))
    )
}
FRAME = decode(frame(ipv4(1, echo(1))))
ERROR = 300 * US


@dataclass
class World:
    """Hosts with clocks that are off, and what SSH says of them: wrong, within its error."""

    ahead: dict[str, Callable[[int], int]]
    echoes: dict[str, Clock]
    clocks: Clocks = field(default_factory=Clocks)
    serials: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        for host, clock in self.echoes.items():
            self.clocks.heard(host, clock, 1)

    def seen(self, host: str, at_ns: int, *, outbound: bool, order: int = NIC) -> Sighting:
        tap = next(tap for tap, point in POINTS.items() if (point.host, point.order) == (host, order))
        stamp = at_ns + self.ahead[host](at_ns)
        return Sighting(tap, stamp - self.echoes[host].offset_ns, outbound, FRAME, next(self.serials))

    def packet(self, here: str, there: str, at_ns: int, wire_ns: int) -> JourneyView:
        left, came = self.seen(here, at_ns, outbound=True), self.seen(there, at_ns + wire_ns, outbound=False)
        return JourneyView(left.serial, (left, came))

    def exchange(
        self, at_ns: int, there_ns: int, back_ns: int, here: str = "vm1", there: str = "vm2", turn_ns: int = 50 * US
    ) -> tuple[JourneyView, JourneyView]:
        request = self.packet(here, there, at_ns, there_ns)
        return request, self.packet(there, here, at_ns + there_ns + turn_ns, back_ns)

    def timing(self, view: JourneyView, *exchanges: tuple[JourneyView, JourneyView]) -> Timing:
        return self.clocks.timing(view, exchanges, POINTS.__getitem__)

    def learn(self, exchange: tuple[JourneyView, JourneyView]) -> None:
        self.clocks.learn(exchange, POINTS.__getitem__)


def world(*, vm2: int = 0, vm3: int = 0, wrong: int = 0, error: int = ERROR) -> World:
    """Return hosts whose clocks are ahead by so much; SSH tells that of vm2 wrong by `wrong`."""
    truth = {"vm1": 7 * S, "vm2": 7 * S + vm2, "vm3": 7 * S + vm3}
    echoes = {host: Clock(ahead + (wrong if host == "vm2" else 0), error) for host, ahead in truth.items()}
    return World({host: (lambda _at, ahead=ahead: ahead) for host, ahead in truth.items()}, echoes)


def wire(timing: Timing, view: JourneyView) -> tuple[int, int]:
    """The time on the wire as shown, and its error."""
    left, came = timing.applied(view).sightings
    return came.time_ns - left.time_ns, timing.error_ns(left.tap) + timing.error_ns(came.tap)


def test_a_probe_and_its_answer_serve_their_own_picture() -> None:
    w = world(vm2=-3 * S, wrong=200 * US)
    request, reply = w.exchange(S, 10 * US, 10 * US)
    timing = w.timing(request, (request, reply))
    assert wire(w.timing(request), request) == (-190 * US, 2 * ERROR)
    assert wire(timing, request) == (10 * US, 11 * US + drift_ns(70 * US))
    assert wire(timing, reply) == wire(timing, request)
    assert timing.applied(request).first == request.first, "the host where it begins keeps its times"
    assert wire(w.timing(reply, (request, reply)), reply)[0] == 10 * US


def test_what_is_shown_is_within_its_error_of_the_truth() -> None:
    chance = random.Random(5)
    for _ in range(500):
        w = world(vm2=chance.randrange(-S, S), wrong=chance.randrange(-2 * ERROR, 2 * ERROR))
        for n in range(chance.randrange(6)):
            w.learn(w.exchange(S + n * MS, chance.randrange(500 * US), chance.randrange(500 * US)))
        delay = chance.randrange(1, 400 * US)
        request, reply = w.exchange(S + 9 * MS, delay, chance.randrange(400 * US))
        for exchanges in ((), ((request, reply),)):
            shown, error = wire(w.timing(request, *exchanges), request)
            assert abs(shown - delay) <= error <= 2 * ERROR


def test_the_closest_exchange_is_used_not_the_newest() -> None:
    w = world(wrong=100 * US)
    w.learn(w.exchange(S, 6 * US, 4 * US))
    for n in range(1, 20):
        w.learn(w.exchange(S + n * MS, 40 * US, 290 * US))
    lost = w.packet("vm1", "vm2", S + 20 * MS, 9 * US)
    shown, error = wire(w.timing(lost), lost)
    assert shown == 8 * US
    assert abs(shown - 9 * US) <= error < 10 * US


def test_what_ssh_contradicts_is_not_believed() -> None:
    w = world()
    liar = World({**w.ahead, "vm2": lambda _at: 7 * S + 5 * MS}, w.echoes, w.clocks)
    w.learn(liar.exchange(S, 10 * US, 10 * US))
    request, reply = liar.exchange(S, 10 * US, 10 * US)
    for timing in (w.timing(request), w.timing(request, (request, reply))):
        assert wire(timing, request)[1] == 2 * ERROR


@pytest.mark.parametrize("stamp", [-(1 << 63), (1 << 63) - 1, 0, S - 11 * US])
def test_hostile_stamps_neither_break_nor_teach_anything(stamp: int) -> None:
    w = world()
    request, reply = w.exchange(S, 10 * US, 10 * US)
    first, last = request.sightings
    odd = Sighting(last.tap, stamp, last.outbound, FRAME, last.serial)
    mad = request._replace(sightings=(first, odd))
    for exchange in ((mad, reply), (reply, request), (mad, mad), (request._replace(ambiguous=1), reply)):
        w.learn(exchange)
        assert wire(w.timing(mad, exchange), mad)[1] == 2 * ERROR
    assert wire(w.timing(request), request)[1] == 2 * ERROR


def test_drift_widens_the_error_of_what_is_old() -> None:
    speed = 20  # ppm
    w = world()
    w.ahead["vm2"] = lambda at: 7 * S + at * speed // 1_000_000
    w.echoes = {host: Clock(clock.offset_ns, 50 * MS) for host, clock in w.echoes.items()}
    for host, clock in w.echoes.items():
        w.clocks.heard(host, clock, 1)
    last_error = 0
    for second in range(0, 900, 3):
        late = w.packet("vm1", "vm2", second * S, 9 * US)
        shown, error = wire(w.timing(late), late)
        assert abs(shown - 9 * US) <= error
        if second % 90 == 0:
            w.learn(w.exchange(second * S + MS, 5 * US, 5 * US))
        elif second % 90 == 3:
            last_error = error
            assert error < 200 * US
        elif second > 90:
            assert error > last_error


def test_hosts_that_never_spoke_are_joined_by_a_third() -> None:
    w = world(vm2=S, vm3=-S, wrong=250 * US)
    w.learn(w.exchange(S, 4 * US, 6 * US, "vm1", "vm2"))
    w.learn(w.exchange(S, 6 * US, 4 * US, "vm3", "vm2"))
    lost = w.packet("vm1", "vm3", S + MS, 30 * US)
    shown, error = wire(w.timing(lost), lost)
    assert abs(shown - 30 * US) <= error < 15 * US


def test_times_within_a_host_do_not_move_when_ssh_learns_better() -> None:
    w = world()
    early = w.seen("vm1", S, outbound=False, order=BRIDGE)
    better = Clock(w.echoes["vm1"].offset_ns - 90 * US, 100 * US)
    w.clocks.heard("vm1", better, early.serial + 1)
    w.echoes["vm1"] = better
    late = w.seen("vm1", S + 8 * US, outbound=True)
    view = JourneyView(1, (early, late))
    assert [row.delta for row in hop_rows(view, POINTS)] == ["0µs", "98µs"]
    assert [row.delta for row in hop_rows(w.timing(view).applied(view), POINTS)] == ["0µs", "8µs"]


def test_what_is_kept_is_bounded() -> None:
    clocks = Clocks()
    serial = 0
    for n in range(MAX_ECHOES * 2):
        clocks.heard("vm1", Clock(n, 9), n)
    assert len(clocks._echoes["vm1"]._clocks) == MAX_ECHOES
    for n in range(MAX_PAIRS + 50):
        points = {0: TapPoint("vm1", 0, 2, "eth0", order=NIC), 1: TapPoint(f"x{n}", 0, 2, "eth0", order=NIC)}
        serial += 2
        there = JourneyView(serial, (Sighting(0, S, True, FRAME, serial), Sighting(1, S + 5, False, FRAME, serial)))
        back = JourneyView(serial, (Sighting(1, S + 6, True, FRAME, serial), Sighting(0, S + 9, False, FRAME, serial)))
        clocks.learn((there, back), points.__getitem__)
    assert len(clocks._crossings) == MAX_PAIRS
    w = world()
    for n in range(MAX_SLOTS * 3):
        w.learn(w.exchange(n * SLOT_NS, US, US))
    (slots,) = w.clocks._crossings.values()
    assert list(slots) == list(range(MAX_SLOTS * 2, MAX_SLOTS * 3))


def test_times_between_hosts_as_text() -> None:
    w = world()
    view = w.packet("vm1", "vm2", S, 40 * US)
    first, last = view.sightings
    found = [elapsed(first, last, POINTS, lambda _tap, e=error: e) for error in (0, US, 25 * US, UNKNOWN.error_ns)]  # type: ignore[misc]
    assert found == ["40µs", "40µs±2µs", "~40µs±50µs", "~40µs±?"]
    assert elapsed(last, first, POINTS, lambda _tap: US) == "~-40µs±2µs"


def test_no_echo_yet_means_no_bound() -> None:
    w = world()
    view = w.packet("vm1", "vm2", S, 40 * US)
    silent = Clocks()
    assert silent.timing(view, (), POINTS.__getitem__).error_ns(view.last.tap) >= UNKNOWN.error_ns


def test_a_capture_learns_from_pings_and_serves_those_that_are_lost() -> None:
    """vm2's clock is told 150 µs wrong, so that packets seem to come in before they leave."""
    echoes = {"vm1": Clock(0, ERROR), "vm2": Clock(150 * US, ERROR)}
    nics = [point for point in POINTS.values() if point.order == NIC][:2]
    capture = Capture(lambda _host, _request: None, dict.fromkeys(HOSTS, ()), clock=echoes.__getitem__)
    capture.add(nics)

    def passes(sequence: int, reply: bool, at_ns: int, here: str, there: str) -> None:
        ends = ("10.239.1.2", "10.239.0.2") if reply else ("10.239.0.2", "10.239.1.2")
        data = frame(ipv4(1, echo(sequence, reply=reply), *ends, ip_id=sequence + 100 * reply))
        capture.feed(here, [Captured(1, at_ns, len(data), True, data)])
        capture.feed(there, [Captured(1, at_ns + 8 * US, len(data), False, data)])

    passes(1, False, S, "vm1", "vm2")
    passes(1, True, S + 30 * US, "vm2", "vm1")
    passes(2, False, 2 * S, "vm1", "vm2")
    capture.pump()
    ping, _, lost = capture.view().journeys
    timing = capture.timing(lost)
    points = dict(enumerate(nics))
    assert [row.delta for row in hop_rows(lost, points, error_ns=lambda _tap: ERROR)] == ["0µs", "~-142µs±600µs"]
    assert [row.delta for row in hop_rows(timing.applied(lost), points, error_ns=timing.error_ns)] == [
        "0µs", "~8µs±59µs",
    ]  # fmt: skip
    assert wire(capture.timing(ping), ping)[1] < 10 * US
    saved = io.BytesIO()
    assert capture.save(saved) == 6
    assert lost.last.time_ns == 2 * S + 8 * US - 150 * US, "what is kept and saved stays as SSH told it"
    capture.clear()
    assert wire(capture.timing(lost), lost)[1] < 2 * ERROR, "clocks are no journeys: clearing keeps them"
