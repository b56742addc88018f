"""The charts of a report: figures with intervals beside simpler systems, by tag, risk over coverage, and where the time goes.

Dots with intervals after Cleveland, The Elements of Graphing Data (1994); the axis of a share is always 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from service.evaluation.answer_metrics import RiskCoverage, risk_curve
from service.evaluation.plotting import (
    COLOURS,
    SOFT,
    WIDTH,
    Chart,
    Rows,
    colour,
    data,
    dots,
    facets,
    field,
    finished,
    names,
    shape,
    share,
)  # fmt: skip
from service.evaluation.report import Report, number, spread
from service.evaluation.scoring import Figure, Scored
from service.evaluation.tables import tag_count, tag_metrics, tags_in_order, told

MOST_FACETS = 3
"""Metrics side by side."""
MOST_TAGS = 40
MOST_POINTS = 200
"""Of a curve: more cannot be seen."""
SECONDS_FROM = 2000.0
"""Milliseconds from which on an axis is in seconds."""
HOW_TO_READ = "Dots are figures, lines their 95 % intervals"

_NUMBERED = re.compile(r"(.*\S)\s+(\d+(?:\.\d+)?)")


def quality_chart(report: Report) -> Chart | None:
    """Every share as a dot with its interval, and the simpler systems' beneath it; None where there is none."""
    import altair as alt

    systems = _systems(report)
    shown = [figure for figure in told(report.scored.figures) if _is_worth_showing(figure, list(systems.values())[1:])]
    rows = [
        {"metric": _named(figure), "system": name, **_ends(other)}
        for figure in shown
        for name, system in systems.items()
        if (other := system.figure(figure.metric)).n
    ]
    if not rows:
        return None
    known = [name for name in systems if any(row["system"] == name for row in rows)]
    lane = alt.YOffset("system:N", sort=known, scale=alt.Scale(paddingOuter=0.3))
    place = alt.Y("metric:N", sort=_order(rows, "metric"), axis=names(), scale=alt.Scale(paddingInner=0.2))
    chart = dots(field(rows).encode(place, lane), list(systems), known).properties(width=WIDTH, height=alt.Step(12, **{"for": "offset"}))
    words = "; ".join(f"{figure.metric} {number(figure.metric, figure.value)} ({spread(figure)})" for figure in shown)
    beside = ", beside those of " + ", ".join(known[1:]) if known[1:] else ""
    less = "" if all(figure.metric.higher_is_better for figure in shown) else " An arrow marks metrics of which less is better."
    return finished(chart, f"Figures of {report.scored.system} with 95 % intervals{beside}. {words}.", f"{HOW_TO_READ}.{less}")


def tag_chart(report: Report) -> Chart | None:
    """The first metrics by tag, beside the figure over all questions; tags that are numbers have curves instead."""
    import altair as alt

    rows = [
        {"metric": str(figure.metric), "system": "", "tag": name, "all": report.scored.figure(figure.metric).value, **_ends(figure)}
        for tag, name in _dotted_tags(report).items()
        for figure in _of_tag(report.scored, tag, tag_metrics(report)[:MOST_FACETS])
    ]
    if not rows:
        return None
    metrics = [name for name in tag_metrics(report) if any(row["metric"] == name for row in rows)]
    base = field().encode(alt.Y("tag:N", sort=_order(rows, "tag"), axis=names()))
    whole = base.mark_tick(color=SOFT, thickness=1.5, size=20).encode(share(alt.X, "all"))
    layers = alt.layer(whole, dots(base, [""], [""]), data=data(rows)).properties(width=WIDTH / max(len(metrics), 2), height=alt.Step(22))
    words = " ".join(_extremes(metric, [row for row in rows if row["metric"] == metric]) for metric in metrics)
    return finished(facets(layers, metrics), f"Figures by tag. {words}", f"{HOW_TO_READ}; the grey strokes mark all questions.")


def curve_charts(report: Report) -> list[Chart]:
    """One chart for each family of tags that differ by a number (`noise 0.25`): the first metrics over that number."""
    drawn = (_curves(report, family, tags) for family, tags in _families(report).items())
    return [chart for chart in drawn if chart]


