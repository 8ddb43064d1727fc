"""Which Maven repository is asked: the site's mirror before the resolver's default."""

from pathlib import Path

import pytest

from services.broker.repositories import remote_repositories, stands_in
from services.runtime.errors import UserError

SETTINGS = """<?xml version="1.0"?>
<settings{namespace}>
  <mirrors>
    <mirror><id>other</id><mirrorOf>company-internal</mirrorOf><url>https://other.example</url></mirror>
    <mirror><id>site</id><mirrorOf>{mirror_of}</mirrorOf><url>{url}</url></mirror>
  </mirrors>
</settings>
"""
MAVEN_NAMESPACE = ' xmlns="urn:example:settings"'


def write_settings(folder: Path, mirror_of: str, url: str = "https://mirror.example/maven/", namespace: str = "") -> Path:
    path = folder / "settings.xml"
    path.write_text(SETTINGS.format(mirror_of=mirror_of, url=url, namespace=namespace), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", True),
        ("external:*", True),
        ("central", True),
        ("internal, central", True),
        ("*,!internal", True),
        ("*,!central", False),
        ("internal", False),
        ("", False),
    ],
)
def test_a_mirror_stands_in_for_the_repositories_its_pattern_covers(pattern: str, expected: bool) -> None:
    assert stands_in(pattern, "central") is expected


@pytest.mark.parametrize("namespace", ["", MAVEN_NAMESPACE])
def test_the_mirror_of_the_maven_settings_is_used(tmp_path: Path, namespace: str) -> None:
    settings = write_settings(tmp_path, "*", namespace=namespace)
    assert remote_repositories(None, settings, {"configured": "https://c.example"}) == {"mirror": "https://mirror.example/maven"}


def test_a_variable_in_the_maven_settings_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_HOST", "mirror.example")
    settings = write_settings(tmp_path, "central", url="https://${env.SITE_HOST}/${env.NOT_SET_ANYWHERE}")
    assert remote_repositories(None, settings, {}) == {"mirror": "https://mirror.example/${env.NOT_SET_ANYWHERE}"}


def test_the_products_own_variable_comes_first_and_the_resolver_decides_last(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "internal")
    assert remote_repositories("https://site.example/m2/", settings, {}) == {"site": "https://site.example/m2"}
    assert remote_repositories(None, settings, {"configured": "https://c.example"}) == {"configured": "https://c.example"}
    assert remote_repositories(None, tmp_path / "absent.xml", {}) is None


@pytest.mark.parametrize("text", ["<settings>", '<!DOCTYPE s [<!ENTITY e "x">]><settings>&e;</settings>'])
def test_settings_that_cannot_be_read_are_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot read the Maven settings .*settings\.xml"):
        remote_repositories(None, path, {})
