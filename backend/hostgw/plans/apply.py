"""Apply a plan: journal, hand it to a guard on each host, verify, confirm; what does not verify is taken back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from hostgw.clean import clean
from hostgw.errors import HostgwError, UsageError
from hostgw.model.change import Change, FileChange
from hostgw.model.guard import guard_id
from hostgw.plans.file_text import private
from hostgw.plans.journal import Journal, operator_name
from hostgw.plans.model import Command, Outcome, Plan, Result, Step
from hostgw.plans.reverse import undo_order
from hostgw.plans.running import Phase, Run
from hostgw.plans.timing import Timing
from hostgw.plans.waves import AT_ONCE, due, waves
from hostgw.wire import Applied, Guarded

Log = Callable[[str], None]
T = TypeVar("T")
UNKNOWN = "unknown"
"""Outcome of an `Applied` that never came: the host went after it was asked. Its guard takes everything back."""
LOG_LENGTH = 300
RESULTS = {"stale": Result.STALE, "busy": Result.BUSY}


@dataclass(frozen=True, slots=True)
class Order:
    """What a guard gets."""

    token: str
    changes: tuple[Change, ...]
    title: str
    operator: str
    ttl_s: float
    watch_s: float
    keep_s: float
    undo: tuple[tuple[str, ...], ...] = ()


class Hosts(Protocol):
    """What applying needs of the hosts."""

    def prepare(self, hosts: Sequence[str]) -> None:
        """Open the connections for the confirms where a person has to answer for each. Raises HostgwError."""

    def rtt_s(self, host: str) -> float:
        """Return the round trip to a host."""

    def passing(self, hosts: Sequence[str]) -> object:
        """Send probes around these hosts; return those that were answered."""

    def failing(self, probes: object) -> tuple[str, ...]:
        """Send them again; return those that are not answered now, in words."""

    def arm(self, host: str, order: Order) -> Applied:
        """Have a guard make changes. Raises HostgwError when the host cannot be asked."""

    def remaining(self, findings: Sequence[str], hosts: Sequence[str], seconds: float, run: Run) -> tuple[str, ...]:
        """Have the hosts read again and wait until findings are gone; return those that are not.

        With no time at all to wait, what one reading shows counts.
        """

    def confirm(self, host: str, token: str) -> Guarded:
        """Confirm over a new connection. Raises HostgwError when none can be had."""

    def extend(self, host: str, token: str, seconds: float) -> None:
        """Have a guard wait longer."""

    def roll_back(self, host: str, guard: str) -> Guarded:
        """Have a guard take everything back now. Raises HostgwError when the host cannot be asked."""


@dataclass
class _Applying:
    """One plan on its way."""

    plan: Plan
    hosts: Hosts
    timing: Timing
    run: Run
    log: Log
    tokens: Mapping[str, str]
    kept: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    """Hosts of which it is not known whether they are changed."""


def apply(
    plan: Plan,
    hosts: Hosts,
    journal: Journal,
    log: Log,
    timing: Timing | None = None,
    run: Run | None = None,
    allow_management: bool = False,
) -> Outcome:
    """Apply a plan wave by wave and say how it ended; the first wave that does not verify is taken back and ends it.

    Raises:
        UsageError: the journal cannot be written; nothing was changed.
    """
    if plan.refused or not plan.steps:
        return Outcome(Result.REFUSED, plan.refused or "nothing to do")
    if plan.management and not allow_management:
        return Outcome(Result.REFUSED, f"{plan.management[0]}; that has to be allowed by a key or option of its own")
    tokens = {host: secrets.token_hex(16) for host in plan.hosts}
    work = _Applying(plan, hosts, timing or Timing(), run or Run(), log, tokens)
    work.run.extend_guard = lambda host, seconds: hosts.extend(host, tokens[host], seconds)
    entry = journal.begin(plan, {host: guard_id(token) for host, token in tokens.items()})
    try:
        outcome = replace(_all(work), journal_id=entry)
    except BaseException:  # a defect of ours: what waits to be confirmed must not wait in vain
        _take_back(work, work.run.pending)
        raise
    try:
        journal.end(entry, outcome)
    except UsageError as error:
        return replace(outcome, detail=f"{outcome.detail}; but {error.what}: {error.cause}")
    return outcome


def _all(work: _Applying) -> Outcome:
    try:
        work.hosts.prepare(work.plan.hosts)
    except HostgwError as error:
        return Outcome(Result.FAILED, error.without_host, error.host)
    for wave in waves(work.plan.hosts):
        if outcome := _wave(work, wave):
            before = f" (already changed: {', '.join(work.kept)}; undo takes it back)" if work.kept else ""
            return replace(outcome, detail=outcome.detail + before, changed=(*work.kept, *work.doubtful))
        work.kept += wave
    return Outcome(Result.VERIFIED, "the kernel says so", changed=tuple(work.kept))


def _wave(work: _Applying, wave: tuple[str, ...]) -> Outcome | None:
    """Change, verify and confirm some hosts; None when that went well."""
    for host in wave:
        work.run.reach(host, Phase.PROBING)
    # Who takes a fix back wants it broken again: then the new connection alone is what must work.
    probes = () if work.plan.undoes or work.plan.cuts else work.hosts.passing(wave)
    if work.run.wants_back:
        return _stopped(work, wave)
    answers = _each(wave, lambda host: _arm(work, host))
    if bad := next((host for host in wave if answers[host].outcome != "applied"), None):
        taken_back = _take_back(work, [host for host in wave if answers[host].outcome == "applied"])
        result = RESULTS.get(answers[bad].outcome, Result.FAILED)
        return Outcome(result, "; ".join([_explain(answers[bad]), *taken_back]), bad)
    if trouble := _verify(work, wave, probes):
        detail, left = trouble
        taken_back = _take_back(work, wave)
        return Outcome(Result.ROLLED_BACK, "; ".join([detail, *taken_back]), remaining=left)
    return _confirm(work, wave)


def _stopped(work: _Applying, wave: tuple[str, ...]) -> Outcome:
    """End before a wave is changed: who asks for it to be taken back does not want it made first."""
    for host in wave:
        work.run.reach(host, Phase.FAILED, text="not changed")
    return Outcome(Result.REFUSED, f"stopped because you asked for it; nothing was changed on {', '.join(wave)}")


def _each(hosts: Sequence[str], ask: Callable[[str], T]) -> dict[str, T]:
    """Ask several hosts at once."""
    with ThreadPoolExecutor(AT_ONCE, "hostgw-wave") as pool:
        return dict(zip(hosts, pool.map(ask, hosts), strict=True))


# ---- arming ----


def _arm(work: _Applying, host: str) -> Applied:
    steps = [step for step in work.plan.steps if step.host == host]
    for step in steps:
        _log_step(step, work.log)
    ttl = work.timing.ttl(work.hosts.rtt_s(host), bool(work.plan.management))
    work.run.reach(host, Phase.ARMING)
    try:
        answer = work.hosts.arm(host, _order(work, host, steps, ttl))
    except HostgwError as error:
        answer = Applied(0, "failed", detail=error.without_host)
    if answer.outcome == UNKNOWN:
        work.doubtful.append(host)
    applied = answer.outcome == "applied"
    phase = Phase.VERIFYING if applied else Phase.FAILED
    work.run.reach(host, phase, time.monotonic() + ttl if applied else 0.0, "" if applied else answer.detail)
    return answer


def _order(work: _Applying, host: str, steps: Sequence[Step], ttl: float) -> Order:
    changes = tuple(step.change for step in steps)
    back = undo_order(steps, lambda step: step.change)
    undo = tuple(full_argv(command) for step in back if _may_be_seen(step) for command in step.undo)
    timing = work.timing
    return Order(work.tokens[host], changes, work.plan.title, operator_name(), ttl, timing.watch_s, timing.keep_s, undo)


def _may_be_seen(step: Step) -> bool:
    """Tell whether everybody may read what takes a step back: a timer's unit is no secret, a file may be."""
    return not (isinstance(step.change, FileChange) and private(step.change))


