"""Tables of job reports: what rows become, which report counts where they overlap, and what is said of every trap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import Taken, rejects
from job_lab import HEAD, PLAIN, REPORTS, SAMPLE, WORDS, events, facts, feeds, items, orders, report, table, write

from services.gateway.draft import Draft
from services.gateway.job_feed import job_feeds
from services.gateway.job_mapping import read_mapping
from services.gateway.replay import Replay
from services.gateway.source_spec import JobsSpec
from services.runtime.errors import UserError


def told(folder: Path, *rows: dict[str, str], asset: str = "m1", **words: Any) -> list[str]:
    return facts(events(items(write(folder, rows), {**PLAIN, **words})), asset)


def traps(folder: Path, *rows: dict[str, str], **words: Any) -> dict[str, int]:
    path = write(folder, rows)
    feeds_of_it = feeds(path, {**PLAIN, **words})
    return {name: n for name, n in feeds_of_it[0].tally.traps.items() if n}


# set-up   breakdown     production  (nothing)  production
# 08:00    08:30         09:00       10:00      11:00  12:00
def test_reports_become_states_codes_orders_and_pieces(tmp_path: Path) -> None:
    assert told(
        tmp_path,
        report("08:00", "08:30", "S", completed=1),
        report("08:30", "09:00", "B"),
        report("09:00", "10:00", "P", completed=12, rejected=2, held=1),
        report("11:00", "12:00", "P", order="PO-2", completed=5),
    ) == [
        "08:00 order PO-1", "08:00 Stopped", "08:00 (set-up)",
        "08:30 1/0/0 PO-1", "08:30 Aborted", "08:30 (breakdown)",
        "09:00 Execute",
        "10:00 15/3/0 PO-1", "10:00 order -", "10:00 Idle",
        "11:00 order PO-2", "11:00 Execute",
        "12:00 5/0/0 PO-2", "12:00 order -", "12:00 Idle",
    ]  # fmt: skip


# P of PO-1 |=========.............=====|     08:00 .. 12:00
# S of PO-2            |====|                 09:00 .. 10:00
# P of PO-3                 |====|            10:00 .. 11:00
def test_a_later_start_takes_over_and_the_earlier_report_goes_on_afterwards(tmp_path: Path) -> None:
    rows = [report("08:00", "12:00"), report("09:00", "10:00", "S", order="PO-2"), report("10:00", "11:00", order="PO-3")]
    assert told(tmp_path, *rows) == [
        "08:00 order PO-1", "08:00 Execute",
        "09:00 order PO-2", "09:00 Stopped", "09:00 (set-up)",
        "10:00 order PO-3", "10:00 Execute",
        "11:00 order PO-1",
        "12:00 order -", "12:00 Idle",
    ]  # fmt: skip
    assert traps(tmp_path, *rows) == {"overlapping reports": 1, "seconds given to a later report": 7200}


@pytest.mark.parametrize(("kinds", "state"), [("BSP", "Execute"), ("PSB", "Execute"), ("BS", "Stopped"), ("SB", "Stopped")])
def test_of_equal_starts_production_counts_before_set_up_before_breakdown(tmp_path: Path, kinds: str, state: str) -> None:
    assert told(tmp_path, *(report("08:00", "09:00", kind) for kind in kinds))[1] == f"08:00 {state}"


def test_of_equal_reports_of_two_orders_the_later_row_counts(tmp_path: Path) -> None:
    rows = [report("08:00", "09:00", order="PO-2"), report("08:00", "09:00", order="PO-1")]
    assert told(tmp_path, *rows)[0] == "08:00 order PO-1"


def test_a_report_without_duration_has_pieces_and_no_time(tmp_path: Path) -> None:
    row = report("08:00", "08:00", completed=3)
    assert told(tmp_path, row) == ["08:00 3/0/0 PO-1"]
    assert traps(tmp_path, row) == {"reports without duration": 1}


def test_rows_may_come_in_any_order_and_are_counted(tmp_path: Path) -> None:
    rows = [report("10:00", "11:00"), report("08:00", "09:00", "S")]
    assert told(tmp_path, *rows) == told(tmp_path, *reversed(rows))
    assert traps(tmp_path, *rows) == {"rows out of time order": 1}


def test_a_repeated_row_counts_once_and_so_does_one_that_differs_where_the_mapping_ignores_it(tmp_path: Path) -> None:
    row, other = report("08:00", "09:00", completed=3), report("08:00", "09:00", completed=3, rework="n")
    assert told(tmp_path, row, row).count("09:00 3/0/0 PO-1") == 1
    assert traps(tmp_path, row, row) == {"repeated rows": 1}
    assert traps(tmp_path, row, other, ignore=["rework"]) == {"repeated rows": 1}
    assert told(tmp_path, row, other).count("09:00 3/0/0 PO-1") == 2


def test_the_mapping_leaves_rows_out_by_their_words(tmp_path: Path) -> None:
    rows = [report("08:00", "09:00"), report("09:00", "10:00", "B")]
    assert told(tmp_path, *rows, where={"type": ["P"]})[-1] == "09:00 Idle"
    assert traps(tmp_path, *rows, where={"type": ["P"]}) == {"rows left out by the mapping": 1}


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"start": "soon"}, "start", "Invalid isoformat string"),
        ({"complete": "2026-01-05T07:59:00"}, "complete", "is before the start"),
        ({"start": "1969-12-31T08:00:00"}, "start", "lies before 1970"),
        ({"type": "X"}, "type", "'X' is not explained by the mapping"),
        ({"completed": "-1"}, "completed", "'-1' is no number of pieces"),
        ({"completed": "1.5"}, "completed", "'1.5' is no number of pieces"),
        ({"held": "1e3"}, "held", "'1e3' is no number of pieces"),
        ({"completed": "1000000001"}, "completed", "more than 1000000000 pieces"),
        ({"machine": " "}, "machine", "is empty"),
        ({"ordered": "ten"}, "ordered", "'ten' is no number of pieces"),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside_with_line_and_column(
    tmp_path: Path, cells: dict[str, str], column: str, reason: str
) -> None:
    path = write(tmp_path, [report("08:00", "09:00"), {**report("08:00", "09:00"), **cells}])
    (found,) = rejects(items(path, PLAIN))
    assert (found.origin, found.field) == ("reports.csv:3", column)
    assert reason in found.reason
    with pytest.raises(UserError, match=r"reports.csv:3: "):
        table(path, strict=True)


def test_a_row_with_a_cell_too_many_or_too_few_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path, [report("08:00", "09:00")])
    path.write_text(path.read_text() + "PO-1,M1\n" + ",".join("x" * (len(HEAD) + 1)) + "\n")
    assert [r.origin for r in rejects(items(path, PLAIN))] == ["reports.csv:3", "reports.csv:4"]


def test_every_row_ends_in_one_class() -> None:
    (found, *_) = feeds(REPORTS, WORDS)
    assert dict(found.tally.lines) == {"report": 17, "malformed": 2, "repeated row": 1, "filtered": 1}
    assert found.tally.read == sum(found.tally.lines.values()) == len(REPORTS.read_text().splitlines()) - 1


def test_pieces_for_review_are_scrap_and_a_flag_makes_the_others_rework(tmp_path: Path) -> None:
    row = report("08:00", "09:00", completed=8, rejected=1, held=2, rework="Y")
    assert "09:00 11/3/8 PO-1" in told(tmp_path, row)
    assert "09:00 8/3/5 PO-1" in told(tmp_path, row, completed_are="all")
    short = write(tmp_path, [report("08:00", "09:00", completed=2, rejected=3)])
    assert "can't have 3 rejected" in rejects(items(short, {**PLAIN, "completed_are": "all"}))[0].reason


def test_pieces_elsewhere_than_where_they_count_are_named(tmp_path: Path) -> None:
    rows = [report("08:00", "09:00", completed=5), report("08:00", "09:00", machine="QC", completed=4)]
    assert "09:00 5/0/0 PO-1" not in told(tmp_path, *rows, pieces_at=["QC"])
    assert "09:00 4/0/0 PO-1" in told(tmp_path, *rows, pieces_at=["QC"], asset="qc")
    assert traps(tmp_path, *rows, pieces_at=["QC"]) == {"pieces at resources whose pieces do not count": 5}


# Europe/Berlin, 2025-10-26: 03:00 summer time (01:00Z) becomes 02:00 winter time
@pytest.mark.parametrize(
    ("start", "complete", "minutes", "name"),
    [
        ("02:10", "02:40", ("00:10", "00:40"), "ambiguous local times"),  # both the first
        ("02:40", "02:10", ("00:40", "01:10"), "ambiguous local times"),  # only the second 02:10 is not before the start
        ("01:30", "03:30", ("23:30", "02:30"), None),
    ],
)
def test_a_local_time_that_comes_twice_is_the_first_unless_the_report_would_end_before_it_starts(
    tmp_path: Path, start: str, complete: str, minutes: tuple[str, str], name: str | None
) -> None:
    row = report(f"2025-10-26T{start}", f"2025-10-26T{complete}")
    found = told(tmp_path, row, zone="Europe/Berlin")
    assert (found[1], found[-1]) == (f"{minutes[0]} Execute", f"{minutes[1]} Idle")
    assert traps(tmp_path, row, zone="Europe/Berlin") == ({name: 2} if name else {})


def test_a_local_time_that_the_clocks_skipped_is_read_as_if_they_had_not_been_set(tmp_path: Path) -> None:
    row = report("2026-03-29T01:30", "2026-03-29T02:30")  # 02:00 became 03:00
    assert told(tmp_path, row, zone="Europe/Berlin")[-1] == "01:30 Idle"  # an hour after 00:30Z
    assert traps(tmp_path, row, zone="Europe/Berlin") == {"local times that the clocks skipped": 1}


def test_ids_are_made_of_names(tmp_path: Path) -> None:
    rows = [report("08:00", "09:00", machine="Machine 4 - Turning & Milling", order="Case 1", part="Vis à tête/8")]
    found = events(items(write(tmp_path, rows), PLAIN))
    assert facts(found, "machine-4-turning-milling")[0] == "08:00 order Case-1"
    assert orders(found)["Case-1"].part == "Vis-a-tete-8"


@pytest.mark.parametrize(
    ("one", "other", "words", "reason"),
    [
        ({"machine": "A 1"}, {"machine": "a-1"}, {}, "resources 'A 1' and 'a-1' would both be a-1"),
        ({"order": "Case 1"}, {"order": "Case-1"}, {}, "orders 'Case 1' and 'Case-1' would both be Case-1"),
        ({"part": "M8/20"}, {"part": "M8 20"}, {}, "parts 'M8 20' and 'M8/20' would both be M8-20"),
        ({"machine": "机床"}, {}, {}, "no id can be made of the resource '机床'"),
        ({"machine": "job"}, {"order": "job"}, {}, "job would be the id of both asset and order"),
        ({"machine": "line 1"}, {}, {}, "line-1 would be the id of both asset and line"),
        ({}, {"machine": "M2"}, {"resources": {"M2": {"line": "line-2"}}}, "order PO-1 is on the lines line-1 and line-2"),
    ],
)
def test_an_id_for_two_names_is_an_error(
    tmp_path: Path, one: dict[str, str], other: dict[str, str], words: dict[str, Any], reason: str
) -> None:
    path = write(tmp_path, [{**report("08:00", "09:00"), **one}, {**report("09:00", "10:00"), **other}])
    with pytest.raises(UserError) as failure:
        table(path, {**PLAIN, **words})
    assert reason in str(failure.value)


def test_the_mapping_gives_ids_to_names_that_make_none(tmp_path: Path) -> None:
    row = report("08:00", "09:00", machine="机床", order="订单")
    found = told(tmp_path, row, asset="lathe-1", resources={"机床": {"id": "lathe-1"}}, order_ids={"订单": "PO-9"})
    assert found[0] == "08:00 order PO-9"


def test_an_order_with_two_quantities_or_none_is_named(tmp_path: Path) -> None:
    rows = [
        report("08:00", "09:00", ordered=5),
        report("09:00", "10:00", ordered=7),
        report("10:00", "11:00", order="X", ordered=""),
    ]
    found = orders(events(items(write(tmp_path, rows), PLAIN)))
    assert {o: r.planned for o, r in found.items()} == {"PO-1": 5}
    assert traps(tmp_path, *rows) == {
        "orders with several quantities, the first taken": 1,
        "orders without a part or a quantity, so without a record": 1,
    }


def test_pieces_without_an_order_are_named(tmp_path: Path) -> None:
    row = report("08:00", "09:00", order="", completed=2)
    assert told(tmp_path, row) == ["08:00 Execute", "09:00 2/0/0 -", "09:00 Idle"]
    assert traps(tmp_path, row) == {"reports with pieces and no order: they count for the order in work at that instant": 1}


def test_tables_of_two_months_are_one_log_of_each_resource(tmp_path: Path) -> None:
    first = write(tmp_path, [report("08:00", "10:00")], "january.csv")
    second = write(tmp_path, [report("09:00", "11:00", "S")], "february.csv")
    (tmp_path / "m.json").write_text(json.dumps(PLAIN))
    found = job_feeds(JobsSpec(paths=[first, second], mapping=tmp_path / "m.json"))
    assert facts(events(list(Replay(found).items())), "m1")[1:4] == ["08:00 Execute", "09:00 Stopped", "09:00 (set-up)"]


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, [report("08:00", "09:00", machine="机床")])
    path.write_bytes(path.read_text().encode("gb18030"))
    words = {**PLAIN, "resources": {"机床": {"id": "lathe-1"}}}
    assert table(path, {**words, "encoding": "gb18030"}).assets == {"机床": "lathe-1"}
    with pytest.raises(UserError, match="can't be read"):
        table(path, words)


def test_a_table_without_the_columns_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, [], head=[c for c in HEAD if c not in ("held", "type")])
    with pytest.raises(UserError, match="has no column type, held; it has order, machine"):
        table(path)


@pytest.mark.parametrize(
    ("word", "other", "reason"),
    [
        ('customer = "sample-customer"', "customer = ", "is not TOML"),
        ('line = "job-shop"', "", "line: Field required"),
        ("Europe/Berlin", "Mars/Olympus", "zone: Value error, 'Mars/Olympus' is no IANA time zone"),
        ("simulated = true", "encoding = 'ebcdic-of-old'", "encoding: Value error, 'ebcdic-of-old' is no encoding"),
        ('part = "part"', 'worker = "part"', "columns.worker: Extra inputs"),
        ('S = "set-up"', 'S = "party"', "reports.S: "),
        ('completed_are = "good"', 'completed_are = "some"', "completed_are: "),
    ],
)
def test_a_malformed_mapping_is_said_in_a_sentence(tmp_path: Path, word: str, other: str, reason: str) -> None:
    text = (SAMPLE / "mapping.toml").read_text()
    assert word in text
    path = tmp_path / "mapping.toml"
    path.write_text(text.replace(word, other))
    with pytest.raises(UserError) as failure:
        read_mapping(path)
    assert str(failure.value).startswith(f"{path}")
    assert reason in str(failure.value)


def test_orders_need_the_columns_of_their_records() -> None:
    columns = {k: v for k, v in PLAIN["columns"].items() if k != "part"}
    with pytest.raises(ValueError, match="orders = false"):
        table(REPORTS, {**PLAIN, "columns": columns})


def test_the_numbers_of_each_asset_have_no_gap_behind_the_door(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    found = job_feeds(JobsSpec(paths=[REPORTS], mapping=SAMPLE / "mapping.toml"))
    all_items = list(Replay(found).items())
    for at in range(0, len(all_items), 7):
        assert taken.intake.put(all_items[at : at + 7], {"job": str(at)})
    numbers: dict[str, list[int]] = {}
    for event in taken.events():
        if "sequence" in event:
            numbers.setdefault(event["asset"], []).append(event["sequence"])
    assert {asset: list(range(1, len(n) + 1)) for asset, n in numbers.items()} == numbers
    assert sum(map(len, numbers.values())) == sum(i.asset is not None for i in all_items if isinstance(i, Draft))
    assert taken.intake.rejected == 0
    lines = [json.loads(line) for line in (tmp_path / "data" / "rejects.ndjson").read_text().splitlines()]
    assert [(r["origin"], r["field"]) for r in lines] == [("reports.csv:20", "complete"), ("reports.csv:21", "completed")]
    taken.close()
