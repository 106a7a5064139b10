"""Pages of docs/ whose commands are carried out as they stand there; docker.md has a file of its own."""

from __future__ import annotations

import pytest

from tests.lab.conftest import Run
from tests.lab.pages import DOCS, carry_out, commands

pytestmark = pytest.mark.lab
PAGES = ("external.md", "flannel.md", "inventories.md", "ipv6.md", "limited-hosts.md", "ssh.md", "underlays.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_true(page: str, hostgw: Run) -> None:
    assert carry_out(page, hostgw) >= 3


def test_no_page_with_a_story_is_forgotten() -> None:
    told = {path.name for path in DOCS.glob("*.md") if list(commands(path.name))}
    assert told == {*PAGES, "docker.md"}
