"""A capture on many hosts: taps out, frames in, journeys and counters for the screen.

Sessions call `feed` from their own threads and are never held up: a bounded queue takes the frames, one worker decodes
and correlates them, and what does not fit is counted. The screen calls `view` as often as it paints, and asks for each
journey in sight: it waits for no lock then. The worker alone alters journeys and only adds to them, so what a reader
copies of one is what it was a moment ago. The capture knows no session: it is given a callable that sends a request to
a host, and one that tells a host's clock offset.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from hostgw.capture import pcapng
from hostgw.capture.clocks import Clock, Clocks, Timing
from hostgw.capture.correlate import Correlator
from hostgw.capture.describe import describe, protocol
from hostgw.capture.dissect import Dissector, Fed
from hostgw.capture.fair import FairLock
from hostgw.capture.frames import Frame, decode
from hostgw.capture.journeys import JourneyView, Sighting, Verdict
from hostgw.capture.pyshark_adapter import Info, Layer
from hostgw.capture.raw import Raw, RawRing
from hostgw.capture.tap_points import TapPoint, TapStatus
from hostgw.capture.tap_table import Arming, Sessions, TapTable
from hostgw.capture.verdicts import verdict
from hostgw.capture.view import DEFAULTS, Settings, View
from hostgw.capture.witness import Dropped, fitting
from hostgw.clean import clean
from hostgw.errors import CaptureError
from hostgw.wire import Captured, Drops, Tap, TapClosed, TapReady, TapStats, Untap

MAX_QUEUED = 200_000
"""Frames that wait to be decoded."""
LAGGING = 2_000
"""Frames that wait when decoding is not up to what comes."""
SLICE = 200
"""Frames that are correlated under one lock; the screen waits no longer than that."""
SETTLED_NS = 500_000_000
"""Taps tell their frames in bursts; what began so long ago has been told of."""
MOST_DROPPED = 2_000
"""Drops by kernels that are remembered."""
MIN_SNAPLEN = 128
"""Headers and the payload bytes that recognise a packet."""

Send = Callable[[str, Tap | Untap], None]
Message = TapReady | TapStats | TapClosed | list[Captured]


class Record(Protocol):
    """Takes every frame as it comes: a file of some format."""

    def add_tap(self, tap: int, name: str, snaplen: int = 0) -> None:
        """Take a tap; again when it was opened anew."""

    def write(self, tap: int, time_ns: int, wire_length: int, outbound: bool, data: bytes) -> None:
        """Take a frame.

        Raises:
            OSError: it cannot be written; nothing more will be.
        """

    def statistics(self, tap: int, time_ns: int, received: int, dropped: int) -> None:
        """Take the totals of a tap, at the end."""


class Capture:
    """One capture, from its first tap to `close`."""

    record_error = ""
    """Why recording ended early, if it did."""

    def __init__(
        self,
        send: Send,
        sessions: Sessions,
        settings: Settings = DEFAULTS,
        clock: Callable[[str], Clock] = lambda _host: Clock(),
        dissector: Dissector | None = None,
        record: Record | None = None,
        now: Callable[[], int] = lambda: 0,
        numbers: dict[str, int] | None = None,
    ) -> None:
        """Prepare a capture.

        Args:
            send: takes a request to a host; must not block.
            sessions: our SSH connections by host as the hosts see them; empty for `local`, None where unknown.
            settings: filter and limits.
            clock: tells a host's clock offset.
            dissector: where frames go for names and details; started and closed by the capture.
            record: where every frame is written as it comes.
            now: tells our time in epoch nanoseconds, so that a wire which falls silent does not stop the judgement.
            numbers: the newest of a tap on each host; captures share them, lest old news of one pass for another's.

        Raises:
            CaptureError: the filter is refused.
        """
        self._send, self._clock, self._dissector, self._record = send, clock, dissector, record
        self._now = now
        self.settings = settings._replace(snaplen=max(settings.snaplen, MIN_SNAPLEN))
        self._arming = Arming(sessions, settings.expression, self.settings.snaplen)
        self._lock = FairLock()
        self._queue_lock = threading.Lock()
        self._taps = TapTable(numbers)
        self._queue: deque[tuple[str, list[Captured]]] = deque()
        self._queued = self._serial = 0
        self._raw = RawRing(settings.keep_bytes)
        self._correlator = Correlator(settings.journeys, settings.window_ns)
        self._clocks = Clocks()
        self._dropped: deque[Dropped] = deque(maxlen=MOST_DROPPED)
        self.blind: dict[str, str] = {}
        """Why no kernel tells of what it drops, by host; empty text where it does."""
        self._work = threading.Event()
        self._closing = False
        self._worker = threading.Thread(target=self._run, name="capture", daemon=True)

    def start(self) -> None:
        """Start decoding; without it, `pump` does so by hand."""
        if self._dissector is not None:
            self._dissector.start()
        self._worker.start()

    def add(self, points: Iterable[TapPoint]) -> list[int]:
        """Open taps; return their numbers within the capture.

        Raises:
            CaptureError: an underlay tap on a host whose own SSH connection is not known; none is opened then.
        """
        wanted = list(points)
        for point in wanted:
            self._arming.refuse_feedback(point)
        with self._lock:
            opened = [self._taps.add(point) for point in wanted]
        for status in opened:
            self._open(status)
        return [status.tap for status in opened]

    def rearm(self, sessions: Sessions) -> None:
        """Open every living tap anew with a filter that leaves out these sessions: some host connected again.

        An underlay tap whose host no longer tells its session is closed.
        """
        self._arming = Arming(sessions, self.settings.expression, self.settings.snaplen)
        with self._lock:
            living = self._taps.living()
            fresh = [self._taps.renumber(status.tap) for status in living]
        for old, new in zip(living, fresh, strict=True):
            self._send(old.point.host, Untap(old.number))
            try:
                self._arming.refuse_feedback(new.point)
            except CaptureError as error:
                self.feed(new.point.host, TapClosed(new.number, error.cause))
            else:
                self._open(new)

    def lost(self, host: str, reason: str) -> None:
        """Note that a host is gone, and its taps with it."""
        with self._lock:
            self._taps.lose(host, reason)

    def feed(self, host: str, message: Message) -> None:
        """Take what a host's session received; from any thread, returns at once."""
        if isinstance(message, list):
            self._take(host, message)
        else:
            with self._lock:
                self._taps.note(host, message, self._time())

    def dropped(self, host: str, message: Drops) -> None:
        """Take what a host's kernel says of packets it dropped."""
        offset = self._clock(host).offset_ns
        found = [Dropped(host, at - offset, clean(reason, 40), clean(place, 60)) for at, reason, place in message.rows]
        with self._lock:
            self.blind[host] = clean(message.error, 200)
            self._dropped.extend(found)

    def drop_of(self, view: JourneyView) -> Dropped | None:
        """Return the drop by a kernel that fits a packet where it was seen last."""
        with self._lock:
            known, told = tuple(self._dropped), self._kept(view.number) or view  # by the clocks that both have
        return fitting(known, told.last, self.point(told.last.tap))

    def pump(self) -> int:
        """Decode what is queued; return how many frames. For the worker, and for tests without it."""
        done = 0
        while self._queue:
            host, frames = self._queue.popleft()
            done += len(frames)
            for start in range(0, len(frames), SLICE):
                self._decode(host, frames[start : start + SLICE])
            with self._queue_lock:
                self._queued -= len(frames)
        return done

    def view(self, limit: int = 200) -> View:
        """Return the newest journeys, the taps and the counters."""
        correlator = self._correlator
        journeys = tuple(correlator.view(journey, self._taps.orders) for journey in correlator.newest(limit))
        counts = (correlator.count, self._serial, correlator.ambiguous, self._time())
        taps = tuple(self._taps)
        dissection = self._dissector.statistics() if self._dissector else None
        return View(journeys, taps, *counts, dissection)

    def journey(self, number: int) -> JourneyView | None:
        """Return one journey, if it is still kept."""
        return self._kept(number)

    def verdict(self, view: JourneyView) -> Verdict:
        """Return what became of a packet, as far as the taps can tell by now."""
        return verdict(view, self._time(), self._taps.sights, self.settings.window_ns)

    def _time(self) -> int:
        """Return the newest time that the taps have told, or ours when that is later."""
        return max(self._correlator.now_ns, self._now())

    def timing(self, view: JourneyView) -> Timing:
        """Return the times of a journey, of what it answers and of what answers it, by the clock where it begins."""
        with self._lock:
            self._learn()
            asked, answer = self._kept(view.request), self._kept(view.reply)
            exchanges = [*([(asked, view)] if asked else ()), *([(view, answer)] if answer else ())]
            return self._clocks.timing(view, exchanges, self.point)

    def point(self, tap: int) -> TapPoint:
        """Return where a tap is."""
        return self._taps[tap].point

    def _learn(self) -> None:
        """Learn of the clocks from packets whose answers have gone all their way by now."""
        waiting, settled = self._correlator.answered, self._correlator.now_ns - SETTLED_NS
        while waiting:
            request = self._kept(waiting[0])
            if request and request.first.time_ns > settled:
                return
            waiting.popleft()
            reply = self._kept(request.reply) if request else None
            if request and reply:
                self._clocks.learn((request, reply), self.point)

    def _kept(self, number: int) -> JourneyView | None:
        found = self._correlator.get(number)
        return self._correlator.view(found, self._taps.orders) if found else None

    def info(self, view: JourneyView) -> Info:
        """Return protocol and info text of a journey: tshark's if it has dissected any sighting, else our own."""
        for sighting in view.sightings:
            info = self._dissector.info(sighting.serial) if self._dissector else None
            if info is not None:
                return info
        frame = view.first.frame
        return Info(0, clean(protocol(frame), 16), clean(describe(frame), 200))

    def details(self, sighting: Sighting) -> tuple[Layer, ...] | None:
        """Return the dissected layers of a frame; None while tshark is at it, empty when there is nothing to come."""
        if self._dissector is None:
            return ()
        layers = self._dissector.details(sighting.serial)
        raw = self._raw.get(sighting.serial)
        if layers is not None or raw is None:
            return layers or ()
        return None if self._dissector.want(self._fed(raw)) else ()

    def raw(self, sighting: Sighting) -> bytes:
        """Return the captured bytes of a frame, or nothing when they are no longer kept."""
        raw = self._raw.get(sighting.serial)
        return raw.data if raw else b""

    def save(self, sink: pcapng.Sink) -> int:
        """Write all kept frames as pcapng; return how many."""
        with self._lock:
            frames, taps, now_ns = list(self._raw), list(self._taps), self._correlator.now_ns
        writer = pcapng.Writer(sink)
        for status in taps:
            writer.add_tap(status.tap, status.point.name, self.settings.snaplen)
        for raw in frames:
            writer.write(raw.tap, raw.time_ns, raw.wire_length, raw.outbound, raw.data)
        _write_statistics(writer, taps, now_ns)
        return writer.packets

    def clear(self) -> None:
        """Forget the journeys; taps stay open."""
        with self._lock:
            self._correlator.clear()

    def stop(self) -> None:
        """Ask the hosts to close the taps; frames that are under way still count."""
        with self._lock:
            living = self._taps.living()
        for status in living:
            self._send(status.point.host, Untap(status.number))

    @property
    def lags(self) -> bool:
        """More is waiting to be decoded than comes in a moment."""
        return self._queued > LAGGING

    @property
    def running(self) -> bool:
        """Some tap is not closed yet."""
        with self._lock:
            return bool(self._taps.living())

    def close(self) -> None:
        """Stop, decode what is queued, end the record and the dissection."""
        self.stop()
        self._closing = True
        self._work.set()
        if self._worker.ident:
            self._worker.join(10)
        self.pump()
        if self._record is not None and not self.record_error:
            _write_statistics(self._record, self._taps, self._correlator.now_ns)
        if self._dissector is not None:
            self._dissector.close()

    def _open(self, status: TapStatus) -> None:
        if self._record is not None:
            self._record.add_tap(status.tap, status.point.name, self.settings.snaplen)
        point, settings = status.point, self.settings
        limits = (settings.snaplen, settings.block_ms, settings.tap_bytes, settings.tap_rate)
        self._send(point.host, Tap(status.number, point.ns, point.index, self._arming.program, *limits))

    def _take(self, host: str, frames: list[Captured]) -> None:
        with self._queue_lock:
            fits = self._queued + len(frames) <= MAX_QUEUED
            self._queued += len(frames) if fits else 0
        if fits:
            self._queue.append((host, frames))
            self._work.set()
        else:
            self._overflow(host, frames)

    def _overflow(self, host: str, frames: list[Captured]) -> None:
        with self._lock:
            self._taps.overflow(self._taps.of(host), frames, self._time())

    def _run(self) -> None:
        while not self._closing:
            self._work.wait()
            self._work.clear()
            self.pump()

    def _decode(self, host: str, frames: list[Captured]) -> None:
        """Decode and correlate a batch. Frames of taps that we never opened are dropped."""
        clock = self._clock(host)
        decoded = [decode(frame.data) for frame in frames]
        with self._lock:
            self._clocks.heard(host, clock, self._serial + 1)
            fresh = self._correlate(host, clock.offset_ns, frames, decoded)
        if self._dissector is not None:
            for raw in fresh:
                self._dissector.offer(self._fed(raw))

    def _correlate(self, host: str, offset: int, frames: list[Captured], decoded: list[Frame]) -> list[Raw]:
        """Add frames to their journeys; return those that are the first of one. It runs for every frame: no calls."""
        correlator, keep, taps, fresh = self._correlator, self._raw.add, self._taps.of(host), []
        for (number, time_ns, wire_length, outbound, data), headers in zip(frames, decoded, strict=True):
            tap = taps.get(number)
            if tap is None:
                continue
            self._serial += 1
            raw = Raw(self._serial, tap, time_ns - offset, wire_length, outbound, data)
            keep(raw)
            if self._record is not None:
                self._write(raw)
            before = correlator.count
            correlator.add(tap, raw.time_ns, outbound, headers, raw.serial)
            if correlator.count > before:
                fresh.append(raw)
        self._taps.received(taps, frames)
        return fresh

    def _write(self, raw: Raw) -> None:
        if self._record is None or self.record_error:
            return
        try:
            self._record.write(raw.tap, raw.time_ns, raw.wire_length, raw.outbound, raw.data)
        except OSError as error:
            self.record_error = clean(f"recording ended: {error}", 120)

    def _fed(self, raw: Raw) -> Fed:
        name = self._taps[raw.tap].point.name
        return Fed(raw.serial, raw.tap, name, raw.time_ns, raw.wire_length, raw.outbound, raw.data)


def _write_statistics(writer: Record, taps: Iterable[TapStatus], now_ns: int) -> None:
    for status in taps:
        writer.statistics(status.tap, now_ns, status.packets, status.drops + status.limited + status.overflow)
