"""The text of `iptables-save -c` as typed tables, chains and rules.

Sources: iptables-save(8), iptables(8), iptables-extensions(8). The same text comes from both backends.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_COUNTED = re.compile(r"^\[(\d+):(\d+)\] (.*)$")
_CHAIN = re.compile(r"^:(\S+) (\S+) \[(\d+):(\d+)\]$")
_QUOTING = re.compile(r"[\"'\\#]")
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"\'\\]+))(?=\s|$)')
"""A word as iptables-save writes it: bare, or whole in double quotes."""
_ESCAPED = re.compile(r'\\(["\\])')

ALIASES = {
    "--source": "-s",
    "--destination": "-d",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--protocol": "-p",
    "--jump": "-j",
    "--goto": "-g",
}

VERBATIM = frozenset(
    {"--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string", "--name", "--helper"}
)
"""Options whose value is a text of somebody's choice, which may look like an option."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a rule: ``! -d 10.239.0.0/16`` is Option("-d", ("10.239.0.0/16",), inverted=True)."""

    name: str
    values: tuple[str, ...] = ()
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A rule of a chain. `text` is the line as saved, without the counter."""

    chain: str
    text: str
    options: tuple[Option, ...]
    packets: int = 0
    bytes: int = 0

    def option(self, name: str) -> Option | None:
        """Return the first option called `name`, or None."""
        return next((option for option in self.options if option.name == name), None)

    @property
    def target(self) -> str:
        """What the rule jumps or goes to; empty for a rule that only counts."""
        jump = self.option("-j") or self.option("-g")
        return jump.values[0] if jump and jump.values else ""

    @property
    def matches(self) -> tuple[Option, ...]:
        """The options before the target, without ``-m NAME``."""
        kept: list[Option] = []
        for option in self.options:
            if option.name in ("-j", "-g"):
                break
            if option.name != "-m":
                kept.append(option)
        return tuple(kept)

    @property
    def comment(self) -> str:
        """The text of ``-m comment``, empty when there is none."""
        option = self.option("--comment")
        return option.values[0] if option and option.values else ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; `policy` is ACCEPT or DROP for a built-in one, ``-`` for others."""

    name: str
    policy: str
    rules: tuple[FilterRule, ...] = ()
    packets: int = 0
    bytes: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """The rules as text without counters."""
        return tuple(rule.text for rule in self.rules)


@dataclass(frozen=True)
class Ruleset:
    """The tables of one backend, each a mapping of chain name to chain."""

    backend: str = "nft"
    tables: Mapping[str, Mapping[str, Chain]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """Lines that could not be read."""

    def chain(self, table: str, name: str) -> Chain | None:
        """Return a chain, or None when the table or chain is not there."""
        return self.tables.get(table, {}).get(name)


@lru_cache(maxsize=1024)
def parse(text: str, backend: str = "nft") -> Ruleset:
    """Return the tables that `text` describes; lines of no known form are named in `problems`."""
    tables: dict[str, dict[str, Chain]] = {}
    rules: dict[tuple[str, str], list[FilterRule]] = {}
    problems: list[str] = []
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            tables.setdefault(table, {})
        elif match := _CHAIN.match(line):
            name, policy, packets, size = match.groups()
            tables.setdefault(table, {})[name] = Chain(name, policy, (), int(packets), int(size))
        elif line.startswith(("[", "-A")):
            _add_rule(line, table, rules, problems)
    for (owner, name), found in rules.items():
        chain = tables.setdefault(owner, {}).get(name) or Chain(name, "-")
        tables[owner][name] = Chain(name, chain.policy, tuple(found), chain.packets, chain.bytes)
    return Ruleset(backend, tables, tuple(problems))


def _add_rule(line: str, table: str, rules: dict[tuple[str, str], list[FilterRule]], problems: list[str]) -> None:
    try:
        rule = parse_rule(line)
    except ValueError as error:
        problems.append(f"{line[:80]}: {error}")
        return
    rules.setdefault((table, rule.chain), []).append(rule)


def parse_rule(line: str) -> FilterRule:
    """Return one ``-A CHAIN ...`` line, with or without a leading counter.

    Raises:
        ValueError: it is no such line.
    """
    counted = _COUNTED.match(line)
    packets, size, text = counted.groups() if counted else ("0", "0", line)
    words = _words(text) if _QUOTING.search(text) else text.split()
    if len(words) < 2 or words[0] != "-A":
        raise ValueError("not a rule")
    return FilterRule(words[1], text, tuple(_options(words[2:])), int(packets), int(size))


def _words(text: str) -> list[str]:
    """Split a line with quotes as a shell does; shlex, which takes long, only sees what iptables-save never writes."""
    words, at = [], 0
    while at < len(text) and (word := _WORD.match(text, at)):
        at = word.end()
        words.append(word[2] or _ESCAPED.sub(r"\1", word[1] or ""))
    return words if not text[at:].strip() else shlex.split(text)


def _options(words: list[str]) -> Iterator[Option]:
    inverted = False
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "!":
            inverted = True
            continue
        values: list[str] = words[index : index + 1] if word in VERBATIM else []
        index += len(values)
        while word not in VERBATIM and index < len(words) and not _is_option(words[index]):
            values.append(words[index])
            index += 1
        yield Option(ALIASES.get(word, word), tuple(values), inverted)
        inverted = False


def _is_option(word: str) -> bool:
    return word == "!" or (word.startswith("-") and not word[1:2].isdigit() and len(word) > 1)
