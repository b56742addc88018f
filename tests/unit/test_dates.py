"""Dates: how each written form is read, which stated date is believed, and what a name tells."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.articles.dates import CLOCK_SKEW, from_name, settle
from service.articles.raw import DateField, Stated
from service.articles.written_dates import read_date
from service.domain import DateOrigin
from tests.fakes import NOON

SEVENTH = datetime(2025, 4, 7, tzinfo=UTC)
HALF_PAST_TEN = datetime(2025, 4, 7, 10, 30, tzinfo=UTC)


def published(written: str, origin: DateOrigin = DateOrigin.META) -> Stated:
    """A date of publication as stated."""
    return Stated("published_at", origin, written)


def updated(written: str, origin: DateOrigin = DateOrigin.META) -> Stated:
    """A date of change as stated."""
    return Stated("updated_at", origin, written)


@pytest.mark.parametrize(
    "written",
    [
        "2025-04-07", "20250407", "2025-4-7", "2025/04/07", "2025.04.07", "2025-04-07+02:00", "2025-04-07Z", "2025-04-07T00:00:00",
        "Mon, 07 Apr 2025", "April 7, 2025", "7 April 2025", "Apr. 7, 2025", "7th of April 2025", "7-Apr-2025", "Monday, April 7, 2025",
        "7. April 2025", "7 avril 2025", "7 de abril de 2025", "7 kwietnia 2025", "7 апреля 2025", "2025年4月7日", "07.04.2025",
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_form(written: str) -> None:
    """ISO 8601, RFC 2822, English, German, French and other months, figures with dots: the day, at midnight, of no zone."""
    reading = read_date(written)
    assert (reading.moment, reading.whole_day, reading.zone) == (SEVENTH, True, None)


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("2025-04-07T10:30:00Z", "+00:00"),
        ("2025-04-07T12:30:00+02:00", "+02:00"),
        ("2025-04-07 12:30:00 +0200", "+02:00"),
        ("2025-04-07T12:30+02", "+02:00"),
        ("20250407T103000Z", "+00:00"),
        ("2025-04-07T16:00:00+05:30", "+05:30"),
        ("2025-04-07T05:30:00\u221205:00", "-05:00"),
        ("2025-04-07T12:30:00+02:00[Europe/Berlin]", "+02:00"),
        ("2025-04-07T12:30:00[Europe/Berlin]", "+02:00"),
        ("Mon, 07 Apr 2025 10:30:00 GMT", "+00:00"),
        ("Mon, 07 Apr 2025 05:30:00 EST", "-05:00"),
        ("Mon, 07 Apr 2025 04:30:00 CST", "-06:00"),
        ("07 Apr 25 10:30 GMT", "+00:00"),
        ("Mon, 07 Apr 2025 12:30:00 CEST", "+02:00"),
        ("Mon Apr  7 12:30:00 CEST 2025", "+02:00"),
        ("Mon Apr 07 2025 12:30:00 GMT+0200 (Central European Summer Time)", "+02:00"),
        ("7 April 2025 11:30 BST", "+01:00"),
        ("11:30 BST, 7 April 2025", "+01:00"),
        ("Apr. 7, 2025, 6:30 a.m. ET", "-04:00"),
        ("7. April 2025, 12.30 Uhr MESZ", "+02:00"),
        ("Mon, 07 Apr 2025 10:30:00 -0000", None),
        ("2025-04-07T10:30:00", None),
        ("20250407103000", None),
        ("202504071030", None),
        ("7 avril 2025 à 10h30", None),
        ("Montag, 07.04.2025 - 10:30 Uhr", None),
        ("1744021800", None),
        ("1744021800000", None),
    ],
)
def test_a_time_is_read_in_every_form(written: str, zone: str | None) -> None:
    """Offsets, zones by name and Unix time give the instant in UTC; the source's own zone is kept as an offset."""
    reading = read_date(written)
    assert (reading.moment, reading.zone, reading.whole_day, reading.warning) == (HALF_PAST_TEN, zone, False, None)


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "yesterday", "today", "now", "heute", "2 hours ago", "7 hours ago 2025", "now 2025", "April 2025", "2025", "2025-04",
        "7 April", "2025-W15-1", "2025-097", "2025-02-30", "20251307", "2025-04-07T25:00:00Z", "0000-00-00", "April 31, 2025", "P3D",
        "Updated 2 hours ago on April 7, 2025", "9999-12-31T23:59:59-05:00", "99999999999", "12345678901234567890", "x" * 1_000_000,
        "٢٠٢٥-٠٤-٠٧",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(written: str) -> None:
    """Words that depend on the reader's clock, months and weeks alone, days that no calendar has, other figures."""
    with pytest.raises(ValueError):
        read_date(written)


