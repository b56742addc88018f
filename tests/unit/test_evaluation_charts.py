"""Charts: what they show, in words and marks; equal bytes for equal reports; and nothing that is not a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from test_evaluation_fakes import answer, article, case, crashed, good_answer, hit, ranked, refusal, row, unanswerable
from test_evaluation_report import EVIL, claim, many, report

from service.evaluation.charts import curve_charts, quality_chart, risk_chart, tag_chart, time_chart
from service.evaluation.plotting import COLOURS, Chart
from service.evaluation.report import Report
from service.evaluation.runner import Row
from service.evaluation.svg import ATTRIBUTES, ELEMENTS, harmless

WRONG = "It is short."


def label(chart: Chart | None) -> str:
    """What the picture says to those who cannot see it."""
    assert chart is not None
    return ElementTree.fromstring(chart.svg).attrib["aria-label"]


def texts(chart: Chart | None) -> list[str]:
    """The words in the picture."""
    assert chart is not None
    return [element.text or "" for element in ElementTree.fromstring(chart.svg).iter("text")]


def charts(shown: Report) -> Iterator[Chart]:
    """Every chart of the report."""
    yield from filter(None, (quality_chart(shown), tag_chart(shown), *curve_charts(shown), risk_chart(shown), time_chart(shown)))


def noisy(*counts: int) -> list[Row]:
    """Four questions at each level of noise, so many of them right."""
    return [
        row(case(f"q{level}{i}", tags=(f"noise {level * 0.15:.2f}",)), good_answer() if i < right else answer(WRONG))
        for level, right in enumerate(counts)
        for i in range(4)
    ]


def sure(*known: tuple[bool, float]) -> list[Row]:
    """Answers that are right or wrong, each with its confidence."""
    return [
        row(case(f"q{i:02}"), good_answer(confidence=confidence) if right else answer(WRONG, confidence=confidence))
        for i, (right, confidence) in enumerate(known)
    ]


def everything(tag: str = "x") -> Report:
    """A report that has every chart, beside another system."""
    rows = [row(case(f"q{i}", tags=(tag,)), good_answer(confidence=float(i))) for i in range(3)]
    return report(*rows, *noisy(4, 2, 1), others={"bm25": many(3, right=1)})


# ---- What they show


def test_each_figure_stands_with_its_interval_beside_the_other_systems() -> None:
    """A dot for each system and metric; the graded system's figures in words too."""
    chart = quality_chart(report(*many(8, right=4), others={"bm25": many(8, right=0)}, metrics=("Contains", "Status")))
    assert label(chart).startswith("Figures of dateline with 95 % intervals, beside those of bm25. Contains 0.50 (")
    assert {"Contains", "Status", "dateline", "bm25"} <= set(texts(chart))
    assert chart is not None
    dots = ElementTree.fromstring(chart.svg).findall(".//path[@fill]")
    assert [sum(dot.attrib["fill"] == colour for dot in dots) for colour in COLOURS[:2]] == [3, 3], "two metrics and the legend"


def test_less_is_better_is_marked() -> None:
    """An arrow at the metric, and a sentence that explains it; neither where more is better in all."""
    chart = quality_chart(report(*many(4, right=2), metrics=("Contains", "FalseRefusalRate")))
    assert "FalseRefusalRate ↓" in texts(chart)
    assert chart is not None
    assert "less is better" in chart.caption
    only_more = quality_chart(report(*many(4, right=2), metrics=("Contains",)))
    assert only_more is not None
    assert "less is better" not in only_more.caption


def test_a_promise_is_shown_only_where_another_system_breaks_it() -> None:
    """That Dateline keeps it is in the table; what keeping it is worth is seen beside one that does not."""
    kept = [row(case(f"q{i}"), good_answer(), (True,)) for i in range(3)]
    broken = [row(case(f"q{i}"), good_answer(), (False,)) for i in range(3)]
    assert "SpanValidity" not in texts(quality_chart(report(*kept, others={"textbook": kept})))
    assert "SpanValidity" in texts(quality_chart(report(*kept, others={"textbook": broken})))


def test_a_system_without_a_figure_is_not_in_the_legend() -> None:
    """A ranking says nothing of answers."""
    beside = {"bm25": many(3, right=1), "dense": [ranked(case("q00"), "fire")]}
    assert {"dateline", "bm25", "dense"} & set(texts(quality_chart(report(*many(3, right=3), others=beside, metrics=("Contains",))))) == {
        "dateline", "bm25",
    }  # fmt: skip


