"""docs/failures.md: the catalogue as a page."""

from __future__ import annotations

from collections.abc import Iterator

from hostgw.checks.catalogue import AREAS, CLASS_WORDS, Entry, Tested
from hostgw.report.explain import fault_of
from hostgw.report.explain_text import counted

HEAD = """\
# How host-gw networks break

Every failure that hostgw-tui knows, and what it does about it. `hostgw-tui explain ENTRY` tells how it is detected,
what mends it and where it was met; `hostgw-tui explain CODE` tells the same of all entries of a code.

{counted}

- Severity: **error**: traffic is or will be lost or wrong · **warning**: it works, but by luck or not for long ·
  **notice**: worth knowing: shown with the host, not in the list of findings, and without effect on the exit code.
- Fix class: {classes}.
- Decided: **lab ID**: detected; `hostgw-tui lab break ID` brings it about on real hosts, where a test breaks, finds,
  mends and undoes it · **state**: detected; a namespace cannot hold it, so tests judge recorded state · **told** and
  **refused**: no finding, for the reason given.
"""


def markdown() -> str:
    """Return the page."""
    classes = " ·\n  ".join(f"**{number}**: {words.split(': ', 1)[1]}" for number, words in CLASS_WORDS.items())
    head = HEAD.format(counted=counted(), classes=classes)
    return head + "".join("".join(_area(name, entries)) for name, entries in AREAS.items())


def _area(name: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    yield f"\n## {name[:1].upper()}{name[1:]}\n\n"
    yield "| entry | what happens | code | severity | class | decided |\n|---|---|---|---|---|---|\n"
    for entry in entries:
        what = entry.symptom.replace("|", "\\|")
        code = f"`{entry.code}`" if entry.code else ""
        facts = (entry.id, what, code, entry.severity.value, str(int(entry.fix_class)), _decided(entry))
        yield f"| {' | '.join(facts)} |\n"


def _decided(entry: Entry) -> str:
    if entry.tested is Tested.LAB:
        return f"lab {fault_of(entry)}".rstrip()
    return f"{entry.tested.value}: {entry.reason}" if entry.reason else entry.tested.value
