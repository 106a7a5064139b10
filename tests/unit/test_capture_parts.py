from __future__ import annotations

import random

import pytest

from hostgw.capture.parts import MAX_GAPS, Parts


@pytest.mark.parametrize("seed", range(5))
def test_parts_add_up_in_any_order(seed: int) -> None:
    spans = [(at, at + 100) for at in range(0, 2000, 100)]
    random.Random(seed).shuffle(spans)
    parts = Parts(0, fragments=False)
    for count, span in enumerate(spans):
        assert not parts.shows(*span)
        parts.take(*span)
        assert parts.shows(*span)
        assert (parts.frames, parts.covered) == (count + 1, 100 * (count + 1))
    assert parts.edges == [0, 2000]


def test_a_byte_in_common_is_enough() -> None:
    parts = Parts(0, fragments=False)
    parts.take(100, 200)
    assert [parts.shows(*span) for span in ((0, 100), (0, 101), (199, 300), (200, 300))] == [False, True, True, False]


def test_holes_are_bounded() -> None:
    parts = Parts(0, fragments=False)
    for at in range(0, 4 * MAX_GAPS, 2):
        if not parts.shows(at, at + 1):
            parts.take(at, at + 1)
    assert len(parts.edges) <= 2 * MAX_GAPS + 2
