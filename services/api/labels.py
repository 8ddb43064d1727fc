"""The second look at the labels: what must not leave is refused here too, whatever the bridge decided."""

from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.customer_event import VIEWS, check_payload
from schemas.label import DataClass, Export, PersonalInformation, labels

#: grave enough that nothing of the event may leave
NEVER = (DataClass.CORE, DataClass.IMPORTANT)


def refusal(product: str, payload: dict[str, Any]) -> str | None:
    """Why this payload must not be stored; None when it may."""
    try:
        check_payload(product, payload)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        return f"payload.{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"
    except ValueError as exc:
        return f"payload: {exc}"
    return forbidden(VIEWS[product], payload)


def forbidden(view: type[BaseModel], payload: dict[str, Any]) -> str | None:
    """The first field of ``payload`` whose label keeps it inside, with the reason; None when there is none."""
    for path, label in labels(view):
        if not _present(payload, path.split(".")):
            continue
        if label is None:
            return f"payload.{path} has no label"
        if label.classified in NEVER:
            return f"payload.{path} is {label.classified.value} data"
        if label.export is Export.DENY or label.pi is not PersonalInformation.NONE:
            return f"payload.{path} is not for export"
    return None


def _present(payload: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(payload, list):
        return any(_present(item, path) for item in payload)
    return isinstance(payload, dict) and path[0] in payload and _present(payload[path[0]], path[1:])
