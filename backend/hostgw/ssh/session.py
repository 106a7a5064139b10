"""One host, kept connected: connect, start the agent, deliver what it says, connect again.

Each session has a thread that connects and reads, and one that writes; paramiko adds its own. None is the screen's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from hostgw.clean import clean
from hostgw.errors import HostError, HostgwError, ProtocolError, RefusedError, UsageError
from hostgw.model.host_state import HostState
from hostgw.ssh.backoff import Backoff
from hostgw.ssh.bootstrap import Started
from hostgw.ssh.calls import ANSWERS, Calls
from hostgw.ssh.clock import Clock, Sample
from hostgw.ssh.frames import FrameReader
from hostgw.ssh.fresh import Fresh
from hostgw.ssh.lifeline import Cut, Lifeline
from hostgw.ssh.options import Options
from hostgw.ssh.outbox import Outbox
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import Prompter
from hostgw.ssh.reach import Reach
from hostgw.ssh.remembering import Remembering
from hostgw.ssh.sink import Sink
from hostgw.ssh.target import Target
from hostgw.wire import Arm, Captured, Confirm, Extend, Pong, Ready, Reply, Request, RollBack, Start

TRANSIENT = {HostState.REFUSED, HostState.UNREACHABLE, HostState.TIMEOUT, HostState.STALE}
"""States that are tried again by themselves; the others wait for `Session.retry`."""

CHANGING = (Arm, Confirm, Extend, RollBack)
"""What a read-only session never sends."""

_LOG = logging.getLogger(__name__)
_NOT_CONNECTED = "the host is not connected"


class Session:
    """Keeps one host connected until it is closed. Start it with `start`."""

    def __init__(self, target: Target, options: Options, sink: Sink, prompter: Prompter, pool: Pool) -> None:
        self.target, self.options = target, options
        self._sink = sink
        self.reach = Reach(target, options, Remembering(prompter), pool)
        """The way to the host; a confirm takes it again, for it must come over a connection of its own."""
        self._calls, self._clock = Calls(target.name), Clock()
        self._backoff = Backoff(*options.backoff_s)
        self._life = Lifeline()
        self._again = threading.Event()
        self._outbox: Outbox | None = None
        self._thread = threading.Thread(target=self._run, name=f"session {target.name}", daemon=True)

    @property
    def host(self) -> str:
        """The host's name."""
        return self.target.name

    @property
    def clock(self) -> Sample | None:
        """Offset and round trip of the best recent echo."""
        return self._clock.best

    @property
    def address(self) -> str:
        """Where the host is, as far as ssh's settings tell."""
        return self.reach.address

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def retry(self) -> None:
        """Try again now, whatever the last attempt ended with."""
        self.reach.forget_refusals()
        self._again.set()

    def close(self, timeout: float = 5.0) -> None:
        """Close the connection, so that the agent ends, and end the threads."""
        self._life.cut()
        self._again.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def send(self, request: Request) -> None:
        """Send a request that has no reply of its own.

        Raises:
            RefusedError: it is a change, and this session is read-only.
            HostError: the host is not connected.
        """
        self._permit(request)
        outbox = self._outbox
        if outbox is None:
            raise HostError(HostState.STALE, _NOT_CONNECTED, "", "Wait until it is up.", self.host)
        outbox.put(request)

    def request(self, build: Callable[[int], Request], timeout: float = 10.0) -> Future[Reply]:
        """Send the request that `build` makes of an id; its reply, or a HostgwError, comes in the future.

        Raises:
            RefusedError: it is a change, and this session is read-only.
            HostError: the host is not connected.
        """
        number, future = self._calls.open(timeout)
        try:
            self.send(build(number))
        except HostgwError as error:
            self._calls.drop(number)
            raise error from None
        return future

    def fresh(self) -> Fresh:
        """Return a way to ask over a connection that is new.

        Raises:
            RefusedError: this session is read-only: it has nothing to confirm.
        """
        if self.options.read_only:
            raise self._refusal()
        return Fresh(self.reach, self.host)

    @property
    def asks_each_time(self) -> bool:
        """A person has to answer something at every login."""
        return self.reach.asks_each_time

    def _refusal(self) -> RefusedError:
        remedy = "Start without --read-only."
        return RefusedError("no change was made", "this session is read-only", remedy, self.host)

    def _permit(self, request: Request) -> None:
        if self.options.read_only and isinstance(request, CHANGING):
            raise self._refusal()

    def _run(self) -> None:
        """Attempt after attempt, until the session is closed."""
        self._tell(HostState.CONNECTING)
        while not self._life.is_cut:
            error = self._attempt()
            if error is None:
                return
            self._tell(error.state, error)
            self._pause(error.state)

    def _pause(self, state: HostState) -> None:
        """Wait for the next attempt: a while, or for `retry`."""
        if self._again.wait(self._backoff.next() if state in TRANSIENT else None):
            self._backoff.reset()
            if not self._life.is_cut:
                self._tell(HostState.CONNECTING)
        self._again.clear()

    def _tell(self, state: HostState, error: HostError | None = None) -> None:
        self._sink.state(self.host, state, str(error) if error else "", error)

    def _attempt(self) -> HostError | None:
        """Connect and deliver until that ends; None when the session was closed."""
        attempt = Lifeline()
        try:
            with self._life.holding(attempt.cut):
                self._serve(attempt)
        except Cut:
            return None
        except HostError as error:
            return None if self._life.is_cut else error
        except UsageError as error:
            return HostError(HostState.UNREACHABLE, error.what, error.cause, error.remedy, self.host)
        except OSError as error:
            return None if self._life.is_cut else self._lost(clean(str(error), 160))
        except Exception as error:  # whatever one host brings about, the others and the retries go on
            _LOG.exception("session with %s", self.host)
            return self._lost(clean(f"unexpected {type(error).__name__}: {error}", 160))
        finally:
            attempt.cut()
        return None

    def _serve(self, attempt: Lifeline) -> None:
        start = Start(
            self.options.heartbeat_s, self.options.reconcile_s, self.options.poll_s, read_only=self.options.read_only
        )
        agent = self.reach.agent(start, attempt)
        outbox = Outbox(agent.process, self._calls, self._clock, self.options.ping_s, self.host)
        try:
            self._read(agent, outbox)
        finally:
            self._outbox = None
            attempt.cut()
            outbox.stop()
            self._calls.fail_all(self._lost("the reply, if there was one, is lost"))

    def _read(self, agent: Started, outbox: Outbox) -> None:
        """Deliver messages until the stream ends, breaks or falls silent, each of which raises."""
        reader = FrameReader(agent.process, self.host, agent.early)
        if not isinstance(ready := self._next(reader, agent), Ready):
            raise ProtocolError("the agent's first message is not Ready", "", self.host)
        outbox.start()
        self._outbox = outbox
        self._tell(HostState.UP)
        up_since = time.monotonic()
        self._sink.message(self.host, ready)
        while True:
            self._deliver(self._next(reader, agent))
            if up_since and time.monotonic() - up_since > self.options.well_s:
                self._backoff.reset()
                up_since = 0.0

    def _next(self, reader: FrameReader, agent: Started) -> Reply | list[Captured]:
        try:
            message = reader.next(self.options.silence_s)
        except TimeoutError:
            raise self._lost(f"nothing heard for {self.options.silence_s:g} s") from None
        agent.tail.feed(agent.process.read_stderr())
        if message is None:
            raise self._lost(self._last_words(agent))
        return message

    def _last_words(self, agent: Started) -> str:
        status = agent.process.exit_status(1.0)
        agent.tail.feed(agent.process.read_stderr())
        ended = "the connection ended" if status in {None, -1} else f"the agent ended with status {status}"
        return f"{ended}; {agent.tail.last()}".removesuffix("; ")

    def _deliver(self, message: Reply | list[Captured]) -> None:
        if isinstance(message, list):
            self._sink.frames(self.host, message)
        elif isinstance(message, Pong):
            self._clock.answered(message.id, message.now_ns)
            self._sink.message(self.host, message)
        elif isinstance(message, Ready):
            raise ProtocolError("the agent said Ready twice", "", self.host)
        elif not (isinstance(message, ANSWERS) and (self._calls.answer(message) or message.id)):
            self._sink.message(self.host, message)

    def _lost(self, cause: str) -> HostError:
        return HostError(HostState.STALE, "connection lost", cause, "It is tried again.", self.host)
