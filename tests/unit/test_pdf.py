"""The text layer of a PDF as running text, and which of its dates are believed."""

import pytest

from service.articles.layout import Line, running_text
from service.articles.pdf import MAX_PAGES, moment, pdf_articles
from service.articles.raw import Raw, Stated
from service.domain import DateOrigin
from service.errors import BadArticle
from tests.pdf_writer import column, write_pdf

ARTICLE = column(
    "The council of Eastholm approved a new flood barrier on Monday after",
    "a debate that lasted into the night, and asked for an inter-",
    "national comparison of costs.",
    "",
    "Residents along the river welcomed it. The barrier is to be finished",
    "in 2029.",
)
TEXT = (
    "The council of Eastholm approved a new flood barrier on Monday after a debate that lasted into the night, and asked for an "
    "international comparison of costs.\n\nResidents along the river welcomed it. The barrier is to be finished in 2029."
)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
PRISM = 'xmlns:prism="http://prismstandard.org/namespaces/basic/3.0/"'
PURL = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'


def one(data: bytes, name: str = "") -> Raw:
    """The only thing in a PDF."""
    (raw,) = pdf_articles(data, name=name)
    return raw


def row(data: bytes) -> dict[str, str]:
    """The row of the only article."""
    found = one(data).row
    assert isinstance(found, dict)
    return found


def packet(inside: str, spaces: str = "") -> str:
    """An XMP packet about the document."""
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description {spaces}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'


def dublin_core(*days: str) -> str:
    """`dc:date` as an ordered list, which is how XMP writes it."""
    return f"<dc:date><rdf:Seq>{''.join(f'<rdf:li>{day}</rdf:li>' for day in days)}</rdf:Seq></dc:date>"


def test_lines_become_paragraphs_and_hyphens_at_their_ends_go() -> None:
    """A sentence that runs over lines is whole; the space between paragraphs is kept as one."""
    assert row(write_pdf([ARTICLE])) == {"text": TEXT}


def test_headers_footers_and_page_numbers_go() -> None:
    """What stands at the edge of most pages, digits aside, is no part of the text, and a sentence goes on over the page."""
    bodies = [
        ("Work on the first lock began in spring and", "went on until the river rose, which it did before"),
        ("anyone had thought of pumps. A second crew", "came from the coast and"),
        ("took over the digging. Nobody complained of", "the cost. In autumn the gates were hung, as the"),
        ("engineers had promised, and the water", "stayed where it was."),
    ]
    pages = [
        [*column("The Eastholm Herald", top=810), *column(*body), *column(f"Page {number} of 4", top=30)]
        for number, body in enumerate(bodies, 1)
    ]
    text = row(write_pdf(pages))["text"]
    assert text == " ".join(line for body in bodies for line in body)


def test_a_heading_of_another_size_stands_alone() -> None:
    """A headline without a full stop does not run into the first sentence."""
    text = row(write_pdf([[*column("Council approves the barrier", top=790, size=20), *column("It took all night.", top=765)]]))["text"]
    assert text == "Council approves the barrier\n\nIt took all night."


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["the inter-", "national cost"], "the international cost"),
        (["the Franco-", "German border"], "the Franco-German border"),
        (["the years 2024-", "2026 were dry"], "the years 2024-2026 were dry"),
        (["it was manip\x02ulated"], "it was manipulated"),
        (["it was manip\ufffe", "ulated"], "it was manipulated"),
        (["the EU\x02wide rule"], "the EU-wide rule"),
        (["First line without end", "second line"], "First line without end second line"),
        (["It is long enough to be a whole line of text here.", "Short end.", "A new one begins after the short one."],
         "It is long enough to be a whole line of text here. Short end.\n\nA new one begins after the short one."),
        (["These were asked:", "• the mayor;", "• the engineer."], "These were asked:\n\n• the mayor;\n\n• the engineer."),
        (["control\x07 and soft\xad hyphen\ufeff"], "control and soft hyphen"),
    ],
)  # fmt: skip
def test_how_lines_join(lines: list[str], text: str) -> None:
    """Hyphens, short last lines, lists and characters that are not to be seen, where no place of a line is known."""
    assert running_text([[Line(line) for line in lines]]) == text


def test_an_indent_begins_a_paragraph() -> None:
    """In a column without space between paragraphs, a first line that is set in does."""
    lines = [
        Line("One sentence ends with a full line here.", 72, 700, 11),
        Line("Another begins in this", 84, 686, 11),
        Line("line.", 72, 672, 11),
    ]
    assert running_text([lines]) == "One sentence ends with a full line here.\n\nAnother begins in this line."


def test_two_columns_are_one_text() -> None:
    """From the foot of the first column to the head of the second a sentence goes on."""
    text = row(
        write_pdf([[*column("The first column ends in the", "middle of a"), *column("sentence that ends in the", "second.", left=320)]])
    )
    assert text["text"] == "The first column ends in the middle of a sentence that ends in the second."


@pytest.mark.parametrize(
    "title", ["Microsoft Word - barrier final.doc", "untitled", "Untitled-1", "barrier_v3.indd", "a.pdf", "Document1", "---"]
)
def test_a_title_that_is_none_is_left_out(title: str) -> None:
    """What programs fill in is not the headline; nor is `Administrator` the author."""
    found = row(write_pdf([ARTICLE], info=f"/Title({title})/Author(Administrator)"))
    assert found == {"text": TEXT}


