"""The table of the catalogue: every entry is there and decided, and what decides it exists."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from hostgw.checks.catalogue import AREAS, CODES, ENTRIES, Entry, FixClass, entries_of
from hostgw.checks.catalogue import Tested as Decided
from hostgw.checks.catalogue.model import PLACEHOLDERS
from hostgw.lab import FAULTS
from hostgw.plans.advice import ALTERNATIVES
from hostgw.plans.recipes import RECIPES
from hostgw.report.explain import fault_of
from hostgw.report.explain_text import counted
from hostgw.report.failures import markdown

HERE = Path(__file__).parent
DOCUMENT, README = HERE.parents[1] / "docs" / "failures.md", HERE.parents[1] / "README.md"
COUNTS = {"R": 31, "A": 14, "L": 27, "F": 18, "N": 17, "C": 7, "P": 10, "U": 8}
NAMES_OF_THE_KERNEL = {
    "ACCEPT", "CNI", "DOCKER", "DROP", "EEXIST", "FORWARD", "INPUT", "INVALID", "MASQUERADE", "PERMANENT",
    "POSTROUTING", "PREROUTING", "REJECT", "RETURN", "USER",
}  # fmt: skip
SHORTHAND = re.compile(r"\$[A-Z]|\b[SOX*]: |FIB\(|≠|≥|…|\(S\)|; K$|^[KLSD]$|\b[KLSD];")


def test_every_entry_is_there_once() -> None:
    everything = [entry.id for entries in AREAS.values() for entry in entries]
    assert len(everything) == len(set(everything)) == sum(COUNTS.values()) == 132
    assert Counter(name[0] for name in everything) == COUNTS
    assert set(everything) == {f"{area}{number + 1}" for area, count in COUNTS.items() for number in range(count)}


def test_every_code_has_an_entry_and_every_entry_a_known_code() -> None:
    assert {entry.code for entry in ENTRIES.values() if entry.code} <= set(CODES)
    assert [name for name in CODES if not entries_of(name)] == []
    assert [code.name for code in CODES.values() if code.entry and not code.severity] == []
    assert list(CODES) == [code.name for code in CODES.values()]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_texts_are_whole_sentences(entry: Entry) -> None:
    for text in (entry.symptom, entry.detect, entry.fix, *filter(None, (entry.beware, entry.reason))):
        assert text[0].isupper() or text[0] in "`'" or text.split()[0] in PROGRAMS, text
        assert text.endswith("."), text
        assert text == " ".join(text.split()), text
    told = " ".join((entry.symptom, entry.detect, entry.fix, entry.beware, entry.reason, entry.sources))
    assert not SHORTHAND.search(told), told
    assert entry.sources
    assert told.count("`") % 2 == 0, told


PROGRAMS = {"ufw", "kube-proxy", "iptables", "br_netfilter", "eth0", "networkd", "flanneld", "flannel", "kubelet"}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_words_in_capitals_in_commands_are_explained(entry: Entry) -> None:
    commands = " ".join(re.findall("`([^`]*)`", f"{entry.symptom} {entry.detect} {entry.fix} {entry.beware}"))
    words = set(re.findall(r"\b[A-Z][A-Z_]{1,}\b", commands))
    assert words - set(PLACEHOLDERS) - NAMES_OF_THE_KERNEL == set()


def test_every_placeholder_is_used() -> None:
    commands = " ".join(re.findall("`([^`]*)`", " ".join(e.detect + e.fix for e in ENTRIES.values())))
    assert set(PLACEHOLDERS) - set(re.findall(r"\b[A-Z][A-Z_]+\b", commands)) == set()


def test_what_is_not_detected_says_why() -> None:
    silent = (Decided.TOLD, Decided.REFUSED)
    assert [e.id for e in ENTRIES.values() if e.tested in silent and not e.reason] == []
    assert [e.id for e in ENTRIES.values() if e.tested is Decided.REFUSED and e.code] == []
    assert [e.id for e in ENTRIES.values() if e.tested not in silent and not e.code] == []


def test_what_the_lab_tests_has_a_fault() -> None:
    assert [e.id for e in ENTRIES.values() if e.tested is Decided.LAB and not fault_of(e)] == []


def test_what_a_key_mends_has_a_recipe() -> None:
    mended = [entry for entry in ENTRIES.values() if entry.code and entry.fix_class is not FixClass.ADVICE]
    assert [entry.id for entry in mended if entry.code not in RECIPES] == []


def test_what_no_key_mends_says_what_to_do_instead() -> None:
    told = [e for e in ENTRIES.values() if e.code and e.fix_class is FixClass.ADVICE and e.severity != "notice"]
    assert [entry.id for entry in told if not ALTERNATIVES.get(entry.id)] == []


def test_every_fault_names_entries_and_codes_that_exist() -> None:
    for fault in FAULTS:
        assert set(fault.entries) <= set(ENTRIES), fault.id
        assert {expected.code for expected in fault.expected} <= set(CODES), fault.id


def named_by_tests() -> set[str]:
    """Return the strings of the unit tests: whoever tests a check names the finding that must come of it."""
    found: set[str] = set()
    for path in HERE.glob("test_*.py"):
        if path.name in (Path(__file__).name, "test_explain.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found | {text.partition("/")[0] for text in found}


def test_what_is_tested_on_state_has_a_unit_test() -> None:
    """A test that names the entry; or its code, where no other entry has it."""
    named = named_by_tests()
    state = [entry for entry in ENTRIES.values() if entry.tested is Decided.STATE]
    lonely = {entry.id for entry in state if len(entries_of(entry.code)) == 1 and entry.code in named}
    assert [entry.id for entry in state if entry.id not in named | lonely] == []


def test_the_readme_counts_right() -> None:
    """HOSTGW_UPDATE=1 writes the sentence anew."""
    text = README.read_text(encoding="utf-8")
    head, rest = text.split("<!-- counted -->\n")
    tail = rest.split("<!-- /counted -->\n")[1]
    wanted = f"{head}<!-- counted -->\n{counted()}\n<!-- /counted -->\n{tail}"
    if os.environ.get("HOSTGW_UPDATE"):
        README.write_text(wanted, encoding="utf-8")
    assert wanted == README.read_text(encoding="utf-8")


def test_the_page_is_as_committed() -> None:
    """HOSTGW_UPDATE=1 writes docs/failures.md."""
    if os.environ.get("HOSTGW_UPDATE"):
        DOCUMENT.write_text(markdown(), encoding="utf-8")
    assert markdown() == DOCUMENT.read_text(encoding="utf-8")