def full_argv(command: Command) -> tuple[str, ...]:
    """Return a command as it is run from the host's own namespace."""
    inside = ("nsenter", f"--net={command.namespace}") if command.namespace else ()
    return (*inside, *command.argv)


def _explain(answer: Applied) -> str:
    if answer.outcome == "stale":
        return f"the host is no longer as the preview showed it ({answer.detail}); nothing was changed there"
    if answer.outcome == "busy":
        return f"{answer.detail}; nothing was changed there"
    if answer.outcome == UNKNOWN:
        return f"{answer.detail}; if the change was made, the host takes it back by itself"
    left = "what was done before it is undone" if answer.undone else "it could NOT be undone wholly; look at the host"
    return f"{answer.detail}; {left}"


# ---- verifying ----


def _verify(work: _Applying, wave: Sequence[str], probes: object) -> tuple[str, tuple[str, ...]] | None:
    """Return what is wrong, and which findings are still there; None when everything is as it should be."""
    started = time.monotonic()

    def left_s() -> float:
        return started + work.timing.verify_s + work.run.more_s - time.monotonic()

    wanted = due(work.plan, wave, work.kept)
    left = work.hosts.remaining(wanted, wave, work.timing.verify_s, work.run)
    while left and left_s() > 0 and not work.run.wants_back:  # somebody gave more time meanwhile
        left = work.hosts.remaining(wanted, wave, left_s(), work.run)
    if left and not work.run.wants_back:
        return f"applied, but still there: {', '.join(left)}", left
    passed = 0 if probes else 2
    while passed < 2 and not work.run.wants_back:
        failing = work.hosts.failing(probes)
        passed = 0 if failing else passed + 1
        if failing and left_s() <= 0:
            return f"what worked before does not any more: {', '.join(failing)}", ()
        if passed < 2:
            work.run.wait(work.timing.between_s)
    if work.run.wants_back:
        return "taken back because you asked for it", ()
    if left := work.hosts.remaining(wanted, wave, 0.0, work.run):
        return f"applied, and there again a moment later: {', '.join(left)}", left
    return None