def test_title_and_author_are_kept() -> None:
    """Where they say something; and the day on which the file was made as metadata, no date of the article."""
    info = "/Title(Council approves the barrier)/Author(Mara Ellery)/CreationDate(D:20250407090000+02'00')"
    raw = one(write_pdf([ARTICLE], info=info))
    assert raw.row == {
        "text": TEXT,
        "title": "Council approves the barrier",
        "author": "Mara Ellery",
        "pdf_created": "2025-04-07T09:00:00+02:00",
    }
    assert raw.stated == ()


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("D:20250407090000+02'00'", "2025-04-07T09:00:00+02:00"),
        ("D:20250407090000-05'30", "2025-04-07T09:00:00-05:30"),
        ("D:20250407090000Z", "2025-04-07T09:00:00+00:00"),
        ("D:20250407090000Z00'00'", None),
        ("D:20250407", "2025-04-07T00:00:00"),
        ("2025", "2025-01-01T00:00:00"),
        ("D:20251340000000Z", None),
        ("7 April 2025", None),
        ("", None),
    ],
)
def test_pdf_dates_keep_their_zone(written: str, iso: str | None) -> None:
    """As ISO 32000-1 writes them; what is no day of the calendar is nothing."""
    assert moment(written) == iso


MADE = "/CreationDate(D:20260101120000Z)/ModDate(D:20260203120000Z)"
CREATED = "<xmp:CreateDate>2025-12-24</xmp:CreateDate>"
DATES = [
    ("prism", packet("<prism:publicationDate>2025-04-07</prism:publicationDate>", PRISM), "2025-04-07"),
    ("prism as attribute", packet("", f'{PRISM} prism:publicationDate="2025-04-07"'), "2025-04-07"),
    ("prism on the day it was made", packet("<prism:publicationDate>2026-01-01</prism:publicationDate>", PRISM), "2026-01-01"),
    ("dublin core", packet(dublin_core("2025-04-07"), PURL), "2025-04-07"),
    ("dublin core is the day of making", packet(dublin_core("2026-01-01T12:00:00Z"), PURL), None),
    ("dublin core is the day of saving", packet(dublin_core("2026-02-03"), PURL), None),
    ("dublin core is what xmp says of making", packet(CREATED + dublin_core("2025-12-24"), PURL), None),
    ("two days", packet(dublin_core("2025-04-07", "2025-04-09"), PURL), None),
    ("two packets that disagree", packet(dublin_core("2025-04-07"), PURL) + packet(dublin_core("2024-01-01"), PURL), None),
    ("only made", packet(CREATED, PURL), None),
    ("broken", "<rdf:RDF><oh", None),
    ("entity", f'<rdf:RDF {RDF} {PURL}><dc:date>&x;</dc:date></rdf:RDF>', None),
]  # fmt: skip


@pytest.mark.parametrize(("xmp", "day"), [case[1:] for case in DATES], ids=[case[0] for case in DATES])
def test_only_a_date_of_publication_is_one(xmp: str, day: str | None) -> None:
    """Never the day on which the file was made or saved, whoever repeats it."""
    raw = one(write_pdf([ARTICLE], info=MADE, xmp=xmp))
    assert raw.stated == ((Stated("published_at", DateOrigin.DOCUMENT, day),) if day else ())


def test_the_file_name_states_a_date_of_its_own() -> None:
    """Beside what the document says."""
    xmp = packet("<prism:publicationDate>2025-04-07</prism:publicationDate>", PRISM)
    found = one(write_pdf([ARTICLE], xmp=xmp), "2025-04-08-barrier.pdf").stated
    assert [stated.origin for stated in found] == [DateOrigin.DOCUMENT, DateOrigin.FILE_NAME]


def test_a_scan_is_told_from_a_text() -> None:
    """A page without text is no article, and the way to one is said."""
    assert "run OCR first" in (one(write_pdf([[], []])).problem or "")


def test_an_encrypted_file_is_named() -> None:
    """A password that nobody gave is said to be missing."""
    key = "00" * 32
    locked = write_pdf([ARTICLE], trailer=f"/ID[<{'00' * 16}><{'00' * 16}>]/Encrypt<</Filter/Standard/V 1/R 2/O<{key}>/U<{key}>/P -4>>")
    assert "is encrypted" in (one(locked).problem or "")


def test_what_is_no_pdf_is_refused() -> None:
    """Rubbish, and a file of which only the beginning is there."""
    for data in (b"", b"not a PDF", write_pdf([ARTICLE])[:100]):
        with pytest.raises(BadArticle, match="is not a PDF that can be read"):
            pdf_articles(data)


def test_too_many_pages_and_too_much_text_are_refused() -> None:
    """Before they are read to the end."""
    with pytest.raises(BadArticle, match="2,001 pages"):
        pdf_articles(write_pdf([[]] * (MAX_PAGES + 1)))
    with pytest.raises(BadArticle, match="more than 100 characters"):
        pdf_articles(write_pdf([ARTICLE]), max_chars=50)
