"""The command line of the broker, without a broker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.broker.__main__ import main
from services.broker.embedded import EmbeddedBroker
from services.runtime.errors import UserError, run


def test_a_data_folder_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "--data-dir is needed unless --fetch-only is given" in capsys.readouterr().err


def test_a_broker_that_never_ran_can_be_stopped_but_has_no_process(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.stop()
    assert not broker.alive
    for ask in (lambda: broker.pid, lambda: broker.bootstrap, broker.kill):
        with pytest.raises(RuntimeError):
            ask()


def raise_user_error() -> int:
    raise UserError("the disk is full; make room")


def raise_interrupt() -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("entry", "code", "said"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (raise_user_error, 1, "error: the disk is full; make room\n"),
        (raise_interrupt, 130, ""),
    ],
)
def test_an_error_for_people_is_one_line_and_a_code(
    entry: Callable[[], int | None], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(entry)
    assert caught.value.code == code
    assert capsys.readouterr().err == said


def test_a_defect_keeps_its_traceback() -> None:
    def defect() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(defect)
