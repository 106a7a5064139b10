"""The keys in docs/keys.md and README are those of the registry; ``HOSTGW_UPDATE=1`` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hostgw_tui.actions import ACTIONS, EVERYWHERE, TITLES, Action, keys_text
from hostgw_tui.help.rows import MOVING

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- keys: made by tests/tui/test_keys_docs.py -->", "<!-- end of keys -->"
HEAD = "| key | does |\n|---|---|"
DIALOGS = {
    "replay": "A recording",
    "fix": "Preview of a change",
    "undo": "What was done",
    "setup": "Setup",
    "topology": "Topology",
}
INTRODUCTION = """# Keys

Made from the registry of actions: the footer, `?`, the palette (`:`) and this page say the same. Keys can be changed
in [config.toml](config.md). The mouse works, too: names of screens and footer keys are buttons, a click selects a row,
two open it, a click on a column's title sorts.
"""


def keys(action: Action) -> str:
    return " ".join(f"`{key}`" for key in keys_text(action).replace("|", "\\|").split(" "))


def table(actions: list[Action]) -> Iterator[str]:
    yield HEAD
    yield from (f"| {keys(action)} | {action.tooltip} |" for action in actions)


def everywhere() -> list[Action]:
    return [action for action in ACTIONS if action.scope == EVERYWHERE and action.keys]


def page() -> str:
    lines = [INTRODUCTION, "## Everywhere", "", *table(everywhere())]
    lines += [f"| {' '.join(f'`{key}`' for key in moved.split(' '))} | {what} |" for moved, what in MOVING]
    for scope, title in (TITLES | DIALOGS).items():
        own = [a for a in ACTIONS if scope in a.scope and a.scope != EVERYWHERE and a.keys]
        if own:
            lines += ["", f"## {title}", "", *table(own)]
    unbound = [action for action in ACTIONS if not action.keys]
    lines += ["", "## Only in the palette", "", "| name | does |", "|---|---|"]
    lines += [f"| {a.description} | {a.tooltip} |" for a in {a.description: a for a in unbound}.values()]
    return "\n".join(lines) + "\n"


def short() -> str:
    """README's list: the keys that work everywhere, without the screens, which stand in a table of their own."""
    shown = [action for action in everywhere() if not action.name.startswith("app.show")]
    return " · ".join(f"{keys(action)} {action.description}" for action in shown)


def test_the_page_is_as_committed() -> None:
    path = ROOT / "docs" / "keys.md"
    if os.environ.get("HOSTGW_UPDATE"):
        path.write_text(page(), "utf-8")
    assert page() == path.read_text("utf-8")


def test_readme_has_them() -> None:
    path = ROOT / "README.md"
    text = path.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{short()}\n{END}{after}"
    if os.environ.get("HOSTGW_UPDATE"):
        path.write_text(wanted, "utf-8")
    assert wanted == path.read_text("utf-8")
