"""What the charts are made of: shares on an axis from 0 to 1, dots on intervals, one colour and one shape for each system.

Colours are the page's own custom properties, so that a chart is light on a light page and dark on a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.evaluation.svg import drawn

WIDTH = 380
"""Of a chart's field, without the names beside it; the page scales the whole."""
COLOURS = ("var(--s0)", "var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross")
"""One for each system, so that none is told by its colour alone."""
SOFT, LINE = "var(--muted)", "var(--rule)"

Rows = list[dict[str, Any]]
"""What a chart shows, a row for each mark."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, and what there is to say of it."""

    svg: str
    """Harmless markup: see `service.evaluation.svg`."""
    caption: str


def field(rows: Rows | None = None) -> Any:
    """An empty chart of these rows; of its facet's without any."""
    import altair as alt

    return alt.Chart() if rows is None else alt.Chart(data(rows))


def data(rows: Rows) -> Any:
    """The rows as Vega-Lite's data."""
    return {"values": rows}


def names() -> Any:
    """An axis of names beside the field, without a line."""
    import altair as alt

    return alt.Axis(title=None, domain=False, ticks=False, labelLimit=260, labelPadding=8, labelFontSize=12)


def share(side: type[Any], column: str, title: str | None = None) -> Any:
    """A share along `alt.X` or `alt.Y`, from 0 to 1 whatever the rows hold."""
    import altair as alt

    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f", labelOverlap=True)
    return side(f"{column}:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=axis)


def colour(systems: Sequence[str], shown: Sequence[str]) -> Any:
    """A colour for each system, the same in every chart of a report, and a legend of those that are shown."""
    import altair as alt

    scale = alt.Scale(domain=list(systems), range=[COLOURS[i % len(COLOURS)] for i in range(len(systems))])
    return alt.Color("system:N", scale=scale, legend=_legend(shown))


def shape(systems: Sequence[str], shown: Sequence[str]) -> Any:
    """A shape for each system, in the same legend as its colour."""
    import altair as alt

    scale = alt.Scale(domain=list(systems), range=[SHAPES[i % len(SHAPES)] for i in range(len(systems))])
    return alt.Shape("system:N", scale=scale, legend=_legend(shown))


def dots(base: Any, systems: Sequence[str], shown: Sequence[str]) -> Any:
    """A dot for each figure on a line for its interval: columns `value`, `low`, `high`, `system`."""
    import altair as alt

    spans = base.mark_rule(strokeWidth=2).encode(share(alt.X, "low"), alt.X2("high:Q"), colour(systems, shown))
    points = base.mark_point(filled=True, size=58, opacity=1).encode(share(alt.X, "value"), colour(systems, shown), shape(systems, shown))
    return alt.layer(spans, points)


def _legend(shown: Sequence[str]) -> Any:
    import altair as alt

    if len(shown) < 2:
        return None
    return alt.Legend(title=None, orient="top", values=list(shown), symbolSize=70, symbolOpacity=1, columnPadding=14)


def facets(layers: Any, metrics: Sequence[str]) -> Any:
    """One field for each metric, side by side."""
    import altair as alt

    head = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelPadding=6, labelColor="currentColor")
    return layers.facet(column=alt.Column("metric:N", sort=list(metrics), header=head), spacing=18)


def finished(chart: Any, label: str, caption: str) -> Chart:
    """The chart in the page's style, drawn; `label` says in words what it shows."""
    quiet = {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "titleColor": SOFT, "titleFontWeight": "normal"}
    styled = (
        chart.configure(background="transparent", font="sans-serif", padding={"left": 30, "right": 12, "top": 4, "bottom": 4})
        .configure_view(stroke=None)
        .configure_axis(labelColor="currentColor", labelFontSize=11, titleFontSize=11, **quiet)
        .configure_legend(labelColor="currentColor", labelFontSize=12)
    )
    return Chart(drawn(styled.to_dict(), label), caption)
