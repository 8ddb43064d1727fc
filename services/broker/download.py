"""Fetch jars by their Maven coordinates; nothing counts before its SHA-256 is right and it has been renamed into place."""

import errno
import logging
import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from jgo.config import GlobalSettings
from jgo.maven import MavenContext, PythonResolver

from services.broker.jar_list import KAFKA_VERSION, Jar, sha256_of
from services.broker.progress import DownloadProgress
from services.broker.repositories import remote_repositories
from services.broker.settings import BrokerSettings
from services.runtime.errors import UserError

PARALLEL = 4
TRIES = 3
TIMEOUT_S = 20
# It warns of a checksum that differs from the repository's; here the SHA-256 of the list decides, in one sentence.
logging.getLogger("jgo").setLevel(logging.ERROR)

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


class GivenUp(Exception):
    """Ends the transfers that are under way when another has failed or the user has interrupted."""


class Download:
    """One download into ``folder``. The caller makes sure that no other process downloads into it at the same time."""

    def __init__(self, folder: Path, progress: DownloadProgress) -> None:
        self._folder = folder
        self._staging = folder / ".incoming"
        self._progress = progress
        self._abandoned = Event()
        self._reached = Event()
        resolver_settings = GlobalSettings.load()
        self._local = resolver_settings.repo_cache
        self._remote = remote_repositories(
            BrokerSettings().maven_repository, Path("~/.m2/settings.xml").expanduser(), resolver_settings.repositories
        )

    def fetch(self, jars: Sequence[Jar]) -> None:
        """Fetch and verify all jars. Raises UserError with the first reason why one cannot be had, OSError for the disk."""
        shutil.rmtree(self._staging, ignore_errors=True)  # what an earlier download left half done
        self._progress.begin(f"Downloading Apache Kafka {KAFKA_VERSION}", len(jars), sum(jar.size for jar in jars))
        try:
            with system_certificates(), ThreadPoolExecutor(PARALLEL) as pool:
                try:
                    for done in as_completed([pool.submit(self._fetch_one, jar) for jar in jars]):
                        done.result()
                except BaseException:
                    self._abandoned.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            self._progress.end()
            shutil.rmtree(self._staging, ignore_errors=True)

    def _fetch_one(self, jar: Jar) -> None:
        staged = self._staging / jar.repository_path
        kept = self._local / jar.repository_path
        if kept.is_file() and sha256_of(kept) == jar.sha256:
            staged.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, staged)
            self._progress.advance(jar.size)
        else:
            self._transfer_with_retries(jar, staged)
        self._verify(jar, staged)
        staged.replace(self._folder / jar.file_name)
        self._progress.jar_done()

    def _transfer_with_retries(self, jar: Jar, staged: Path) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                return self._transfer(jar)
            except OSError as exc:  # the resolver's HTTP errors are OSErrors too
                staged.unlink(missing_ok=True)
                if exc.errno in DISK_ERRORS:
                    raise
                # Where nothing has ever come from the network, a second try would only delay the sentence.
                if attempt == TRIES or not self._reached.is_set():
                    raise self._no_network(jar, exc) from exc
                time.sleep(attempt)

    def _transfer(self, jar: Jar) -> None:
        counted = 0

        def count(size: int) -> None:
            nonlocal counted
            if self._abandoned.is_set():
                raise GivenUp
            self._reached.set()
            counted += size
            self._progress.advance(size)

        @contextmanager
        def opened(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield count

        resolver = PythonResolver(progress_callback=opened)
        context = MavenContext(resolver, repo_cache=self._staging, remote_repos=self._remote, timeout=TIMEOUT_S)
        try:
            context.create_dependency(jar.coordinate).artifact.resolve()
        except OSError:
            self._progress.advance(-counted)
            raise
        except RuntimeError as exc:  # what the resolver raises when no repository answers 200
            raise UserError(
                f"the Maven repository does not hand out {jar.coordinate}; check the mirror in ~/.m2/settings.xml or "
                f"FACTORYSTREAM_MAVEN_REPOSITORY, or put the jars into {self._folder}"
            ) from exc
        self._progress.advance(jar.size - counted)

    def _verify(self, jar: Jar, staged: Path) -> None:
        found = sha256_of(staged)
        if found == jar.sha256:
            return
        size = staged.stat().st_size
        staged.unlink()
        what = f"broke off after {size} of {jar.size} bytes" if size < jar.size else "is not the file that was expected"
        raise UserError(
            f"the download of {jar.coordinate} {what} (SHA-256 {found[:12]}…, listed {jar.sha256[:12]}…) and has been deleted; "
            "start again, and if it stays so, look at the mirror or proxy in between"
        )

    def _no_network(self, jar: Jar, cause: OSError) -> UserError:
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return UserError(
                f"the certificate of the Maven repository is not trusted; set SSL_CERT_FILE to your site's certificates, "
                f"or put the jars into {self._folder}"
            )
        return UserError(
            f"no network: Apache Kafka {KAFKA_VERSION} has to be downloaded once, and {jar.coordinate} cannot be fetched "
            f"({type(cause).__name__}); connect and start again, or put the jars into {self._folder} "
            "(python -m services.broker --fetch-only gets them on another machine)"
        )


@contextmanager
def system_certificates() -> Iterator[None]:
    """Let the resolver trust what the system trusts: its HTTP client knows a list of its own, without the site's certificates."""
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None or "REQUESTS_CA_BUNDLE" in os.environ or "CURL_CA_BUNDLE" in os.environ:
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = bundle
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]
