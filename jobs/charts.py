"""Responsible for drawing a report's lines, by pygal, as SVG that a page may hold.

pygal draws; what it adds for a page of its own (scripts, styles, random ids, comments) is taken out, so that
the page's own styles decide the colours in light, dark and print, and the same numbers give the same picture.
Bars are no pictures: the page makes them of its own boxes, whose texts stay legible on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pygal
from lxml import etree
from markupsafe import Markup

from extract.evidence import clean_text
from jobs.report_parts import Curve, Point

MOST_POINTS = 240
MOST_DOTS = 60
WIDE = (720, 240)
NARROW = (340, 210)
"""Width and height in CSS pixels: for a screen or paper, and for a phone, where the first would be tiny."""

_SVG = "{http://www.w3.org/2000/svg}"
_DROPPED = ("script", "style", "defs", "desc")
_KEPT = ("class", "x", "y", "cx", "cy", "r", "d", "transform", "width", "height", "viewBox", "text-anchor")


def draw(curve: Curve) -> Markup:
    """The line twice, wide and narrow; styles show the one that fits. Empty for fewer than two points."""
    points = thin(curve.points, MOST_POINTS)
    if len(points) < 2:
        return Markup("")
    return Markup("").join(
        _draw(curve, points, size, name) for size, name in ((WIDE, "broad"), (NARROW, "narrow"))
    )


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many of the points, evenly chosen, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(number * (len(points) - 1) / (most - 1))] for number in range(most)]


def _draw(curve: Curve, points: Sequence[Point], size: tuple[int, int], name: str) -> Markup:
    chart = pygal.XY(
        width=size[0],
        height=size[1],
        js=[],
        show_legend=False,
        show_dots=len(points) <= MOST_DOTS,
        dots_size=3,
        margin=8,
        include_x_axis=True,
        show_x_guides=False,
        value_formatter=lambda value: f"{value:,.6g}",
        x_value_formatter=lambda _: "",
        order_min=-3,
        max_scale=6,
    )
    chart.add("", [(point.x, point.y) for point in points])
    root = etree.fromstring(chart.render(is_unicode=False), _parser())
    _clean(root)
    _add_titles(root, points)
    _add_ends(root, curve.ends)
    root.attrib.clear()
    for key, value in (("viewBox", f"0 0 {size[0]} {size[1]}"), ("class", f"chart {name}"), ("role", "img")):
        root.set(key, value)
    root.set("aria-label", clean_text(curve.title))
    drawn = etree.tostring(root, encoding="unicode")
    return Markup(drawn.replace(f' xmlns="{_SVG[1:-1]}"', "", 1))  # needless within HTML


def _parser() -> etree.XMLParser:
    return etree.XMLParser(remove_comments=True, resolve_entities=False, no_network=True)


def _clean(root: etree._Element) -> None:
    """Leave shapes, texts and classes; nothing that acts, loads or differs from time to time."""
    for element in list(root.iter()):
        if etree.QName(element).localname in _DROPPED:
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        for key in set(element.attrib) - set(_KEPT):
            del element.attrib[key]
    etree.cleanup_namespaces(root)


def _add_titles(root: etree._Element, points: Sequence[Point]) -> None:
    """What each dot says when pointed at."""
    for dot, point in zip(root.iter(f"{_SVG}circle"), points, strict=False):
        etree.SubElement(dot, f"{_SVG}title").text = clean_text(point.text)


def _add_ends(root: etree._Element, ends: tuple[str, str]) -> None:
    """Name the ends of the line under the axis; what lies between is told by the dots."""
    plot = next(element for element in root.iter(f"{_SVG}g") if element.get("class") == "plot")
    background = next(plot.iter(f"{_SVG}rect"))
    width, height = float(background.get("width", 0)), float(background.get("height", 0))
    for x, anchor, text in ((0.0, "start", ends[0]), (width, "end", ends[1])):
        end = etree.SubElement(plot, f"{_SVG}text", {"class": "end", "text-anchor": anchor})
        end.set("x", f"{x:.0f}")
        end.set("y", f"{height + 18:.0f}")
        end.text = clean_text(text)


def pace_points(spans: Sequence[tuple[float, float, int]], n_bins: int) -> list[tuple[float, float]]:
    """Work per second over time, from spans of work that each went on evenly.

    :param spans: when each began and ended, in seconds, and how much was done in it.
    :returns: the middle of each bin, in seconds, and the pace in it.
    """
    if not spans:
        return []
    first, last = min(begin for begin, _, _ in spans), max(end for _, end, _ in spans)
    width = (last - first) / n_bins
    if width <= 0:
        return []
    edges = [first + number * width for number in range(n_bins + 1)]
    done = [0.0] * n_bins
    for begin, end, amount in spans:
        length = max(end - begin, 1e-9)
        low, high = int((begin - first) / width), min(int((end - first) / width), n_bins - 1)
        for number in range(min(low, n_bins - 1), high + 1):
            overlap = min(end, edges[number + 1]) - max(begin, edges[number])
            done[number] += amount * max(overlap, 0.0) / length
    return [
        ((left + right) / 2, amount / width)
        for (left, right), amount in zip(pairwise(edges), done, strict=True)
    ]
