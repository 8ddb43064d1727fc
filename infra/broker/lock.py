"""Write the list of Kafka's jars with their SHA-256: ``python -m infra.broker.lock``, after KAFKA_VERSION has been changed.

Resolves the coordinates with their dependencies, downloads every jar afresh and writes ``services/broker/kafka-VERSION.sha256``,
the one list that every start verifies against. It lies in the package so that an installed wheel has it too.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import MavenContext

from services.broker.jar_list import KAFKA, LIST_NAME, Jar, sha256_of

LIST_FILE = Path(__file__).parents[2] / "services" / "broker" / LIST_NAME
# What connects Kafka's logging calls with log4j: part of Kafka's own distribution, but not among the dependencies it declares.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"
LOG_CORE = "log4j-core"


def main() -> None:
    """Resolve, download, hash and write the list."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=60)
        inputs, dependencies = context.resolver.resolve([context.create_dependency(KAFKA)])
        version = next(found.version for found in dependencies if found.artifactId == LOG_CORE)
        # Taken without its own dependencies: resolved together, its managed versions would replace those of Kafka.
        wanted = [*inputs, *dependencies, context.create_dependency(f"{LOG_BINDING}:{version}")]
        with ThreadPoolExecutor(4) as pool:
            paths = list(pool.map(lambda dependency: Path(dependency.artifact.resolve()), wanted))
        jars = [
            Jar(sha256_of(path), path.stat().st_size, found.groupId, found.artifactId, found.version)
            for found, path in zip(wanted, paths, strict=True)
        ]
    jars.sort(key=lambda jar: jar.coordinate)
    head = f"# {KAFKA} with its run-time dependencies and its log writer: sha256, bytes, coordinates.\n"
    head += "# Written by infra/broker/lock.py.\n"
    LIST_FILE.write_text(head + "".join(f"{jar.line()}\n" for jar in jars), encoding="ascii")
    print(f"{LIST_FILE.name}: {len(jars)} jars, {sum(jar.size for jar in jars)} bytes")


if __name__ == "__main__":
    main()
