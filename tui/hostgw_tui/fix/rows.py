"""A plan and its outcome in lines: what a person needs to decide, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hostgw.checks.catalogue import CLASS_WORDS, FixClass
from hostgw.model.finding import Finding
from hostgw.plans.model import Outcome, Plan, Result, Step
from hostgw.plans.running import Phase, Stage
from hostgw_tui.look import Line, Part, Sign, Tone, cell, line

RESULTS = {
    Result.VERIFIED: Sign("✓", "verified", Tone.OK),
    Result.ROLLED_BACK: Sign("↶", "taken back", Tone.WARN),
    Result.STALE: Sign("~", "stale preview", Tone.WARN),
    Result.BUSY: Sign("~", "another change is pending", Tone.WARN),
    Result.FAILED: Sign("✗", "failed", Tone.BAD),
    Result.REFUSED: Sign("✗", "refused", Tone.BAD),
}
MEANINGS = {
    Result.VERIFIED: "Applied and confirmed. The kernel was read again and the findings are gone.",
    Result.ROLLED_BACK: "It was applied, but not confirmed: the hosts are as they were before.",
    Result.STALE: "Nothing was changed: the host is no longer as this preview saw it. Close it and look again.",
    Result.BUSY: "Nothing was changed: somebody else is changing this host. Wait for the end of it, then look again.",
    Result.FAILED: "The change was refused by the host; what had been done before it was taken back.",
    Result.REFUSED: "Nothing was changed.",
}
WRITTEN = "Written, read back and confirmed. The files count from the next boot, or when their program reads them."
DONE = "Applied and confirmed. The hosts were read again and are as planned."
TAKEN_BACK = "Taken back. The host was read again and is as it was before."


GUARD = "each host takes it back by itself unless it is confirmed over a new connection"
PHASES = {
    Phase.KEPT: Sign("✓", "", Tone.OK),
    Phase.FAILED: Sign("✗", "", Tone.BAD),
    Phase.ROLLING_BACK: Sign("↶", "", Tone.WARN),
    Phase.ROLLED_BACK: Sign("↶", "", Tone.WARN),
}
PARTLY = "class 1: one key, can be undone but for what is said below"
"""Where a step of a safe fix cannot be taken back: flows that are tracked anew."""
BUSY = Sign("◌", "", Tone.NOTE)


def can_apply(plan: Plan) -> bool:
    """Tell whether `a` does something."""
    return bool(plan.steps) and not plan.refused and plan.fix_class is not FixClass.ADVICE


FOLDED_ABOVE = 60
"""Steps up to which all are told in full; of more, only the one under the cursor is, and the heads of its host."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which step of a plan the cursor is on, and which ones are left out."""

    at: int = 0
    left_out: frozenset[int] = frozenset()
    free: bool = True
    """Steps may be left out. An undo is whole: an entry is undone or it is not."""

    def toggled(self) -> Choice:
        """Return the choice with the step under the cursor turned round."""
        return replace(self, left_out=self.left_out ^ {self.at}) if self.free else self

    def moved(self, by: int, count: int) -> Choice:
        """Return the choice with the cursor on another of `count` steps."""
        return replace(self, at=min(max(0, self.at + by), count - 1))


def plan_lines(plan: Plan, choice: Choice | None = None, last: int | None = None) -> Iterator[Line]:
    """Yield the preview of a plan, each of several steps under its summary, with a mark where they can be chosen from.

    With `last`, only as far as to the head of that step.
    """
    choice = choice or Choice(free=False)
    yield cell(plan.title, Tone.STRONG)
    if not can_apply(plan):
        yield from _refusal(plan)
    folded = len(plan.steps) > FOLDED_ABOVE
    for host, places in _by_host(plan):
        yield ()
        open_ = not folded or choice.at in places
        yield line(Part(host, Tone.NAME), Part("" if open_ else f"  {len(places)} steps", Tone.DIM))
        for place in places if open_ else ():
            step = plan.steps[place]
            if len(plan.steps) > 1:
                yield _head(step, place, choice)
            if place == last:
                return
            if place not in choice.left_out and (not folded or place == choice.at):
                yield from _step(step)
    if plan.steps:
        yield ()
        yield from _remarks(plan)


def _by_host(plan: Plan) -> Iterator[tuple[str, range]]:
    """Yield the hosts in turn with the places of their steps, which stand together."""
    start = 0
    for place, step in enumerate(plan.steps, 1):
        if place == len(plan.steps) or plan.steps[place].host != step.host:
            yield step.host, range(start, place)
            start = place


def _head(step: Step, place: int, choice: Choice) -> Line:
    out = place in choice.left_out
    cursor = Part("▸ " if place == choice.at else "  ", Tone.KEY)
    mark = Part("[ ] " if out else "[x] ", Tone.DIM if out else Tone.OK) if choice.free else Part("· ", Tone.DIM)
    return line(cursor, mark, Part(step.summary, Tone.DIM))


def _refusal(plan: Plan) -> Iterator[Line]:
    yield ()
    what = "cannot be undone" if plan.undoes else "not possible by a key"
    yield line(Part(f"✗ {what}: ", Tone.BAD), plan.refused or CLASS_WORDS[FixClass.ADVICE])
    if plan.alternatives:
        yield ()
        yield cell("What you can do instead:", Tone.STRONG)
        yield from (line("  · ", text) for text in plan.alternatives)


