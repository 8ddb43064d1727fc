"""The list of Kafka's jars and what counts as having them."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from services.broker.jar_list import KAFKA, Jar, kafka_jars, parse_list
from services.broker.jars import jar_folder, missing_jars, provide_jars
from services.runtime.errors import UserError

CONTENT = b"the content of a jar"
JAR = Jar(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "org.example", "tool", "1.2.3")


def test_the_list_names_kafka_and_what_its_class_path_needs_once_each() -> None:
    jars = kafka_jars()
    coordinates = {jar.coordinate for jar in jars}
    assert KAFKA in coordinates
    assert {"kafka-clients", "scala-library", "log4j-core", "log4j-slf4j-impl"} <= {jar.artifact for jar in jars}
    assert len({jar.file_name for jar in jars}) == len({(jar.group, jar.artifact) for jar in jars}) == len(jars)
    assert all(int(jar.sha256, 16) and jar.size > 0 for jar in jars)


def test_a_line_of_the_list_reads_back_as_the_same_jar() -> None:
    assert parse_list(f"# comment\n\n{JAR.line()}\n") == (JAR,)
    assert (JAR.file_name, str(JAR.repository_path)) == ("tool-1.2.3.jar", "org/example/tool/1.2.3/tool-1.2.3.jar")


@pytest.mark.parametrize(
    "line",
    ["abc 12 g:a:1", f"{'0' * 64} g:a:1", f"{'0' * 64} many g:a:1", f"{'0' * 64} 12 g:a", f"{'0' * 64} 12 g:a:1 more:x:1"],
)
def test_a_line_in_another_form_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse_list(f"# head\n{line}\n")


def test_a_jar_is_missing_until_the_whole_file_is_there(tmp_path: Path) -> None:
    assert missing_jars([JAR], tmp_path / "nowhere") == [JAR]
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    assert missing_jars([JAR], tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!", b""])
def test_a_jar_with_other_content_is_deleted_and_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / JAR.file_name
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"tool-1\.2\.3\.jar was damaged or exchanged .* has been deleted"):
        provide_jars([JAR], tmp_path)
    assert not path.exists()


def test_jars_that_are_there_need_no_resolver_and_no_right_to_write(tmp_path: Path) -> None:
    """A cache baked into an image is read-only, and importing the resolver would cost every start a third of a second."""
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    tmp_path.chmod(0o555)
    program = (
        "import sys; from pathlib import Path\n"
        "from services.broker.jar_list import Jar; from services.broker.jars import provide_jars\n"
        f"print(provide_jars([{JAR!r}], Path({str(tmp_path)!r})), 'jgo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == f"{[tmp_path / JAR.file_name]} False"
    assert [path.name for path in tmp_path.iterdir()] == [JAR.file_name]


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot keep the jars of Kafka in .*: Not a directory"):
        provide_jars([JAR], tmp_path / "file" / "cache")


def test_the_cache_is_the_argument_else_the_variable_else_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FACTORYSTREAM_CACHE", raising=False)
    assert jar_folder().parents[1] == tmp_path / ".cache" / "factorystream"
    monkeypatch.setenv("FACTORYSTREAM_CACHE", "~/site")
    assert jar_folder().parents[1] == tmp_path / "site"
    assert jar_folder(Path("/opt/cache")).parents[1] == Path("/opt/cache")