# ---- the end ----


def _confirm(work: _Applying, wave: Sequence[str]) -> Outcome | None:
    for host in wave:
        work.run.reach(host, Phase.CONFIRMING, work.run.stages[host].until)
    refusals = {host: why for host, why in _each(wave, lambda host: _confirm_one(work, host)).items() if why}
    if not refusals:
        return None
    work.kept += [host for host in wave if host not in refusals]
    host, why = next(iter(refusals.items()))
    return Outcome(Result.ROLLED_BACK, "; ".join([why, *_take_back(work, list(refusals))]), host)


def _confirm_one(work: _Applying, host: str) -> str:
    """Return why a host could not be confirmed; empty when it was."""
    try:
        reply = work.hosts.confirm(host, work.tokens[host])
    except HostgwError as error:
        return f"no new connection to confirm it over ({error.without_host})"
    if not reply.done:
        return f"its guard did not take the confirmation ({reply.detail or 'it is not there any more'})"
    work.run.reach(host, Phase.KEPT)
    return ""


def _take_back(work: _Applying, hosts: Sequence[str]) -> list[str]:
    """Have guards take everything back now; return a sentence for each that did not say that it did."""
    for host in hosts:
        work.run.reach(host, Phase.ROLLING_BACK, work.run.stages[host].until)
    said = _each(hosts, lambda host: _take_back_one(work, host)) if hosts else {}
    return [text for text in said.values() if text]


def _take_back_one(work: _Applying, host: str) -> str:
    left = work.run.stages[host].left_s(time.monotonic())
    try:
        reply = work.hosts.roll_back(host, guard_id(work.tokens[host]))
    except HostgwError as error:
        work.doubtful.append(host)
        text = f"{host} cannot be asked ({error.without_host}): it takes everything back by itself within {left:.0f} s"
        work.run.reach(host, Phase.ROLLING_BACK, text=text)
        return text
    if reply.done:
        work.run.reach(host, Phase.ROLLED_BACK)
        return f"{host} is as it was before"
    work.doubtful.append(host)
    work.run.reach(host, Phase.FAILED, text=reply.detail)
    return f"{host} could NOT be put back wholly: {reply.detail}; the preview's undo commands say what to run"


def _log_step(step: Step, log: Log) -> None:
    for command in step.commands:
        where = f" [{command.namespace}]" if command.namespace else ""
        words = " ".join(command.argv) if _may_be_seen(step) else f"{step.summary} (a file that not everybody may read)"
        log(clean(f"{operator_name()} {step.host}{where}: {words}", LOG_LENGTH))
