"""A Vega-Lite chart as SVG that may stand inside a page: no script, no style sheet, no address, no id.

vl-convert draws it without a browser. What it draws is then written anew from a list of elements and attributes that are
known to be harmless, so that no text of an article or a tag can become markup, and equal charts are equal bytes (vl-convert
numbers its clip paths over the life of the process).
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from service.evaluation.tables import legible

ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "circle", "text", "tspan"})
ATTRIBUTES = frozenset(
    "viewBox transform d x y x1 x2 y1 y2 dx dy r cx cy rx width height fill fill-opacity stroke stroke-width stroke-opacity "
    "stroke-dasharray stroke-linecap stroke-linejoin stroke-miterlimit opacity text-anchor dominant-baseline font-size font-weight "
    "font-style".split()
)
"""The font is left to the page."""
HARMLESS = re.compile(r"(?:[\w\s.,#%+-]|var\(--[\w-]+\)|(?:translate|rotate|scale)\([\d\s.,e-]*\))*")
"""Values of attributes: numbers, names, colours of the page, and places."""

_DECIMALS = re.compile(r"\d+\.\d{3,}")


def drawn(specification: dict[str, Any], label: str) -> str:
    """The chart of a Vega-Lite specification as an `<svg>`, which says in `label` what it shows. Raises ValueError for a wrong one."""
    import vl_convert

    picture = vl_convert.vegalite_to_svg(_legible(specification), allowed_base_urls=[])
    return harmless(picture, legible(label))


def harmless(picture: str, label: str) -> str:
    """The picture without all that is not known to be harmless. Raises xml.etree.ElementTree.ParseError for what is not XML."""
    kept = _kept(ElementTree.fromstring(picture))  # noqa: S314 - vl-convert's own output, without a document type
    if kept is None:
        raise ValueError("this is no picture: it has no svg element")
    width = kept.get("width", "600")
    for size in ("width", "height"):
        kept.attrib.pop(size, None)
    kept.attrib |= {"role": "img", "aria-label": label, "style": f"--width: {width}px"}
    return ElementTree.tostring(kept, encoding="unicode")


def _legible(value: Any) -> Any:
    """The specification with all its words legible: half a character ends the process that draws it."""
    if isinstance(value, dict):
        return {_legible(key): _legible(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_legible(one) for one in value]
    return legible(value) if isinstance(value, str) else value


def _kept(element: ElementTree.Element) -> ElementTree.Element | None:
    """The element and what is in it, or None where it is unknown or draws nothing."""
    name = element.tag.rpartition("}")[2]
    if name not in ELEMENTS or element.get("display") == "none" or _is_empty(name, element):
        return None
    new = ElementTree.Element(name, {key: _short(value) for key, value in element.attrib.items() if _allowed(key, value)})
    inner = [one for one in map(_kept, element) if one is not None]
    if name == "g" and not inner:
        return None
    new.extend(inner)
    new.text = element.text if name in {"text", "tspan"} else None
    return new


def _is_empty(name: str, element: ElementTree.Element) -> bool:
    """Vega draws the ground of every group, without colour."""
    return name == "path" and element.get("fill") is None and element.get("stroke") is None


def _allowed(name: str, value: str) -> bool:
    return name in ATTRIBUTES and HARMLESS.fullmatch(value) is not None


def _short(value: str) -> str:
    """Two decimals: more cannot be seen, and differ between machines."""
    return _DECIMALS.sub(lambda found: f"{float(found[0]):.2f}", value)
