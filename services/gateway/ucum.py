"""UCUM codes of the units of MTConnect (MTConnect Part 2, Units; the codes are those of ucum.org)."""

UCUM = {
    "AMPERE": "A",
    "AMPERE_HOUR": "A.h",
    "BAR": "bar",
    "CELSIUS": "Cel",
    "COUNT": "{count}",
    "COUNT/SECOND": "{count}/s",
    "CUBIC_MILLIMETER": "mm3",
    "CUBIC_MILLIMETER/SECOND": "mm3/s",
    "DECIBEL": "dB",
    "DEGREE": "deg",
    "DEGREE_3D": "deg",
    "DEGREE/MINUTE": "deg/min",
    "DEGREE/SECOND": "deg/s",
    "DEGREE/SECOND^2": "deg/s2",
    "FOOT/MINUTE": "[ft_i]/min",
    "GRAM": "g",
    "HERTZ": "Hz",
    "JOULE": "J",
    "KILOGRAM": "kg",
    "KILOWATT": "kW",
    "KILOWATT_HOUR": "kW.h",
    "LITER": "L",
    "LITER/SECOND": "L/s",
    "METER": "m",
    "MICROMETER": "um",
    "MILLIMETER": "mm",
    "MILLIMETER_3D": "mm",
    "MILLIMETER/MINUTE": "mm/min",
    "MILLIMETER/REVOLUTION": "mm/{revolution}",
    "MILLIMETER/SECOND": "mm/s",
    "MILLIMETER/SECOND^2": "mm/s2",
    "MINUTE": "min",
    "NEWTON": "N",
    "NEWTON_METER": "N.m",
    "OHM": "Ohm",
    "PASCAL": "Pa",
    "PERCENT": "%",
    "PH": "[pH]",
    "REVOLUTION/MINUTE": "{revolution}/min",
    "REVOLUTION/SECOND": "{revolution}/s",
    "REVOLUTION/SECOND^2": "{revolution}/s2",
    "SECOND": "s",
    "UNIT_VECTOR_3D": "1",
    "VOLT": "V",
    "VOLT_AMPERE": "V.A",
    "WATT": "W",
    "WATT_SECOND": "W.s",
}

#: units that MTConnect fixes for a type, for devices that leave them out
DEFAULT_UNITS = {
    "ACCUMULATED_TIME": "SECOND",
    "AXIS_FEEDRATE": "MILLIMETER/SECOND",
    "ANGLE": "DEGREE",
    "LOAD": "PERCENT",
    "PATH_FEEDRATE": "MILLIMETER/SECOND",
    "PATH_POSITION": "MILLIMETER_3D",
    "POSITION": "MILLIMETER",
    "ROTARY_VELOCITY": "REVOLUTION/MINUTE",
    "TEMPERATURE": "CELSIUS",
}


def ucum(units: str | None, item_type: str) -> str:
    """The UCUM code of MTConnect units; an unknown unit becomes a UCUM annotation such as ``{FURLONG}``, none is ``1``."""
    name = units or DEFAULT_UNITS.get(item_type, "")
    if not name:
        return "1"
    return UCUM.get(name, "{" + name[:28] + "}")