@pytest.mark.parametrize("written", ["04/05/2025", "04-05-2025", "Monday, 04/05/2025", "4/5/2025 10:30"])
def test_a_day_that_may_be_two_is_not_believed(written: str) -> None:
    """4/5 is May in London and April in Boston."""
    with pytest.raises(ValueError, match="two days"):
        read_date(written)


@pytest.mark.parametrize(("written", "day"), [("25/04/2025", 25), ("04/25/2025", 25), ("04/04/2025", 4), ("25-04-2025", 25)])
def test_a_day_in_figures_that_can_be_one_only_is_believed(written: str, day: int) -> None:
    """One part above 12, or both the same."""
    assert read_date(written).day == datetime(2025, 4, day, tzinfo=UTC).date()


@pytest.mark.parametrize(("written", "words"), [("IST", "stands for several"), ("XYZ", "no zone XYZ"), ("+99:00", "no zone +99:00")])
def test_a_zone_that_cannot_be_known_is_read_as_utc_and_said(written: str, words: str) -> None:
    """The time stays, the zone is none, and a warning says why."""
    dated = settle([published(f"2025-04-07T10:30:00 {written}")], NOON)
    assert (dated.published_at, dated.zone) == (HALF_PAST_TEN, None)
    assert len(dated.warnings) == 1
    assert words in dated.warnings[0]


@given(st.text(max_size=130))
def test_reading_never_fails_in_another_way(written: str) -> None:
    """Whatever is written, the answer is a moment in UTC or a ValueError."""
    with suppress(ValueError):
        assert read_date(written).moment.tzinfo is UTC


@given(st.datetimes(datetime(1600, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 4, 14 * 4))
def test_iso_with_an_offset_is_read_exactly(moment: datetime, quarters: int) -> None:
    """Any instant, written in any zone, comes back as the same instant and zone."""
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    reading = read_date(aware.isoformat())
    assert reading.moment == aware
    assert reading.zone == aware.isoformat()[-6:]


def test_the_most_trusted_origin_is_used() -> None:
    """JSON-LD before meta before feed before the page before the file's name, in whatever order they come."""
    order = [DateOrigin.JSON_LD, DateOrigin.META, DateOrigin.FEED, DateOrigin.DOCUMENT, DateOrigin.FILE_NAME]
    stated = [published(f"2025-04-{day:02d}", origin) for day, origin in enumerate(order, 7)][::-1]
    while stated:
        dated = settle(stated, NOON)
        assert dated.date_origin is order[len(order) - len(stated)]
        assert len(dated.conflicts) == len(stated) - 1
        stated.pop()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2052-04-07", "future"),
        ("1599-12-31", "before newspapers"),
        ("0001-01-01T00:00:00", "before newspapers"),
        ("1970-01-01T00:00:00Z", "no date"),
        ("1970-01-01", "no date"),
        ("1969-12-31T19:00:00-05:00", "no date"),
        ("0000000000", "no date"),
        ("soon", "is no date"),
        ("04/05/2025", "two days"),
    ],
)
def test_a_date_that_cannot_be_is_passed_over_for_the_next(bad: str, reason: str) -> None:
    """The next origin is used, and a warning names the one that was not."""
    dated = settle([published(bad, DateOrigin.JSON_LD), published("2025-04-07", DateOrigin.META)], NOON)
    assert (dated.published_at, dated.date_origin, dated.conflicts) == (SEVENTH, DateOrigin.META, ())
    (warning,) = dated.warnings
    assert warning.startswith("published_at of json-ld")
    assert reason in warning


def test_nothing_left_is_unknown_and_said() -> None:
    """Where all are passed over the date is unknown; where none is stated there is nothing to warn of."""
    dated = settle([published("2052-04-07"), published("tomorrow")], NOON)
    assert (dated.published_at, dated.date_origin, dated.zone) == (None, DateOrigin.UNKNOWN, None)
    assert dated.warnings[-1] == "no date that is stated can be when it was published; kept as unknown"
    assert settle([], NOON).warnings == ()


