"""How a host is reachable; apart from `hostgw.model.host`, for errors name it and must be light."""

from __future__ import annotations

from enum import StrEnum


class HostState(StrEnum):
    """How a host is reachable; every state but `CONNECTING` and `UP` has an error text beside it."""

    CONNECTING = "connecting"
    UP = "up"
    STALE = "stale"
    """Was up; nothing heard for longer than the heartbeat allows, or the stream broke. Data is shown dimmed."""
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    KEY_UNKNOWN = "key-unknown"
    KEY_CHANGED = "key-changed"
    AUTH_FAILED = "auth-failed"
    NO_PYTHON = "no-python"
    NO_ROOT = "no-root"
