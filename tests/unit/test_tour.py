"""The lessons as a table: they name what a lab has, and say it in a lab's own addresses."""

from __future__ import annotations

import re

import pytest

from hostgw.errors import LabError
from hostgw.lab import FAULTS, VARIANTS, Lab
from hostgw.lab.addresses import Shape
from hostgw_tui.cli import main
from hostgw_tui.tour.facts import facts
from hostgw_tui.tour.lessons import LESSONS, Lesson, filled

PLAIN = Lab("demo", Shape(3, 2, False, "plain"), {})
SENTENCE = re.compile(r"[.!?](?: |$)")
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.fault)


@each_lesson
def test_a_lesson_tries_a_fault_that_the_smallest_sensible_lab_can_hold(lesson: Lesson) -> None:
    (fault,) = (fault for fault in FAULTS if fault.id == lesson.fault)
    assert fault.hosts <= PLAIN.shape.hosts
    assert fault.containers <= PLAIN.shape.containers
    assert fault.expected
    assert not fault.options, "check must see it without probes"


@each_lesson
def test_a_lesson_is_said_in_the_addresses_of_the_lab(lesson: Lesson) -> None:
    told = filled(lesson, facts(PLAIN))
    words = f"{told.title} {told.text} {told.trial} {told.source} {told.destination}"
    assert not set(words) & set("{}")
    assert 3 <= len(SENTENCE.findall(told.text)) <= 6
    known = ("10.239.", "10.5.7.6", "192.0.2.9")
    addresses = re.findall(r"\d+\.\d+\.\d+\.\d+", words)
    assert addresses
    assert all(address.startswith(known) for address in addresses)


def test_the_facts_are_those_of_the_lab() -> None:
    found = facts(PLAIN)
    vm1, vm2 = PLAIN.hosts[:2]
    assert (found["vm1"], found["net2"], found["gw2"]) == (vm1.address, vm2.subnet, "10.239.1.1")
    assert (found["c11"], found["c22"]) == (vm1.container_address("c1"), vm2.container_address("c2"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_with_a_network_can_show_the_lessons(variant: str) -> None:
    lab = Lab("demo", Shape(2, 2, False, variant), {})
    if lab.shape.kind.bare:
        with pytest.raises(LabError, match="the lessons need"):
            facts(lab)
    else:
        assert all(filled(lesson, facts(lab)).text for lesson in LESSONS)


@pytest.mark.parametrize("shape", [Shape(1, 2, False, "plain"), Shape(2, 1, False, "plain")])
def test_a_lab_that_is_too_small_is_refused(shape: Shape) -> None:
    with pytest.raises(LabError, match="the lessons need 2 hosts"):
        facts(Lab("demo", shape, {}))


def test_lessons_are_listed_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "tour", "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{n}. {lesson.title}" for n, lesson in enumerate(LESSONS, 1)]
