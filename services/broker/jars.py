"""The jars of Kafka on this machine: where they lie, and that they are what the list says."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.broker.jar_list import KAFKA_VERSION, Jar, sha256_of
from services.broker.progress import DownloadProgress, Silent
from services.broker.settings import BrokerSettings
from services.runtime.errors import UserError


def jar_folder(cache_dir: Path | None = None) -> Path:
    """The folder the jars are kept in: ``kafka/VERSION`` of the cache (by default that of ``FACTORYSTREAM_CACHE``)."""
    return (BrokerSettings().cache if cache_dir is None else cache_dir).absolute() / "kafka" / KAFKA_VERSION


def missing_jars(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """The jars that ``folder`` lacks, after checking every one it has.

    A jar with other content than the list says is deleted and UserError raised: it may be damage or tampering, so it is said.
    """
    missing = []
    for jar in jars:
        path = folder / jar.file_name
        if not path.is_file():
            missing.append(jar)
        elif (found := sha256_of(path)) != jar.sha256:
            path.unlink()
            raise UserError(
                f"{path} was damaged or exchanged (SHA-256 {found[:12]}…, listed {jar.sha256[:12]}…) and has been deleted; "
                "start again to fetch it anew"
            )
    return missing


def provide_jars(jars: Sequence[Jar], folder: Path, progress: DownloadProgress | None = None) -> list[Path]:
    """Paths of the verified jars in ``folder``, in the order of ``jars``; downloads those that are not there.

    Touches no network when all are there. Raises UserError when a jar cannot be had or is not what the list says.
    """
    try:
        if missing_jars(jars, folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(folder):
                missing = missing_jars(jars, folder)  # another process may have fetched them while this one waited
                if missing:
                    from services.broker.download import Download  # the resolver costs 0.3 s that a later start need not pay

                    Download(folder, progress or Silent()).fetch(missing)
    except OSError as exc:
        raise UserError(
            f"cannot keep the jars of Kafka in {folder}: {exc.strerror or exc}; "
            "free the folder or choose another with FACTORYSTREAM_CACHE"
        ) from exc
    return [folder / jar.file_name for jar in jars]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