def _step(step: Step) -> Iterator[Line]:
    where = f"  in container {step.namespace}" if step.namespace else ""
    if step.why:
        yield from _labelled("why", [(step.why, Tone.NOTE)])
    if step.diff:
        yield from (line(Part(f"  {text}", _diff_tone(text))) for text in step.diff)
        return
    yield from _state("now", step.now, step.wanted, Tone.BAD, where)
    yield from _state("wanted", step.wanted, step.now, Tone.OK)
    yield from _labelled("run", ((command.pasted, Tone.CODE) for command in step.commands))
    if step.reversible:
        yield from _labelled("undo", ((command.pasted, Tone.NOTE) for command in step.undo))
    else:
        yield from _labelled("undo", [("this cannot be taken back", Tone.WARN)])


def _state(label: str, mine: Sequence[str], other: Sequence[str], tone: Tone, where: str = "") -> Iterator[Line]:
    """Yield the lines of one state; those that the other state has at the same place are dimmed."""
    same = [place < len(other) and other[place] == text for place, text in enumerate(mine)]
    texts = [f"{text}{where if place == 0 else ''}" for place, text in enumerate(mine)]
    return _labelled(label, ((text, Tone.DIM if alike else tone) for text, alike in zip(texts, same)))


def _diff_tone(text: str) -> Tone:
    return {"+": Tone.OK, "-": Tone.BAD}.get(text[:1], Tone.DIM)


def _labelled(label: str, texts: Iterable[tuple[str, Tone]]) -> Iterator[Line]:
    for place, (text, tone) in enumerate(texts):
        yield line(Part(f"  {label if place == 0 else '':<8}", Tone.DIM), Part(text, tone))


def _remarks(plan: Plan) -> Iterator[Line]:
    if plan.findings:
        whole = plan.fix_class is not FixClass.SAFE or all(step.reversible for step in plan.steps)
        words = CLASS_WORDS[plan.fix_class] if whole else PARTLY
        yield from _labelled("fix", [(words, Tone.PLAIN)])
    if plan.owner:
        yield from _labelled("owner", [(f"{plan.owner} may put it back", Tone.WARN)])
    if plan.risk:
        yield from _labelled("risk", [(plan.risk, Tone.PLAIN)])
    yield from _labelled("note", [(text, Tone.PLAIN) for text in plan.notes])
    if plan.verification:
        yield from _labelled("verify", [(plan.verification, Tone.PLAIN)])
    yield from _labelled("guard", [(GUARD, Tone.PLAIN)])
    for reason in plan.management:
        yield from _labelled("danger", [(f"{reason}: it may cut you off, until the guard takes it back", Tone.WARN)])


def gone_lines(plan: Plan, listed: Iterable[Finding]) -> tuple[Line, ...]:
    """Return that a preview is outdated, where others have mended what it is for while it was read."""
    there = {finding.id for finding in listed}
    gone = sum(name not in there for name in plan.findings)
    if not gone:
        return ()
    if gone == len(plan.findings):
        return (cell("~ What this mends is no longer found: close it and look again.", Tone.WARN),)
    return (cell(f"~ {gone} of {len(plan.findings)} findings that this mends are gone: look again.", Tone.WARN),)


def outcome_lines(outcome: Outcome, plan: Plan) -> Iterator[Line]:
    """Yield what became of a plan."""
    sign = RESULTS[outcome.result]
    where = f" on {outcome.host}" if outcome.host else ""
    yield line(Part(f"{sign.glyph} {sign.word}{where}", sign.tone))
    files = all(step.diff for step in plan.steps)
    mended = MEANINGS[Result.VERIFIED] if plan.findings else DONE
    good = TAKEN_BACK if plan.undoes else WRITTEN if files else mended
    yield line(good if outcome.result is Result.VERIFIED else MEANINGS[outcome.result])
    if outcome.detail and outcome.result is not Result.VERIFIED:
        yield line(Part(outcome.detail))
    for left in outcome.remaining:
        yield line(Part("  still there: ", Tone.DIM), Part(left, Tone.WARN))


def run_lines(stages: Mapping[str, Stage], now: float) -> Iterator[Line]:
    """Yield how far each host is, and when its guard would act."""
    for host, stage in stages.items():
        sign = PHASES.get(stage.phase, BUSY)
        left = stage.left_s(now)
        waits = f"  back in {left:.0f} s unless confirmed" if left else ""
        words = f"  {stage.phase.value}{f': {stage.text}' if stage.text else ''}"
        yield line(Part(f"{sign.glyph} ", sign.tone), Part(host, Tone.NAME), words, Part(waits, Tone.DIM))


def watch_lines(seconds: float, put_back: tuple[str, ...] | None) -> Iterator[Line]:
    """Yield whether somebody undoes what was confirmed; None: it is being looked."""
    if put_back is None:
        yield line(Part(f"◌ looking for {seconds:g} s whether somebody undoes it; you need not wait", Tone.DIM))
    for text in put_back or ():
        yield line(Part("▲ ", Tone.WARN), text)


def commands_text(plan: Plan) -> str:
    """Return the commands as lines to paste, each host under a comment."""
    lines: list[str] = []
    for host, places in _by_host(plan):
        lines.append(f"# on {host}")
        lines += [command.pasted for place in places for command in plan.steps[place].commands]
    return "\n".join(lines)