def test_tags_have_their_figures_and_counts() -> None:
    """The first three metrics side by side, in the suite's order; the words name the lowest and the highest."""
    rows = [
        row(case("a", tags=("hard",)), answer(WRONG)),
        row(case("b", tags=("easy",)), good_answer()),
        row(case("c", tags=("easy",)), good_answer()),
    ]
    chart = tag_chart(report(*rows, metrics=("Status", "Contains", "TokenF1", "ExactMatch")))
    assert [text for text in texts(chart) if text in {"Status", "Contains", "TokenF1", "ExactMatch"}] == ["Status", "Contains", "TokenF1"]
    assert {"hard (1)", "easy (2)"} <= set(texts(chart))
    assert "Contains: lowest hard (1) 0.00, highest easy (2) 1.00." in label(chart)


def test_of_many_tags_those_with_the_most_questions_are_drawn() -> None:
    """Forty, in their order; the table has all."""
    rare = [row(case(f"q{i:02}", tags=("often", f"tag-{i:02}")), good_answer()) for i in range(50)]
    drawn = [text for text in texts(tag_chart(report(*rare, metrics=("Contains",)))) if text.endswith(")")]
    assert drawn == ["often (50)", *(f"tag-{i:02} (1)" for i in range(39))]


def test_tags_that_are_numbers_become_a_curve() -> None:
    """Accuracy over growing noise, in the order of the numbers; such tags have no dots."""
    shown = report(*noisy(4, 3, 1), metrics=("Contains",))
    (chart,) = curve_charts(shown)
    assert label(chart) == "Figures over noise. Contains at 0: 1.00; Contains at 0.15: 0.75; Contains at 0.3: 0.25."
    assert {"0.15", "0.3", "noise"} <= set(texts(chart))
    assert tag_chart(shown) is None


def test_two_numbers_are_no_curve() -> None:
    """They are tags like any other."""
    shown = report(*noisy(4, 3), metrics=("Contains",))
    assert curve_charts(shown) == []
    assert "noise 0.15 (4)" in texts(tag_chart(shown))


def test_the_curve_of_risk_says_what_the_confidence_is_worth() -> None:
    """Ten answers, the five surest right: of the surer half none is wrong, of all half."""
    chart = risk_chart(report(*sure(*[(i < 5, 10.0 - i) for i in range(10)])))
    assert chart is not None
    assert chart.caption.startswith("Of the surest tenth 0% is wrong, of the surer half 0%, of all 50%.")
    backwards = risk_chart(report(*sure(*[(i >= 5, 10.0 - i) for i in range(10)])))
    assert backwards is not None
    assert backwards.caption.startswith("Of the surest tenth 100% is wrong, of the surer half 100%, of all 50%.")


def test_a_long_curve_is_thinned_out_and_keeps_its_ends() -> None:
    """A thousand answers draw no more points than can be seen."""
    chart = risk_chart(report(*sure(*[(i % 2 == 0, float(i)) for i in range(1000)])))
    assert chart is not None
    assert "of all 50%" in chart.caption
    assert len(chart.svg) < 12_000


@pytest.mark.parametrize(
    "rows",
    [many(3, right=1), sure((True, 1.0)), [row(unanswerable(), refusal(confidence=0.5)), crashed(case())]],
    ids=["no confidence", "one answer", "only refusals and errors"],
)
def test_without_confidences_there_is_no_curve_of_risk(rows: list[Row]) -> None:
    """Nothing is drawn of nothing."""
    assert risk_chart(report(*rows)) is None


def test_time_is_drawn_by_stage() -> None:
    """Median and 95th percentile, in milliseconds while they are few and in seconds when they are many."""
    chart = time_chart(report(*[row(case(f"q{i}"), good_answer(timings_ms={"search": 10.0, "total": 100.0 + i})) for i in range(3)]))
    assert label(chart) == "Time by stage in milliseconds, median and 95th percentile: search 10, 10; total 101, 102."
    slow = time_chart(report(row(case(), good_answer(timings_ms={"total": 4200.0}))))
    assert label(slow) == "Time by stage in seconds, median and 95th percentile: total 4.20, 4.20."
    assert time_chart(report(row(case(), good_answer(timings_ms={})))) is None


def test_the_check_has_a_chart_of_its_figures() -> None:
    """Under the name of what is graded."""
    rows = [row(claim(f"c{i}", supported=i % 2 == 0), None, verdict=True, strength=0.5) for i in range(6)]
    assert "Accuracy 0.50" in label(quality_chart(report(*rows)))


def test_no_questions_with_figures_make_no_chart() -> None:
    """Promises alone are not drawn."""
    assert quality_chart(report(ranked(unanswerable(), "fire"), metrics=("Contains",))) is None