def risk_chart(report: Report) -> Chart | None:
    """How many of the surest answers are wrong, from the surest alone to all of them; None where nothing says how sure it was."""
    import altair as alt

    systems = _systems(report)
    rows = [row for name, system in reversed(systems.items()) for row in _risks(name, system)]  # the graded one on top
    ours = [row for row in rows if row["system"] == report.scored.system]
    if not ours:
        return None
    x, y = share(alt.X, "share", "share of the answers, the surest first"), share(alt.Y, "risk", "share of them that is wrong")
    level = field(ours[-1:]).mark_rule(color=SOFT, strokeDash=[4, 4]).encode(y)
    line = field(rows).mark_line(strokeWidth=2).encode(x, y, colour(list(systems), _order(rows, "system")[::-1]))
    figure = report.scored.figure(RiskCoverage)
    words = f"Of the surest tenth {_at(ours, 0.1):.0%} is wrong, of the surer half {_at(ours, 0.5):.0%}, of all {ours[-1]['risk']:.0%}."
    averaged = f"Averaged over every share: {number(figure.metric, figure.value)} ({spread(figure)}, n = {figure.n})."
    return finished(
        alt.layer(level, line).properties(width=WIDTH * 0.75, height=220),
        f"Share of wrong answers among the surest. {words}",
        f"{words} The dashed line is where a confidence that tells nothing would lie. {averaged}",
    )


def time_chart(report: Report) -> Chart | None:
    """The median and the 95th percentile of each stage; None where nothing was timed."""
    import altair as alt

    timed = {figure.metric: figure.value for figure in report.scored.costs if figure.metric.unit == "ms" and figure.value is not None}
    pairs = {
        metric.argument or "first sentence": (middle, timed[metric @ 95])
        for metric, middle in timed.items()
        if metric.cutoff == 50 and metric @ 95 in timed
    }
    if not pairs:
        return None
    slowest = max(slow for _, slow in pairs.values())
    scale, unit = (1000.0, "seconds") if slowest >= SECONDS_FROM else (1.0, "milliseconds")
    rows = [
        {
            "stage": name,
            "none": 0,
            "middle": middle / scale,
            "slow": slow / scale,
            "words": f"{_short(middle, scale)}, {_short(slow, scale)}",
        }
        for name, (middle, slow) in pairs.items()
    ]
    base = field(rows).encode(alt.Y("stage:N", sort=_order(rows, "stage"), axis=names()))
    x = alt.X("none:Q", title=unit, axis=alt.Axis(tickCount=6), scale=alt.Scale(domain=[0, slowest / scale * 1.2], nice=False))
    bars = base.mark_bar(color=COLOURS[0], height=9).encode(x, alt.X2("middle:Q"))
    tails = base.mark_rule(color=COLOURS[0], strokeWidth=1.5).encode(alt.X("middle:Q"), alt.X2("slow:Q"))
    ends = base.mark_tick(color=COLOURS[0], thickness=2, size=11).encode(alt.X("slow:Q"))
    labels = base.mark_text(align="left", dx=7, color=SOFT, fontSize=11).encode(alt.X("slow:Q"), alt.Text("words:N"))
    words = "; ".join(f"{row['stage']} {row['words']}" for row in rows)
    return finished(
        alt.layer(bars, tails, ends, labels).properties(width=WIDTH, height=alt.Step(24)),
        f"Time by stage in {unit}, median and 95th percentile: {words}.",
        f"Bars end at the median, lines at the 95th percentile, in {unit}.",
    )