def test_a_date_of_tomorrow_is_believed_one_later_is_not() -> None:
    """It is tomorrow already east of here, the day after nowhere."""
    edge = NOON + CLOCK_SKEW
    assert settle([published(edge.isoformat())], NOON).published_at == edge
    assert settle([published((edge + timedelta(seconds=1)).isoformat())], NOON).published_at is None


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ("2025-04-07", "2025-04-06", True),
        ("2025-04-07", "2025-04-07", False),
        ("2025-04-07", "2025-04-06T23:00:00-05:00", False),
        ("2025-04-07", "2025-04-08T09:00:00+09:00", False),
        ("2025-04-07", "2025-04-05T23:00:00Z", True),
        ("2025-04-07T10:30:00Z", "2025-04-08T10:30:00Z", False),
        ("2025-04-07T10:30:00Z", "2025-04-08T10:30:01Z", True),
        ("2025-04-07T10:30:00Z", "2025-04-08T20:00:00", False),
        ("2025-04-07T12:30:00+02:00", "2025-04-07T10:30:00Z", False),
    ],
)
def test_origins_that_disagree_are_recorded(one: str, other: str, conflict: bool) -> None:
    """Other days, or more than a day between; a day holds every instant that is of it anywhere on Earth."""
    dated = settle([published(one, DateOrigin.JSON_LD), published(other, DateOrigin.META)], NOON)
    assert bool(dated.conflicts) == conflict
    if conflict:
        assert dated.conflicts == (f"meta says {other[:10]}, json-ld says {one[:10]} (used)",)


def test_a_change_alone_is_no_publication() -> None:
    """What only says when it was changed has no date of publication."""
    dated = settle([updated("2025-04-07T10:30:00Z", DateOrigin.JSON_LD)], NOON)
    assert (dated.published_at, dated.updated_at, dated.date_origin) == (None, HALF_PAST_TEN, DateOrigin.UNKNOWN)


@pytest.mark.parametrize(
    ("first", "change", "kept"),
    [
        ("2025-04-07T10:30:00Z", "2025-04-07T10:31:00Z", True),
        ("2025-04-07T10:30:00Z", "2025-04-07T12:30:00+02:00", False),
        ("2025-04-07", "2025-04-07", False),
        ("2025-04-07", "2025-04-08", True),
        ("2025-04-07", "2025-04-07T15:00:00Z", True),
        ("2025-04-07T22:30:00-05:00", "2025-04-08", True),
        ("2025-04-07T10:30:00Z", "2025-04-07", False),
        ("2025-04-07T10:30:00Z", "2025-04-07T09:00:00", False),
        ("2025-04-07T00:30:00Z", "2025-04-06", False),
    ],
)
def test_an_update_that_is_none_is_left_out_in_silence(first: str, change: str, kept: bool) -> None:
    """The same moment, or a day that may be that of publication, says nothing; a later one is kept, day or instant."""
    dated = settle([published(first), updated(change)], NOON)
    assert (dated.updated_at is not None, dated.warnings) == (kept, ())


@pytest.mark.parametrize("change", ["2025-04-07T10:29:59Z", "2025-04-06", "2020-01-01", "2025-04-06T20:29:00"])
def test_an_update_before_the_publication_is_dropped_and_said(change: str) -> None:
    """The publication stays."""
    dated = settle([published("2025-04-07T22:30:00Z" if change == "2025-04-06" else "2025-04-07T10:30:00Z"), updated(change)], NOON)
    assert dated.published_at is not None
    assert (dated.updated_at, len(dated.warnings)) == (None, 1)
    assert "lies before the publication" in dated.warnings[0]


def test_an_impossible_update_gives_way_to_the_next() -> None:
    """One in the future or before the publication is passed over for what another origin states."""
    stated = [published("2025-04-07"), updated("2052-01-01", DateOrigin.JSON_LD), updated("2025-04-09", DateOrigin.DOCUMENT)]
    assert settle(stated, NOON).updated_at == SEVENTH + timedelta(days=2)


