"""The recording that comes with the program: it tells a story, and nothing of the machine where it was made."""

from __future__ import annotations

import gzip
import re
import time
from importlib.resources import as_file, files

import pytest

from hostgw.live.replay import Replay
from hostgw.recording.reader import Recording, read

MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def demo() -> Recording:
    with as_file(files("hostgw_tui") / "demo.jsonl.gz") as path:
        return read(path)


def test_it_breaks_twice_and_is_mended(demo: Recording) -> None:
    replay = Replay(demo)
    seen: list[set[str]] = []
    for moment in demo.moments:
        found = {f"{f.host} {f.code}" for f in replay.view_at(moment.time_ns).listed} if moment.notable else set()
        if moment.notable and (not seen or found != seen[-1]):
            seen.append(found)
    assert {"vm1 route-missing"} in seen
    assert {"vm1 route-missing", "vm1 masquerade-between-containers"} in seen
    assert seen[-1] == set()
    assert not demo.damage


def wait_for(replay: Replay, time_ns: int) -> None:
    """Wait until the picture of a moment is shown."""
    end = time.monotonic() + 30
    while replay._index != replay.recording.index(time_ns):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_jump_passes_is_told_with_its_own_time(demo: Recording) -> None:
    replay = Replay(demo)
    moments = {moment.time_ns / 1e9 for moment in demo.moments}
    middle = (demo.begin_ns + demo.end_ns) // 2
    replay.start()
    try:
        replay.seek(demo.end_ns)
        wait_for(replay, demo.end_ns)
        ends = {event.at for event in replay.events}
        assert len(ends) >= 3
        assert ends <= moments
        assert sum("route-missing" in event.what.text for event in replay.events) >= 2  # it came and went
        replay.seek(middle)
        wait_for(replay, middle)
        kept = {event.at for event in replay.events}
        assert kept
        assert kept == {at for at in ends if at <= demo.moments[demo.index(middle)].time_ns / 1e9}
    finally:
        replay.stop()


def test_packets_are_answered_lost_and_translated(demo: Recording) -> None:
    replay = Replay(demo)
    replay.start()
    try:
        replay.to_end()
        replay._captures.go(len(demo.moments) - 1)
        capture = replay.shown_capture
        assert capture
        capture.pump()
        journeys = capture.view(1000).journeys
        verdicts = {capture.verdict(journey).value for journey in journeys}
        assert {"answered", "unanswered"} <= verdicts or {"answered", "lost"} <= verdicts
        assert any(len({s.frame.source for s in journey.sightings}) > 1 for journey in journeys)
    finally:
        replay.stop()


def test_it_is_small_and_names_nothing_foreign() -> None:
    packed = (files("hostgw_tui") / "demo.jsonl.gz").read_bytes()
    assert len(packed) < MOST_BYTES
    raw = gzip.decompress(packed).decode()
    assert not re.search(r"/(work|check|root|home|tmp)\b|[0-9a-f]{8}-[0-9a-f]{4}-|-fc-", raw)
    assert set(re.findall(r'"hostname":"([^"]*)"', raw)) == {"vm1", "vm2", "vm3", "ext1"}
