"""Lessons in the dashboard: only on a lab, each with its text, its fault and its keys."""

from __future__ import annotations

import pytest

from hostgw.lab import Lab
from hostgw.lab.addresses import Shape
from hostgw_tui.look import lines_text
from hostgw_tui.tour.dialog import LessonDialog, show_lesson
from hostgw_tui.tour.lessons import LESSONS
from tests.fabrics import healthy
from tests.tui.conftest import Make
from tests.tui.fake import settled
from tests.tui.reading import screen_text, settle

PLAIN = Lab("demo", Shape(3, 2, False, "plain"), {})


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_a_lesson_names_its_probe_and_the_commands_of_its_fault(number: int) -> None:
    dialog = LessonDialog(PLAIN, number)
    text = lines_text(dialog._lines)
    assert f"{dialog.lesson.source} → {dialog.lesson.destination}" in text
    for step in dialog.fault.steps:
        assert f"{step.place}# {step.argv[0]}" in text
    assert f"lab heal {PLAIN.name}" in text


def test_where_the_fault_does_not_fit_it_is_said() -> None:
    text = lines_text(LessonDialog(Lab("demo", Shape(2, 2, False, "plain"), {}), 6)._lines)
    assert "Not here: N4 needs 3 hosts" in text
    assert "vm1#" not in text


async def test_without_a_lab_it_says_what_is_needed(make: Make) -> None:
    app = make(settled(healthy()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.action_lessons()
        await settle(pilot)
        assert any("lessons need a lab" in note.message for note in app._notifications)


async def test_keys_turn_the_pages_and_lead_to_the_path(make: Make) -> None:
    app = make(settled(healthy()), read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        show_lesson(app, PLAIN, 1)
        await pilot.press("n", "n", "n", "n")
        await settle(pilot)
        assert "lesson 5 of 7" in screen_text(app)
        await pilot.press("b")
        await settle(pilot)
        assert any("read-only: the lab" in note.message for note in app._notifications)
        show_lesson(app, PLAIN, 5)
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot)
        assert app.current_mode == "path"
        assert "trace vm1:c1 (10.239.0.2) vm2:c1 (10.239.1.2) 1 x icmp" in app.engine.asked  # type: ignore[attr-defined]
