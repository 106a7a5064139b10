"""How sessions behave; one value for all hosts of a fleet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostgw.ssh.beyond import Choice


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of sessions; the defaults are for people, tests take shorter times."""

    ssh_config: Path | None = None
    """Instead of the user's own ssh settings."""
    transport: Choice = Choice.AUTO
    accept_new: bool = False
    """The `ssh` program may take keys of hosts that are not known yet; otherwise the prompter decides."""
    sudo: bool = False
    read_only: bool = False
    python: str = ""
    """Interpreter to try first on every host."""
    connect_s: float | None = None
    """TCP connect timeout; None: ssh's own setting."""
    bootstrap_s: float = 30.0
    ping_s: float = 5.0
    silence_s: float = 15.0
    """A host that says nothing for so long is stale."""
    backoff_s: tuple[float, float] = (1.0, 60.0)
    well_s: float = 30.0
    """After so long without trouble the next trouble is tried again soon."""
    heartbeat_s: float = 30.0
    reconcile_s: float = 30.0
    poll_s: float = 2.0
    stage: bytes = b""
    """What to send instead of the agent (see `payload.stage`); tests do."""
