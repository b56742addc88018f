"""Which articles print one text: likeness of texts, and one vote for each story among what was found."""

from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import pytest

from service.domain import Article, Hit, Passage
from service.indexing.stories import BANDS, LEAD_BANDS, SHORT, sketches
from service.retrieval.stories import one_vote
from service.sketches import Sketch, one_story, resemblance
from service.words import bare_words
from tests.prints import AGENCY, APART, BRIEF, CUT, EDITED, FOLLOW_UP, INSERTED, REWRITTEN, WHOLE, WIDENED, joined

PRINTS = {"whole": WHOLE, "cut": CUT, "widened": WIDENED, "edited": EDITED, "both": joined(*AGENCY[:2], INSERTED, *AGENCY[2:4])}
OTHERS = {"follow-up": FOLLOW_UP, "rewritten": REWRITTEN, "written apart": APART}


def same(one: str, two: str) -> bool:
    """Whether two texts meet by a key and are taken as one story, from either side."""
    first, second = sketches([one, two])
    shared = set(first.keys) & set(second.keys)
    found = [bool(shared) and judged(*pair, lead=min(shared, default=0) < 0) for pair in ((first, second), (second, first))]
    assert found[0] is found[1]
    return found[0]


def judged(one: Sketch, two: Sketch, *, lead: bool) -> bool:
    """What `one_story` says of two sketches."""
    return bool(one_story(one.minima, one.size, two.minima[None], np.array([two.size]), np.array([lead]))[0])


@pytest.mark.parametrize(("one", "two"), list(combinations(PRINTS, 2)))
def test_prints_of_one_text_are_one_story(one: str, two: str) -> None:
    """The last paragraph cut, a sentence inserted, quotation marks and a day changed, or two of these at once."""
    assert same(PRINTS[one], PRINTS[two])


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("print_", PRINTS)
def test_another_report_is_another_story(print_: str, other: str) -> None:
    """A follow-up that repeats a paragraph of background, a new version mostly rewritten, and one event told by somebody else."""
    assert not same(PRINTS[print_], OTHERS[other])


@pytest.mark.parametrize("brief", [BRIEF, f"Port Asel, 13 April (OPA) – {BRIEF}", joined(*AGENCY[:2])])
def test_a_brief_cut_from_the_end_is_the_same_story(brief: str) -> None:
    """The first paragraph alone, with or without a place and day before it, or the first two."""
    assert same(brief, WHOLE)
    assert same(brief, WIDENED)


def test_a_common_lead_alone_or_a_part_from_the_middle_is_not_enough() -> None:
    """A column that opens each week with the same words, and a brief somewhere in a digest, join nothing."""
    opening = (
        "Every Saturday our gardener answers questions that readers have sent in about beds, borders, lawns and window boxes of any size."
    )
    assert not same(f"{opening} {WHOLE}", f"{opening} {APART}")
    digest = joined(APART, BRIEF, FOLLOW_UP)
    assert not same(BRIEF, digest)
    assert [judged(*sketches([BRIEF, digest]), lead=lead) for lead in (True, False)] == [True, False]


def test_short_texts_are_one_story_only_where_they_are_equal() -> None:
    """Below twenty words every word counts; case, punctuation and forms of characters do not."""
    short = "Café owners in Lune say the harbour's closing of the old pier has cost them half of their guests."
    assert len(bare_words(short)) == SHORT - 1
    assert same(short, short.upper().replace("'", "’").replace("É", "E\u0301"))
    assert not same(short, short.replace("half", "most"))
    assert not same(short, f"{short} {WHOLE}")


@pytest.mark.parametrize(("one", "two"), [("\u200b", "…"), ("…", "!"), ("", "…")])
def test_texts_without_words_are_not_one_story(one: str, two: str) -> None:
    """Unless they are equal."""
    assert same(one, one)
    assert not same(one, two)


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    """One changed character does not make a Japanese text another one."""
    text = "港湾当局は月曜日、東埠頭を五月四日から十一週間閉鎖すると発表した。潜水士が木の杭に虫食いを見つけたためである。"
    assert same(text, text.replace("月曜日", "火曜日"))
    assert not same(text, "穀物商の組合は、収穫期に最長九日の行列ができることを恐れ、工事を十一月まで延期するよう求めている。")


def test_the_estimate_is_near_the_jaccard_index() -> None:
    """Of 200 pairs of texts with a known index, within three standard errors for all but a few, and right on average."""
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(200):
        words = [f"w{number}" for number in rng.integers(0, 10**6, 300)]
        common = int(rng.integers(20, 280))
        one, two = sketches([" ".join(words), " ".join(words[:common] + [f"{word}x" for word in words[common:]])])
        exact = (common - 4) / (2 * 296 - (common - 4))
        errors.append((resemblance(one.minima, two.minima[None])[0] - exact) / np.sqrt(exact * (1 - exact) / 128))
    assert abs(np.mean(errors)) < 0.3
    assert sum(abs(error) > 3 for error in errors) <= 2


