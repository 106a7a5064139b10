"""The configuration files of hosts, asked for when a plan needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import cast

from hostgw.errors import HostgwError
from hostgw.fabric import Host
from hostgw.plans.persist import Files
from hostgw.wire import FilesReply, ReadFiles, Reply, Request

Ask = Callable[[str, Callable[[int], Request]], "Future[Reply]"]
WAIT_S = 10.0


def read(
    ask: Ask, hosts: Iterable[Host], paths: Callable[[Host], tuple[str, ...]]
) -> tuple[dict[str, Files], dict[str, str]]:
    """Return the files of hosts, and of those that did not tell them, why."""
    asked = {host.name: _asked(ask, host.name, paths(host)) for host in hosts}
    found: dict[str, Files] = {}
    failed: dict[str, str] = {}
    for name, future in asked.items():
        try:
            answer = cast("FilesReply", future.result(WAIT_S))
        except HostgwError as error:
            failed[name] = error.without_host
        except TimeoutError:
            failed[name] = "no answer in time"
        else:
            found[name] = Files(answer.files, answer.systemd)
    return found, failed


def _asked(ask: Ask, host: str, paths: tuple[str, ...]) -> Future[Reply]:
    return ask(host, lambda number: ReadFiles(number, paths))
