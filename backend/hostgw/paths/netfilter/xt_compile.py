"""The rules of one iptables backend as a program."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from hostgw.model.ip import FULL
from hostgw.model.iptables import Chain, FilterRule, Option, Ruleset, parse
from hostgw.paths.netfilter.flow import Packet
from hostgw.paths.netfilter.program import Base, Outcome, Program, ProgramRule, Ranges, Signal, Step, UnsureError
from hostgw.paths.netfilter.xt_matches import PLAIN, Test
from hostgw.paths.netfilter.xt_places import PLACED
from hostgw.paths.netfilter.xt_targets import CONTINUING, target
from hostgw.paths.netfilter.xt_tracking import OF_CONNECTION, connection, state
from hostgw.paths.netfilter.xt_values import address_span, contiguous, masked_address

PRIORITIES: Final = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
NFT_SECURITY: Final = 150
"""Where iptables-nft puts its security table; the kernel's own is at 50."""
SOURCE_NAT: Final = 100
"""Priority of the nat chains INPUT and POSTROUTING."""
HOOKS: Final = {name.upper(): name for name in ("prerouting", "input", "forward", "output", "postrouting")}


@lru_cache(maxsize=1024)
def compiled(text: str, backend: str) -> Program:
    """Return the program of an iptables-save text."""
    return program(parse(text, backend))


def program(rules: Ruleset) -> Program:
    """Return the program of a backend's tables."""
    bases: list[Base] = []
    for table, chains in rules.tables.items():
        own = frozenset(name for name, chain in chains.items() if chain.policy == "-")
        held = {name: tuple(_rule(rule, own) for rule in chain.rules) for name, chain in chains.items()}
        bases += (_base(rules.backend, table, chains[name], held) for name in HOOKS if name in chains)
    every = [rule for chains in rules.tables.values() for chain in chains.values() for rule in chain.rules]
    compared = tuple(_compared(every))
    return Program(
        tuple(bases),
        frozenset(ranges for source, ranges in compared if source),
        frozenset(ranges for source, ranges in compared if not source),
        any(_odd(option) for rule in every for option in rule.options),
        any(option.values[:1] == ("rpfilter",) for rule in every for option in rule.options if option.name == "-m"),
        frozenset(o.values[0] for rule in every for o in rule.options if o.name == "--match-set" and o.values),
        tuple(f"rule {problem}" for problem in rules.problems),
    )


def _base(backend: str, table: str, chain: Chain, held: dict[str, tuple[ProgramRule, ...]]) -> Base:
    hook = HOOKS[chain.name]
    return Base(
        hook,
        _priority(backend, table, hook),
        chain.name,
        backend,
        table,
        "nat" if table == "nat" else "filter",
        chain.policy == "DROP",
        f"-P {chain.name} {chain.policy}",
        chain.packets,
        chains=held,
    )


def _priority(backend: str, table: str, hook: str) -> int:
    if table == "nat" and hook in ("input", "postrouting"):
        return SOURCE_NAT
    if table == "security" and backend == "nft":
        return NFT_SECURITY
    return PRIORITIES.get(table, 0)


def _rule(rule: FilterRule, chains: frozenset[str]) -> ProgramRule:
    if rule.target in CONTINUING or not rule.target:
        return ProgramRule((), rule, rule.text, rule.packets)  # whatever it matches, the packet goes on as it was
    steps = (*(_step(test, option) for test, option in _tests(rule)), target(rule, chains))
    return ProgramRule(steps, rule, rule.text, rule.packets)


def _step(test: Test, option: Option) -> Step:
    inverted = option.inverted

    def step(packet: Packet) -> Outcome:
        found = test(packet)
        return Signal.MISS if found is None or found == inverted else None

    return step


def _tests(rule: FilterRule) -> Iterator[tuple[Test, Option]]:
    """Yield the tests of a rule's matches, each with its option."""
    for module, options in _modules(rule):
        if (module, "") in PLACED:
            yield PLACED[module, ""](options[0], options), Option("-m")
            continue
        if module and module not in READ:
            words = (word for option in options[1:] for word in (option.name, *option.values))
            yield _unknown(" ".join(("match", module, *words))[:80]), Option("-m")
            continue
        for option in options[1:] if module else options:
            yield _test(module, option, options), option


READ: Final = frozenset(module for module, _ in (*PLAIN, *PLACED)) | {"conntrack", "state"}
"""Modules of which some options are evaluated."""


def _modules(rule: FilterRule) -> Iterator[tuple[str, tuple[Option, ...]]]:
    """Yield the options before the target, by the ``-m`` that they belong to; the ``-m`` itself comes first."""
    module, options = "", list[Option]()
    for option in rule.options:
        if option.name in ("-j", "-g"):
            break
        if option.name == "-m":
            yield module, tuple(options)
            module, options = (option.values[0] if option.values else ""), [option]
        else:
            options.append(option)
    yield module, tuple(options)


def _test(module: str, option: Option, beside: tuple[Option, ...]) -> Test:
    """Return the test of one option, or one that says that it cannot be evaluated."""
    if module == "set" and len(beside) > 2:
        return _unknown(f"match {option.name}")
    try:
        if (module, option.name) in PLAIN:
            return PLAIN[module, option.name](option)
        if ("", option.name) in PLAIN:
            return PLAIN["", option.name](option)
        if (module, option.name) in PLACED:
            return PLACED[module, option.name](option, beside)
        if module in ("conntrack", "state") and option.name in ("--ctstate", "--state"):
            return state(option)
        if module == "conntrack" and option.name in OF_CONNECTION:
            return connection(option, any(other.name == "--ctstate" for other in beside))
    except (ValueError, IndexError, KeyError):
        pass
    return _unknown(" ".join(("match", option.name, *option.values))[:80])


def _unknown(name: str) -> Test:
    def test(packet: Packet) -> bool:
        raise UnsureError(name)

    return test


def _compared(rules: list[FilterRule]) -> Iterator[tuple[bool, Ranges]]:
    """Yield the ranges that rules compare addresses with; True for the source."""
    for option in (option for rule in rules for option in rule.options):
        if option.name in ("-s", "-d", "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst"):
            ranges = tuple(_range(part) for value in option.values for part in value.split(","))
            yield from _sides(option.name, tuple(found for found in ranges if found))
        elif option.name in ("--src-range", "--dst-range") and option.values:
            try:
                yield option.name == "--src-range", (address_span(option.values[0]),)
            except ValueError:
                continue


def _sides(name: str, ranges: Ranges) -> Iterator[tuple[bool, Ranges]]:
    """Yield for which side an option counts: conntrack's tuples may hold either address."""
    if name != "-d":
        yield True, ranges
    if name != "-s":
        yield False, ranges


def _range(text: str) -> tuple[int, int] | None:
    try:
        value, mask = masked_address(text)
    except ValueError:
        return None
    return (value, value | (mask ^ FULL)) if contiguous(mask) else None


def _odd(option: Option) -> bool:
    """Tell whether an option compares or changes addresses bit by bit."""
    if option.name == "--to":
        return True
    parts = (part for value in option.values for part in value.split(","))
    return option.name in ("-s", "-d") and any(_range(part) is None for part in parts)