def _curves(report: Report, family: str, tags: Mapping[float, str]) -> Chart | None:
    import altair as alt

    systems = _systems(report)
    rows = [
        {"metric": str(figure.metric), "system": name, "at": at, **_ends(figure)}
        for name, system in reversed(systems.items())  # the graded one on top
        for at, tag in tags.items()
        for figure in _of_tag(system, tag, tag_metrics(report))
    ]
    ours = [row for row in rows if row["system"] == report.scored.system]
    metrics = [name for name in tag_metrics(report) if sum(row["metric"] == name for row in ours) > 2][:MOST_FACETS]
    if not metrics:
        return None
    rows = [row for row in rows if row["metric"] in metrics]
    known = _order(rows, "system")[::-1]
    x = alt.X("at:Q", title=family, axis=alt.Axis(values=list(tags), format=".4~f", grid=False))
    base = field().encode(x, colour(list(systems), known))
    spans = base.mark_rule(strokeWidth=1.5).encode(share(alt.Y, "low"), alt.Y2("high:Q"))
    points = base.mark_point(filled=True, size=50, opacity=1).encode(share(alt.Y, "value"), shape(list(systems), known))
    layers = alt.layer(spans, base.mark_line(strokeWidth=2).encode(share(alt.Y, "value")), points, data=data(rows))
    words = "; ".join(f"{row['metric']} at {row['at']:g}: {row['value']:.2f}" for row in ours if row["metric"] in metrics)
    return finished(
        facets(layers.properties(width=WIDTH / max(len(metrics), 2), height=190), metrics),
        f"Figures over {family}. {words}.",
        f"Over “{family}”. {HOW_TO_READ}.",
    )


def _risks(name: str, system: Scored) -> Rows:
    """A system's curve, thinned out: the share of the answers, and the share of wrong ones among so many of the surest."""
    scores = [score for one in system.rows if (score := RiskCoverage.score(one.row))]
    if len(scores) < 2:
        return []
    risks = risk_curve(np.array([score.value for score in scores]), np.array([score.aux for score in scores]))
    kept = sorted({round(place) for place in np.linspace(0, len(risks) - 1, MOST_POINTS)})
    return [{"system": name, "share": (k + 1) / len(risks), "risk": float(risks[k])} for k in kept]


def _systems(report: Report) -> dict[str, Scored]:
    """By name, the graded one first."""
    return {system.system: system for system in (report.scored, *(rival.scored for rival in report.rivals))}


def _is_worth_showing(figure: Figure, others: Sequence[Scored]) -> bool:
    """A share that is no promise, or a promise that a simpler system breaks."""
    if figure.metric.unit != "share":
        return False
    return not figure.metric.promised or any(system.figure(figure.metric).value not in {None, figure.value} for system in others)


def _ends(figure: Figure) -> dict[str, float | None]:
    interval = figure.interval
    return {"value": figure.value, "low": interval.low if interval else figure.value, "high": interval.high if interval else figure.value}


def _of_tag(system: Scored, tag: str, wanted: Iterable[str]) -> Iterator[Figure]:
    by_name = {str(figure.metric): figure for figure in system.by_tag.get(tag, ())}
    return (by_name[name] for name in wanted if name in by_name and by_name[name].n and by_name[name].metric.unit == "share")


def _families(report: Report) -> Mapping[str, Mapping[float, str]]:
    """Tags that differ by a number alone, three or more of them, by their common words: number and tag."""
    found: dict[str, dict[float, str]] = {}
    for tag in tags_in_order(report):
        if form := _NUMBERED.fullmatch(tag):
            found.setdefault(form[1], {})[float(form[2])] = tag
    return {family: dict(sorted(tags.items())) for family, tags in found.items() if len(tags) > 2}


def _dotted_tags(report: Report) -> dict[str, str]:
    """The tags that are in no family, those with the most questions where there are too many, with the names they have in a chart."""
    in_families = {tag for family in _families(report).values() for tag in family.values()}
    tags = [tag for tag in tags_in_order(report) if tag not in in_families]
    most = set(sorted(tags, key=lambda tag: -tag_count(report, tag))[:MOST_TAGS])
    return {tag: f"{' '.join(tag.split())} ({tag_count(report, tag)})" for tag in tags if tag in most}


def _extremes(metric: str, rows: Rows) -> str:
    low, high = min(rows, key=lambda row: row["value"]), max(rows, key=lambda row: row["value"])
    return f"{metric}: lowest {low['tag']} {low['value']:.2f}, highest {high['tag']} {high['value']:.2f}."


def _named(figure: Figure) -> str:
    return str(figure.metric) if figure.metric.higher_is_better else f"{figure.metric} ↓"


def _short(value: float, scale: float) -> str:
    return f"{value / scale:.2f}" if scale > 1 else f"{value:,.0f}"


def _at(rows: Rows, covered: float) -> float:
    """The risk at this coverage."""
    return float(next(row["risk"] for row in rows if row["share"] >= covered - 1e-9))


def _order(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))
