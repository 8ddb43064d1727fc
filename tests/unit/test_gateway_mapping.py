"""What data items become: by the devices document, and by name and shape where it doesn't know them."""

from __future__ import annotations

import pytest
from gateway_lab import drafts, facts, interpreter, mazak01

from services.gateway.asset_card import asset_id, channel_name
from services.gateway.devices import Device, Kind, device_named, parse_devices
from services.gateway.feed import Item
from services.gateway.interpreter import Interpreter
from services.gateway.mtconnect_log import parse_line
from services.gateway.ucum import ucum
from services.runtime.errors import UserError

DOCUMENT = """<?xml version="1.0"?>
<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:{version}" xmlns:x="urn:example:1"><Devices>
 <Device id="d" name="Mill" uuid="u"><Description manufacturer="Acme" model="M1"/>
  <Components><Path id="p"><DataItems>
   <DataItem id="e1" name="exec" type="EXECUTION" category="EVENT"/>
   <DataItem id="e2" type="EXECUTION" category="EVENT"/>
   <DataItem id="pr" name="prog" type="PROGRAM" subType="MAIN" category="EVENT"/>
   <DataItem id="sub" name="subprog" type="PROGRAM" subType="x:SUB" category="EVENT"/>
   <DataItem id="pos" name="path pos" type="PATH_POSITION" category="SAMPLE" units="MILLIMETER_3D"/>
   <DataItem id="t" name="t" type="TEMPERATURE" category="SAMPLE"/>
   <DataItem id="f" name="f" type="x:FURLONGS" category="SAMPLE" units="FURLONG"/>
   <DataItem id="c" name="c" type="SYSTEM" category="CONDITION"/>
  </DataItems></Path></Components>
 </Device></Devices></MTConnectDevices>"""


def mill(version: str = "2.2") -> Device:
    (device,) = parse_devices(DOCUMENT.format(version=version).encode(), "test")
    return device


def said(machine: Interpreter, *lines: str) -> list[Item]:
    out: list[Item] = []
    for line in lines:
        out += machine.observe(parse_line(f"2026-01-05T08:00:00Z|{line}"))
    return [*out, *machine.flush()]


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.8", "2.0", "2.5"])
def test_any_version_of_the_document_is_understood(version: str) -> None:
    device = mill(version)
    assert device.text == "Acme M1"
    assert {name: item.kind for name, item in device.items.items()} == {
        "exec": Kind.EXECUTION, "e1": Kind.EXECUTION, "e2": Kind.SIGNAL, "prog": Kind.PROGRAM, "pr": Kind.PROGRAM,
        "subprog": Kind.SIGNAL, "sub": Kind.SIGNAL, "path pos": Kind.POSITION, "pos": Kind.POSITION, "t": Kind.READING,
        "f": Kind.READING, "c": Kind.CONDITION,
    }  # fmt: skip


def test_units_are_ucum() -> None:
    assert mill().readings() == {"path pos.x": "mm", "path pos.y": "mm", "path pos.z": "mm", "t": "Cel", "f": "{FURLONG}"}
    units = mazak01().readings()
    assert (units["Xload"], units["Srpm"], units["Xfrt"], units["auto_time"]) == ("%", "{revolution}/min", "mm/s", "s")
    assert ucum(None, "SOMETHING") == "1"


def test_the_first_execution_is_the_machines_and_the_others_are_signals() -> None:
    items = said(interpreter(mill()), "exec|ACTIVE", "e2|READY", "subprog|P2", "prog|P1")
    assert [f["state"] for _, f in facts(items, "execution")] == ["ACTIVE"]
    assert [(f["item"], f["value"]) for _, f in facts(items, "signal")] == [("e2", "READY"), ("subprog", "P2")]
    assert [f["program"] for _, f in facts(items, "program")] == ["P1"]


def test_an_item_goes_by_its_id_or_its_name_alike() -> None:
    items = said(interpreter(mill()), "exec|ACTIVE", "e1|ACTIVE", "e1|READY")
    assert [f["state"] for _, f in facts(items, "execution")] == ["ACTIVE", "READY"]


def test_a_position_is_three_channels() -> None:
    (frame,) = drafts(said(interpreter(mill()), "pos|1.5 -2 3e2"), "sensor-frame.v1")
    assert frame.body["columns"] == {"path-pos.x": [1.5], "path-pos.y": [-2.0], "path-pos.z": [300.0]}
    for wrong in ("1 2", "1 2 three", "1 2 3 4"):
        with pytest.raises(ValueError, match=r"position of three|not a finite number"):
            said(interpreter(mill()), f"pos|{wrong}")


def test_a_condition_says_level_code_and_text() -> None:
    items = said(interpreter(mill()), "c|Warning|17|1|LOW|oil", "c|Normal||||", "c|Unavailable||||")
    assert [(f["level"], f["native_code"], f["message"]) for _, f in facts(items, "condition")] == [
        ("warning", "17", "LOW: oil"),
        ("normal", "", ""),
        ("unavailable", "", ""),
    ]


def test_undeclared_items_go_by_name_and_shape_and_are_counted() -> None:
    machine = interpreter(Device("none", "none"))
    items = said(
        machine,
        "execution|ACTIVE",
        "mode|MANUAL",
        "program|P",
        "alarm|Fault|1|||x",
        "Xload|5",
        "Tool_number|7",
        "door|OPEN",
        "ghost|UNAVAILABLE",
    )
    assert [d.body["fact"]["kind"] for d in drafts(items, "machine-event.v1")] == [
        "execution", "mode", "program", "condition", "signal", "signal",
    ]  # fmt: skip
    assert drafts(items, "sensor-frame.v1")[0].body["columns"] == {"Xload": [5.0]}
    assert machine.tally.undeclared.total() == 8
    assert machine.tally.lines["unavailable"] == 1


def test_a_channel_that_nobody_declared_is_registered_before_its_first_reading() -> None:
    machine = interpreter(mill())
    items = said(machine, "Xload|5", "Xload|6")
    kinds = [d.body["type"] for d in drafts(items, ".v1")]
    assert kinds == ["factory.asset.v1", "factory.sensor-frame.v1"]
    assert drafts(items, "asset.v1")[0].body["channels"]["Xload"] == {"unit": "1"}


def test_names_are_made_safe() -> None:
    assert channel_name("x:Spindle Load/1") == "x-Spindle-Load-1"
    assert channel_name("!!") == "channel"
    assert asset_id("Mazak01") == "mazak01"


def test_what_is_no_devices_document_is_said() -> None:
    for text in (b"", b"<a/>", b"hello", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'):
        with pytest.raises(UserError, match=r"origin (is not an MTConnect devices document|has no Device)"):
            parse_devices(text, "origin")
    assert device_named([mill()], "mill") is not None
    assert device_named([mill()], "lathe") is None
