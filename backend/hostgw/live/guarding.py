"""What guards on the hosts say: of changes that are pending, of how they ended, of who undid them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import cast

from msgspec.structs import replace

from hostgw.clean import clean
from hostgw.errors import HostgwError
from hostgw.live.view import View
from hostgw.model.guard import Guard, GuardState
from hostgw.plans.journal import UNKNOWN, Journal
from hostgw.plans.model import Outcome, Result
from hostgw.wire import Guarded, Guards, Reply, Request

Ask = Callable[[str, Callable[[int], Request]], "Future[Reply]"]
ASK_S = 5.0
EVERY_S = 1.0
RESULTS = {
    GuardState.CONFIRMED: Result.VERIFIED,
    GuardState.ROLLED_BACK: Result.ROLLED_BACK,
    GuardState.FAILED: Result.FAILED,
    GuardState.UNDO_FAILED: Result.FAILED,
}


class Guarding:
    """Asks hosts about guards, and settles with the journal what a former run left open."""

    def __init__(self, ask: Ask, view: Callable[[], View], take: Callable[[str, tuple[Guard, ...]], None]) -> None:
        self._ask, self._view, self._take = ask, view, take
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Wait for nobody any more."""
        self._stopped.set()

    def ask(self, host: str) -> None:
        """Ask a host; what it says goes into the picture."""
        self._ask(host, Guards).add_done_callback(lambda done: self._answered(host, done))

    def _answered(self, host: str, done: Future[Reply]) -> None:
        try:
            self._take(host, tuple(_cleaned(guard) for guard in cast("Guarded", done.result()).guards))
        except HostgwError:
            return  # it went; it is asked again when it is back

    def of(self, hosts: Iterable[str]) -> dict[str, tuple[Guard, ...]]:
        """Return what hosts say now; one that cannot be asked is left out."""
        asked = {host: self._ask(host, Guards) for host in hosts}
        found = {}
        for host, future in asked.items():
            try:
                guards = cast("Guarded", future.result(ASK_S)).guards
            except (HostgwError, TimeoutError):
                continue
            found[host] = tuple(_cleaned(guard) for guard in guards)
        return found

    def watch(self, guards: dict[str, str], seconds: float) -> tuple[str, ...]:
        """Look for so long whether somebody undoes what was confirmed; return a sentence for each host where it was."""
        until = time.monotonic() + seconds
        said: dict[str, str] = {}
        while guards.keys() - said.keys() and time.monotonic() < until and not self._stopped.is_set():
            self._stopped.wait(min(EVERY_S, max(0.0, until - time.monotonic())))
            for host, found in self.of(guards.keys() - said.keys()).items():
                mine = next((guard for guard in found if guard.id == guards[host]), None)
                if mine and mine.put_back:
                    said[host] = f"somebody changed it again on {host} ({mine.put_back})"
        return tuple(said.values())

    def settle(self, journal: Journal) -> tuple[str, ...]:
        """Write down how changes ended of which the journal does not know it; return a sentence for each."""
        told = []
        for entry in journal.entries():
            if entry.result == UNKNOWN and entry.guards:
                found = self.of(host for host in entry.guards if host in self._view().fabric.hosts)
                mine = {h: g for h, guards in found.items() for g in guards if g.id == entry.guards[h]}
                if mine:
                    told.append(_settled(journal, entry.id, entry.title, mine, set(entry.guards)))
        return tuple(told)


def _settled(journal: Journal, number: str, title: str, mine: dict[str, Guard], hosts: set[str]) -> str:
    if pending := [(host, guard) for host, guard in mine.items() if guard.state.pending]:
        host, guard = pending[0]
        return f"a change of a former run is still pending on {host} ({title}): taken back in {guard.left_s:.0f} s"
    changed = tuple(sorted(h for h in hosts if h not in mine or mine[h].state is not GuardState.ROLLED_BACK))
    worst = next((g for g in mine.values() if g.state is not GuardState.CONFIRMED), None)
    result = RESULTS[worst.state] if worst else Result.VERIFIED
    detail = f"learnt afterwards: {worst.detail if worst else 'it was confirmed'}"
    journal.end(number, Outcome(result, detail, changed=changed))
    return f"a change of a former run ended as {result.value} ({title})"


def _cleaned(guard: Guard) -> Guard:
    texts = {name: clean(getattr(guard, name), 400) for name in ("id", "title", "operator", "detail", "put_back")}
    return replace(guard, **texts)