def test_thousands_of_dates_are_not_all_read() -> None:
    """A page that states more dates than any article has costs no more than one with a hundred."""
    dated = settle([published("nonsense") for _ in range(100_000)], NOON)
    assert dated.published_at is None
    assert len(dated.warnings) == 2


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2025-04-07-story.html", "2025-04-07"),
        ("20250407_x.txt", "2025-04-07"),
        ("herald-2025-04-07-p3.pdf", "2025-04-07"),
        ("2025_04_07.md", "2025-04-07"),
        ("https://a.example/2025/04/07/wall/", "2025-04-07"),
        ("https://a.example/2025/4/7/wall", "2025-04-07"),
        ("https://a.example/world/2025/apr/07/wall", "2025-04-07"),
        ("https://a.example/2025/04/07/what-happened-on-2001-09-11", "2025-04-07"),
        ("2025-04-07-what-happened-on-2001-09-11.html", "2025-04-07"),
        ("archive/2025/04/07/story.html", "2025-04-07"),
        ("https://web.archive.org/web/20260101000000/https://a.example/2025/04/07/x", "2025-04-07"),
        ("20251307-ferry.html", None),
        ("2025-02-30.html", None),
        ("https://a.example/2025/04/wall", None),
        ("2025-04.html", None),
        ("id-1202504071.html", None),
        ("A20250407.html", None),
        ("17440218.html", None),
        ("2025-04-01-to-x-and-y.2025-04-07", "2025-04-01"),
        ("from-2025-04-01-to-2025-04-07.html", None),
        ("https://a.example/x?date=2025-04-07", None),
        ("https://2025-04-07.example/x", None),
        ("story.html", None),
        ("", None),
        ("http://[broken", None),
    ],
)
def test_a_name_tells_the_day_or_nothing(name: str, day: str | None) -> None:
    """A whole day, in the path or the name, and only where there is one; never a number that merely looks like it."""
    assert from_name(name) == (Stated("published_at", DateOrigin.FILE_NAME, day) if day else None)


@pytest.mark.parametrize("field", ["published_at", "updated_at"])
def test_the_clock_is_never_the_date(field: DateField) -> None:
    """Read a year later, the same words give the same dates."""
    for written in ("2025-04-07T10:30:00", "April 7, 2025", "yesterday", "10:30", "Monday", "7 April", "last week"):
        stated = [Stated(field, DateOrigin.DOCUMENT, written)]
        assert settle(stated, NOON) == settle(stated, NOON + timedelta(days=365))


@pytest.mark.parametrize(
    ("written", "believed"),
    [
        ("1601-01-01", False), ("1601-01-01T00:00:00Z", False), ("1899-12-30", False), ("1900-01-01T00:00:00+01:00", False),
        ("1900-01-01", False), ("1900-01-01T06:30:00", True), ("1900-01-02", True), ("1899-12-31", True),
    ],
)  # fmt: skip
def test_null_dates_of_software_are_not_believed(written: str, believed: bool) -> None:
    """The first moment of Windows' and Excel's calendars; another time of that day is one."""
    dated = settle([published(written)], NOON)
    assert (dated.published_at is not None) == believed
    assert any("software writes for no date" in warning for warning in dated.warnings) != believed


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("saved 2026-11-27.html", None), ("Saved_on_2026-11-27.html", None), ("dam scan-2026-11-27.pdf", None),
        ("scanned.20261127.pdf", None),
        ("download 2026-11-27 dam.html", None), ("export_2026-11-27.json.gz", None), ("Screenshot from 2026-11-27 10.15.html", None),
        ("backup-2026.11.27.md", None), ("2026-11-27-scan.pdf", None), ("2026-11-27 export (2).html", None),
        ("2026-03-04-dam saved 2026-11-27.html", "2026-03-04"), ("dam 2026-03-04 saved 2026-11-27.html", "2026-03-04"),
        ("2026-03-04-export-ban-lifted.html", "2026-03-04"), ("unsaved-2026-03-04.html", "2026-03-04"),
        ("saved-the-dam-2026-03-04.html", "2026-03-04"), ("https://h.example/export/2026/03/04/dam", "2026-03-04"),
    ],
)  # fmt: skip
def test_a_day_on_which_a_file_was_made_is_no_publication(name: str, day: str | None) -> None:
    """The word stands directly before the day, or last behind it; another day of the name is still believed."""
    assert from_name(name) == (Stated("published_at", DateOrigin.FILE_NAME, day) if day else None)
