"""Secrets of one stack: made once, kept in files that only this user can read, never logged."""

import os
import secrets
from pathlib import Path

ENTROPY_BYTES = 32


def secret_file(folder: Path, name: str) -> Path:
    """The file of that secret, made with 256 random bits when there is none."""
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(secrets.token_urlsafe(ENTROPY_BYTES))
    return path


def secret(folder: Path, name: str) -> str:
    """The secret itself."""
    return secret_file(folder, name).read_text(encoding="ascii")