# ---- What they are made of


def test_equal_reports_make_equal_pictures() -> None:
    """Also after others were drawn: vl-convert counts its clip paths."""
    before = [chart.svg for chart in charts(everything())]
    list(charts(everything("y")))
    assert [chart.svg for chart in charts(everything())] == before
    assert len(before) == 5


def test_pictures_take_their_colours_from_the_page() -> None:
    """Every colour is a property of the page or the text's own, so that they are seen on light and on dark."""
    colours = {value for chart in charts(everything()) for value in re.findall(r'(?:fill|stroke)="([^"]*)"', chart.svg)}
    assert colours - {"none", "currentColor", "transparent"} <= {*COLOURS, "var(--muted)", "var(--rule)"}
    assert {"currentColor", COLOURS[0], COLOURS[1]} <= colours


def test_pictures_hold_shapes_and_words_alone() -> None:
    """No id, class, link, style sheet or handler; a name and a role for those who cannot see them."""
    for chart in charts(everything()):
        root = ElementTree.fromstring(chart.svg)
        assert root.attrib["role"] == "img"
        assert re.fullmatch(r"--width: \d+(\.\d+)?px", root.attrib["style"])
        assert {element.tag for element in root.iter()} <= ELEMENTS
        inner = {name for element in root.iter() for name in element.attrib} - {"role", "aria-label", "style"}
        assert inner <= ATTRIBUTES
        assert {"x", "class", "id", "clip-path", "href"} & inner <= {"x"}


def test_hostile_tags_are_words_in_the_picture() -> None:
    """Markup, quotes and control characters in a tag stay text, and the picture stays whole."""
    for tag in (EVIL, "</text><script>alert(1)</script>", "a\x00b", "\ud83d"):
        drawn = list(charts(everything(tag)))
        assert len(drawn) == 5
        for chart in drawn:
            assert {element.tag for element in ElementTree.fromstring(chart.svg).iter()} <= ELEMENTS
            assert "<script" not in chart.svg
            assert "<img" not in chart.svg
    assert any(text.startswith("</text><script>") for text in texts(tag_chart(everything("</text><script>alert(1)</script>"))))


def test_a_hostile_family_of_tags_is_words_in_the_picture() -> None:
    """The name of an axis too."""
    rows = [row(case(f"q{i}", tags=(f"<script>alert(1)</script>\x00 {i}",)), good_answer()) for i in range(3)]
    (chart,) = curve_charts(report(*rows))
    assert "<script" not in chart.svg
    assert "<script>alert(1)</script>\N{REPLACEMENT CHARACTER}" in texts(chart)


def test_a_passage_found_by_nobody_draws_no_error() -> None:
    """A ranking of one passage, timed."""
    shown = report(Row(case(gold_articles=("dam",)), ranking=(hit(article("fire")),), search_ms=3.0))
    assert "search 3, 3" in label(time_chart(shown))


HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="10" height="5" viewBox="0 0 10 5"
 onload="alert(1)" style="background:url(http://evil)"><script>alert(2)</script><style>*{fill:red}</style>
<foreignObject><img src="x" onerror="alert(3)"/></foreignObject><a xlink:href="http://evil"><text>linked</text></a>
<image href="http://evil/x.png"/><use href="#a"/><animate onbegin="alert(4)"/><g id="a" class="b" clip-path="url(#c)">
<path d="M0,0h10" stroke="url(http://evil)" fill="var(--s0)"/><rect x="1.23456" width="2" fill="javascript:alert(5)"/></g>
<path d="M0,0h10"/><g><path d="M1,1" stroke="red" display="none"/></g><text>a &lt;b&gt;</text></svg>"""


def test_only_what_is_known_to_be_harmless_is_kept() -> None:
    """Unknown elements go with all that is in them; unknown attributes and values go; what draws nothing goes."""
    assert harmless(HOSTILE, 'says "so" <b>') == (
        '<svg viewBox="0 0 10 5" role="img" aria-label="says &quot;so&quot; &lt;b&gt;" style="--width: 10px">'
        '<g><path d="M0,0h10" fill="var(--s0)" /><rect x="1.23" width="2" /></g><text>a &lt;b&gt;</text></svg>'
    )


@pytest.mark.parametrize("wrong", ["<svg", "<html/>", "plain"], ids=["cut off", "no svg", "no XML"])
def test_what_is_no_picture_is_refused(wrong: str) -> None:
    """It is never passed on as it is."""
    with pytest.raises((ElementTree.ParseError, ValueError)):
        harmless(wrong, "")