def test_a_sketch_is_the_same_wherever_it_is_made() -> None:
    """Alone or among others, here or in the archive of last year: these keys were written down with datasketch 2.0.0."""
    alone, among = sketches([WHOLE])[0], sketches([BRIEF, WHOLE, "…"])[1]
    assert alone.keys == among.keys
    assert (len(alone.keys), len(sketches(["…"])[0].keys)) == (BANDS + LEAD_BANDS, BANDS)
    assert (alone.keys[0], alone.keys[-1], int(alone.minima[0])) == (3104546853, -4260513745, 10925305)


def test_a_very_long_text_is_sketched_in_parts() -> None:
    """More shingles than are hashed at once."""
    words = " ".join(f"w{number}" for number in range(25_000))
    assert sketches([words])[0].size == 24_996
    assert same(words, f"{words} {WHOLE}")


# ── one vote ─────────────────────────────────────────────────────────────────

ONE, TWO, THREE = (
    f"The {name} of the harbour said that work begins on {day} May." for name, day in (("head", 4), ("mayor", 9), ("cook", 7))
)


def hit(article_id: str, text: str, score: float, story: int | None = 7, day: int | None = 1) -> Hit:
    """A passage of an article of March 2026."""
    published = datetime(2026, 3, day, tzinfo=UTC) if day else None
    article = Article(article_id, text, published_at=published)
    return Hit(Passage(f"{article_id}:{text[:9]}", article_id, 0, 0, len(text), text), article, score, story=story)


def rows(hits: list[Hit]) -> list[tuple[str, str, float]]:
    """Article, text and score of each."""
    return [(one.article.id, one.passage.text, one.score) for one in hits]


def test_a_reprint_has_no_vote_of_its_own() -> None:
    """What the best-ranked article also says is found in it alone; articles of other stories, or of none, keep their places."""
    found = [hit("x", ONE, 0.9, 3), hit("b", ONE, 0.8), hit("a", ONE, 0.7), hit("y", ONE, 0.6, None), hit("z", ONE, 0.5, None)]
    assert [one.article.id for one in one_vote(found)] == ["x", "b", "y", "z"]
    assert one_vote([]) == []


def test_of_equal_hits_the_first_to_be_published_is_kept() -> None:
    """The original; an article of unknown date comes last, and of equal dates the smaller id is first."""
    assert [one.article.id for one in one_vote([hit("c", ONE, 0.8, day=2), hit("d", ONE, 0.8, day=1)])] == ["d"]
    assert [one.article.id for one in one_vote([hit("c", ONE, 0.8, day=None), hit("d", ONE, 0.8, day=9)])] == ["d"]
    assert [one.article.id for one in one_vote([hit("d", ONE, 0.8), hit("c", ONE, 0.8)])] == ["c"]


def test_what_only_a_reprint_says_stays_once() -> None:
    """An added sentence keeps its passage, a revised figure too; a third print of them goes."""
    revised = ONE.replace("4 May", "6 May")
    found = [hit("a", ONE, 0.9), hit("b", f"{ONE} {TWO}", 0.8), hit("c", TWO, 0.7), hit("b", revised, 0.6), hit("c", ONE, 0.5)]
    assert rows(one_vote(found)) == [("a", ONE, 0.9), ("b", f"{ONE} {TWO}", 0.8), ("b", revised, 0.6)]


def test_a_text_keeps_the_best_place_it_was_found_at() -> None:
    """The kept article's own passage moves up to where its reprint stood, with that one's score; word for word means words."""
    found = [hit("a", ONE, 0.9), hit("b", TWO.upper(), 0.8), hit("x", THREE, 0.7, 3), hit("a", TWO, 0.6)]
    assert rows(one_vote(found)) == [("a", ONE, 0.9), ("a", TWO, 0.8), ("x", THREE, 0.7)]


def test_a_text_that_was_found_in_a_reprint_only_is_not_lost() -> None:
    """The kept article may say it too, but that passage was not found."""
    found = [hit("a", ONE, 0.9), hit("b", TWO, 0.8)]
    assert rows(one_vote(found)) == rows(found)


def test_passages_cut_elsewhere_are_held_sentence_by_sentence() -> None:
    """A reprint's passage that spans two of the kept article's goes, and lifts both."""
    found = [hit("a", ONE, 0.9), hit("b", f"{TWO} {THREE}", 0.8), hit("a", THREE, 0.7), hit("a", TWO, 0.6)]
    assert rows(one_vote(found)) == [("a", ONE, 0.9), ("a", THREE, 0.8), ("a", TWO, 0.8)]
