"""Which Maven repository the jars come from: what the site has set up, else the resolver's default."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from services.runtime.errors import UserError

DEFAULT_REPOSITORY = "central"  # Maven's own name for it, the one a mirror has to stand in for


def remote_repositories(maven_repository: str | None, settings_file: Path, configured: Mapping[str, str]) -> dict[str, str] | None:
    """Name and URL of each repository to ask, in order; None leaves it to the resolver.

    The first that says something: ``FACTORYSTREAM_MAVEN_REPOSITORY``, a mirror of the default repository in Maven's
    ``settings.xml``, the resolver's own configuration. Raises UserError for a settings file that cannot be read.
    """
    if maven_repository:
        return {"site": maven_repository.rstrip("/")}
    mirror = mirror_url(settings_file) if settings_file.is_file() else None
    if mirror:
        return {"mirror": mirror}
    return dict(configured) or None


def mirror_url(settings_file: Path) -> str | None:
    """URL of the first mirror in a ``settings.xml`` that stands in for the default repository.


    Format: Maven settings reference, element ``mirrors``; ``${env.NAME}`` is replaced as Maven does. Raises UserError
    for a file that cannot be read.
    """
    try:
        tree = parse(settings_file)
    except (OSError, ParseError, DefusedXmlException) as exc:
        raise UserError(f"cannot read the Maven settings {settings_file}: {exc}") from exc
    for mirror in tree.iterfind("{*}mirrors/{*}mirror"):
        url = _text(mirror, "url")
        if url and stands_in(_text(mirror, "mirrorOf"), DEFAULT_REPOSITORY):
            return re.sub(r"\$\{env\.(\w+)\}", lambda match: os.environ.get(match[1], match[0]), url).rstrip("/")
    return None


def stands_in(mirror_of: str, repository: str) -> bool:
    """Whether a ``mirrorOf`` pattern (``*``, ``external:*``, names and ``!name``, comma separated) covers a remote repository."""
    patterns = [pattern.strip() for pattern in mirror_of.split(",")]
    if f"!{repository}" in patterns:
        return False
    return any(pattern in ("*", "external:*", repository) for pattern in patterns)


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip()
