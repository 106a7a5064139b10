"""The log file: what was done and what went wrong, for whoever has to find out why.

One record, one line; lines of a traceback begin with ``|``. Text of hosts passes the gate of `hostgw.clean`, secrets
are left out (`hostgw.redact`), and the file never grows beyond a few megabytes. Without a log file nothing is logged:
a handler that prints would paint into the dashboard.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.redact import redacted

MOST_BYTES, KEPT = 5 << 20, 2
LONGEST = 2000
TRACE_LINES = 60
LOGGERS = ("hostgw", "hostgw_tui", "paramiko", "asyncio")
_MADE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class OneLine(logging.Formatter):
    """Time in UTC, level, thread, logger and message, all of it clean and without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line, and a traceback as some more."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{when}.{int(record.msecs):03}Z {record.levelname.lower():<7} {record.name}"
        lines = [f"{head}: {clean(redacted(_message(record)), LONGEST)}"]
        if record.exc_info and record.exc_info[0]:
            trace = redacted(self.formatException(record.exc_info)).splitlines()
            lines += [f"  | {clean(text, LONGEST)}" for text in trace[-TRACE_LINES:]]
        return "\n".join(lines)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's own mistake must not cost what it wanted to say
        return str(record.msg)


class _Private(RotatingFileHandler):
    """A file that only its owner reads; a link in its place is refused."""

    def _open(self):  # type: ignore[no-untyped-def]
        return os.fdopen(os.open(self.baseFilename, _MADE, 0o600), "a", encoding="utf-8", errors="backslashreplace")


def silent() -> None:
    """Log nothing, and print nothing either."""
    for name in LOGGERS:
        logging.getLogger(name).addHandler(logging.NullHandler())


def start(path: Path, level: Level = Level.INFO) -> None:
    """Log into a file from now on, also what nobody caught.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        handler = _Private(path, maxBytes=MOST_BYTES, backupCount=KEPT)
    except OSError as error:
        what = f"the log {path} cannot be written"
        raise UsageError(what, error.strerror or "", "--log names a file in a directory that you may write.") from error
    handler.setFormatter(OneLine())
    number = getattr(logging, level.upper())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(number)
        logger.propagate = False
    threading.excepthook = _uncaught


def _uncaught(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None:
        name = what.thread.name if what.thread else "a thread"
        known = (what.exc_type, what.exc_value, what.exc_traceback)
        logging.getLogger("hostgw").error("%s ended by itself", name, exc_info=known)
