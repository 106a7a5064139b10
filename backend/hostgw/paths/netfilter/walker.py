"""Walk chains: jumps, returns, policies; what cannot be evaluated is answered both ways."""

from __future__ import annotations

from dataclasses import dataclass

from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.program import Base, Jump, LostError, Outcome, ProgramRule, Signal, Translate, UnsureError

MAX_STEPS = 200_000
"""Rules looked at before a walk is given up; the kernel itself refuses loops between chains."""
MAX_DEPTH = 64
MAX_RUNS = 128
"""Combinations of answers to what cannot be evaluated that are tried before giving up."""


class Oracle:
    """Answers what cannot be evaluated; after a run, `advance` turns to the next combination of answers."""

    def __init__(self) -> None:
        self._answers: list[bool] = []
        self._asked = 0
        self.names: dict[str, None] = {}
        self.runs = 0

    def restart(self) -> None:
        """Begin another run with the answers that `advance` chose."""
        self._asked = 0
        self.runs += 1

    def answer(self, name: str) -> bool:
        """Return whether what is called `name` matches, in this run."""
        self.names[name] = None
        if self._asked == len(self._answers):
            self._answers.append(False)
        self._asked += 1
        return self._answers[self._asked - 1]

    def advance(self) -> bool:
        """Go to the next combination; False when all were tried."""
        del self._answers[self._asked :]
        while self._answers and self._answers[-1]:
            self._answers.pop()
        if not self._answers:
            return False
        self._answers[-1] = True
        return True


@dataclass(frozen=True, slots=True)
class Ended:
    """How a base chain ended: ACCEPT, DROP or REJECT, or a translation; the rule, or None for the policy."""

    outcome: Signal | Translate
    rule: ProgramRule | None = None
    chain: str = ""


class Walker:
    """Walks base chains for one packet in one run."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._steps = 0

    def run(self, base: Base, packet: Packet) -> Ended:
        """Return how the packet leaves `base`."""
        ended = self._chain(base, base.chain, packet, 0)
        return ended or Ended(Signal.DROP if base.drops else Signal.ACCEPT, None, base.chain)

    def _chain(self, base: Base, name: str, packet: Packet, depth: int) -> Ended | None:
        """Return how it ended in `name`, or None when it came back to the caller."""
        if depth > MAX_DEPTH:
            raise LostError("chains nested too deep")
        rules = base.chains.get(name)
        if rules is None:
            raise LostError(f"target {name}")
        self._steps += len(rules)
        if self._steps > MAX_STEPS:
            raise LostError("too many rules")
        for rule in rules:
            outcome = self._rule(rule, packet)
            if outcome is None or outcome is Signal.MISS or outcome is Signal.NEXT:
                continue
            if outcome is Signal.RETURN:
                return None
            if isinstance(outcome, Jump):
                ended = self._chain(base, outcome.chain, packet, depth + 1)
                if ended or outcome.goto:
                    return ended
                continue
            return Ended(outcome, rule, name)
        return None

    def _rule(self, rule: ProgramRule, packet: Packet) -> Outcome:
        for step in rule.steps:
            try:
                outcome = step(packet)
            except UnsureError as unsure:
                outcome = None if self._oracle.answer(unsure.name) else Signal.MISS
            if outcome is not None:
                return outcome
        return None
