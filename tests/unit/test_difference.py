"""Two taps of a packet side by side, and the ladder of a packet and its answer."""

from __future__ import annotations

from hostgw.capture.clocks import Timing
from hostgw.capture.difference import differences
from hostgw.capture.journeys import JourneyView
from hostgw.capture.ladder import Role, clock_words, exchanged, rungs
from tests.unit.journey_views import NIC1, NIC2, POINTS, back, outside, seen, there

EXACT = lambda _tap: 0  # noqa: E731


class Source:
    """A capture whose clocks are one."""

    def __init__(self, *views: JourneyView) -> None:
        self._views = {view.number: view for view in views}

    def journey(self, number: int) -> JourneyView | None:
        return self._views.get(number)

    def timing(self, view: JourneyView) -> Timing:
        told = [view, *(v for n in (view.request, view.reply) if (v := self.journey(n)))]
        times = {s.serial: s.time_ns for each in told for s in each.sightings}
        return Timing(times, {s.tap: 5000 * (POINTS[s.tap].host != "vm1") for each in told for s in each.sightings})


def test_differences_name_what_changed() -> None:
    rows = {row.name: row for row in differences(outside(), (0, 1), POINTS, str, EXACT)}
    changed = [name for name, row in rows.items() if row.differs]
    assert changed == ["source MAC", "destination MAC", "TTL", "source", "ICMP id"]
    assert (rows["source"].first, rows["source"].second) == ("10.239.0.2", "10.5.7.60")
    assert rows["time"].note == "254µs from the first to the second"
    assert "checksum" not in rows


def test_differences_of_taps_that_share_a_stamp() -> None:
    rows = differences(there(), (1, 2), POINTS, lambda mac: f"owner {mac[-1]}", EXACT)
    assert rows[0].note == "= one stamp for both taps"
    assert not any(row.differs for row in rows)
    assert "owner 1" in rows[2].first


def test_differences_tell_pieces_and_errors() -> None:
    view = there()._replace(pieces=(1, 1, 1, 1, 4, 1, 1, 1))
    rows = {row.name: row for row in differences(view, (3, 4), POINTS, str, lambda _tap: 10_000)}
    assert (rows["frames"].first, rows["frames"].second, rows["frames"].differs) == ("1", "4", True)
    assert rows["time"].note.startswith("~13µs±20µs")


def test_a_ladder_is_the_same_from_both_ends() -> None:
    request, reply = there(1, reply=2), back(2, 1)
    source = Source(request, reply)
    one, other = exchanged(source, request, POINTS), exchanged(source, reply, POINTS)
    assert one == other
    assert [role for role, _ in one.packets] == [Role.REQUEST, Role.REPLY]
    found = rungs(one, POINTS, str)
    assert [rung.since_ns // 1000 for rung in found] == [0, 9, 9, 57, 70, 94, 95, 111, 130, 142, 155, 160]
    assert [rung.start is None for rung in found] == [True, *[False] * 7, True, *[False] * 3]
    assert found[2].delta == "="
    assert found[3].changed == ("TTL 64→63", "MAC 02:00:00:00:00:03→02:00:00:00:00:04")
    assert found[4].delta == "13µs±5µs"
    assert clock_words(one, POINTS) == "by vm1's clock; vm2 ±5µs"


def test_an_icmp_error_is_tied_to_its_packet() -> None:
    request = there(1, upto=4, error=3)
    error = JourneyView(3, (seen(NIC2, 300, 64, out=True, macs=(4, 3)), seen(NIC1, 310, 64, out=False, macs=(4, 3))), 1)
    found = exchanged(Source(request, error), request, POINTS)
    assert [view.number for _, view in found.packets] == [1, 3]
    assert found.error_ns(NIC2) == 5000
    assert exchanged(Source(request, error), error, POINTS) == found


def test_what_is_no_longer_kept_is_left_out() -> None:
    assert len(exchanged(Source(back(2, 1)), back(2, 1), POINTS).packets) == 1
    assert clock_words(exchanged(Source(), there(1, upto=2), POINTS), POINTS) == ""


def test_translations_are_told_with_both_addresses() -> None:
    found = rungs(exchanged(Source(outside()), outside(), POINTS), POINTS, str)
    assert "SNAT 10.239.0.2→10.5.7.60" in found[1].changed
    assert "ICMP id 77→99" in found[1].changed
