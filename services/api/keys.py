"""The keys of the API: made once in the data folder, readable by its user only."""

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.runtime.errors import UserError

SIGNING_KEY_FILE = "token-signing-key.json"
CURSOR_KEY_FILE = "cursor-key"


def signing_key(folder: Path) -> ECKey:
    """The P-256 key that signs the access tokens (ES256). Raises UserError when its file can't be used."""
    content = _once(folder / SIGNING_KEY_FILE, _new_signing_key)
    try:
        return ECKey.import_key(json.loads(content))
    except (JoseError, ValueError, TypeError) as exc:
        raise UserError(f"{folder / SIGNING_KEY_FILE} is no signing key: restore it, or remove it to have a new one made") from exc


def cursor_key(folder: Path) -> bytes:
    """The 256 random bits that authenticate the cursors."""
    return _once(folder / CURSOR_KEY_FILE, lambda: secrets.token_bytes(32))


def _new_signing_key() -> bytes:
    key = ECKey.generate_key("P-256", private=True, auto_kid=True)
    return json.dumps(key.as_dict(private=True)).encode()


def _once(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of ``path``; when there is none it is made, in one step, so that two processes get the same."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # the other process was first
                os.link(draft, path)
            draft.unlink()
        return path.read_bytes()
    except OSError as exc:
        raise UserError(f"the key {path} can't be made or read: {exc.strerror}. Set FACTORYSTREAM_API_DATA_DIR.") from exc
