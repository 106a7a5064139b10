"""The error tree.

HostgwError              what failed, likely cause, what to do
├── UsageError           the command line or a setting is wrong (exit 2)
├── LabError             the lab could not be built, found or changed
├── HostError            one host cannot be reached or read; carries the state that screens and JSON show
│   ├── KeyUnknownError  the host key is not known yet; carries the key for the question
│   └── ProtocolError    what came from the host is not our agent's speech
├── PlanError            a change was not made
│   ├── StalePlanError   the host is no longer as the preview saw it
│   └── RefusedError     the change may not be made (management path, read-only, class 3)
└── CaptureError         a tap or a filter could not be set up
"""

from __future__ import annotations

from hostgw.model.host_state import HostState


class HostgwError(Exception):
    """One clear error: `what` failed, the likely `cause`, the `remedy`; `host` where one host is concerned."""

    def __init__(self, what: str, cause: str = "", remedy: str = "", host: str = "") -> None:
        super().__init__(what)
        self.what, self.cause, self.remedy, self.host = what, cause, remedy, host

    def __str__(self) -> str:
        """Return one line: host, what, cause and remedy."""
        return f"{self.host}: {self.without_host}" if self.host else self.without_host

    @property
    def without_host(self) -> str:
        """One line: what, cause and remedy, where the host is named beside it."""
        text = f"{self.what}: {self.cause}" if self.cause else self.what
        stop = "" if text.endswith("?") else "."
        return f"{text}{stop} {self.remedy}" if self.remedy else text


class UsageError(HostgwError):
    """The command line, an inventory or a setting is wrong."""


class LabError(HostgwError):
    """The lab could not be built, found or changed."""


class HostError(HostgwError):
    """A host could not be reached or read; `state` says in one word why."""

    def __init__(self, state: HostState, what: str, cause: str = "", remedy: str = "", host: str = "") -> None:
        super().__init__(what, cause, remedy, host)
        self.state = state


class KeyUnknownError(HostError):
    """The host offered a key that no known_hosts file lists."""

    def __init__(self, host: str, key_type: str, fingerprint: str, remedy: str) -> None:
        cause = f"{key_type} key {fingerprint}"
        super().__init__(HostState.KEY_UNKNOWN, "host key is not known", cause, remedy, host)
        self.key_type, self.fingerprint = key_type, fingerprint


class ProtocolError(HostError):
    """What came from the host is not our agent's speech: too long, malformed or out of turn."""

    def __init__(self, what: str, cause: str = "", host: str = "") -> None:
        super().__init__(HostState.STALE, what, cause, "The connection is closed and tried again.", host)


class PlanError(HostgwError):
    """A change was not made, or not wholly; the message says what the host is left with."""


class StalePlanError(PlanError):
    """The host is no longer as the preview saw it; nothing was changed."""


class RefusedError(PlanError):
    """The change may not be made: management path, read-only, or nothing that a key press could fix."""


class CaptureError(HostgwError):
    """A tap or a capture filter could not be set up."""
