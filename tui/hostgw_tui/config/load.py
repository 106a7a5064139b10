"""Reading config.toml; the error says which file, which key, and which one may have been meant."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from pathlib import Path

import msgspec

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw_tui.config.model import Config

MAX_BYTES = 1 << 20
NAME, HOSTS = "config.toml", "hosts.toml"
_SEE = "docs/config.md and 'hostgw-tui config init' explain every setting."
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def directory() -> Path:
    """Return where settings are kept (XDG Base Directory Specification)."""
    told = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(told) if told.startswith("/") else Path.home() / ".config"
    return base / "hostgw-tui"


def read(path: Path) -> Config:
    """Return the settings of a file; where there is none, those that everybody has.

    Raises:
        UsageError: it cannot be read, or something in it is wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise UsageError(f"cannot read {path}", error.strerror or "") from error
    return parse(raw, str(path))


def parse(raw: bytes, name: str) -> Config:
    """Return settings.

    Raises:
        UsageError: something is wrong.
    """
    try:
        data = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{name} is no TOML", clean(str(error), 200), "'hostgw-tui config init' writes one."
        ) from error
    known = Config.__struct_fields__
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
            raise UsageError(f"{name} has no setting {clean(key, 40)}", "", remedy)
    try:
        return msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{name} is wrong", clean(str(error), 200), "'hostgw-tui config init' explains all."
        ) from error


def open_to_others(path: Path) -> bool:
    """Tell whether others than its owner can write to a file."""
    try:
        return bool(path.stat().st_mode & _WRITABLE)
    except OSError:
        return False
