"""The model of the route look-up against the kernel's own: random fabrics, random packets, no difference."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hostgw.paths.fib import fib
from tests.lab import random_fib
from tests.lab.agent_rig import Nets
from tests.lab.random_fib import Kernel, Maker, agrees

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
FABRICS = 400 if os.environ.get("HOSTGW_SOAK") else 16
LOOKUPS = 500


@pytest.fixture(scope="module")
def nets() -> Iterator[Nets]:
    with Nets() as made:
        random_fib.make(made)
        yield made


@pytest.fixture(scope="module")
def kernel(nets: Nets) -> Iterator[Kernel]:
    found = Kernel(f"/run/netns/{nets.name('f')}")
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(FABRICS))
def test_the_model_says_what_the_kernel_does(nets: Nets, kernel: Kernel, seed: int) -> None:
    maker = Maker(seed)
    random_fib.settle(nets, maker)
    state = kernel.state()
    model = fib(state)
    for _ in range(LOOKUPS):
        packet = maker.packet(state)
        said, done = model.lookup(packet), kernel.ask(packet, state)
        assert agrees(said, done, state), (packet, said, done)
