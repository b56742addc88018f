"""The formats that are damaged: good documents, the pieces that matter in them, and what nests."""

import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from tests.fuzz.documents import (
    ATOM,
    CSV,
    DATES,
    HEADLINES,
    INDEX,
    JSON_FEED,
    LD,
    MARKDOWN,
    MHTML,
    NOTICE,
    PAGE,
    ROBOTS,
    ROW,
    RSS,
    SEMICOLONS,
    SITEMAP,
    WORDS,
    XMP,
    item,
    saved,
)
from tests.fuzz.mutations import Format
from tests.pdf_writer import column, write_pdf

_TAGS = (
    "html head body title meta link base script style svg math template iframe noscript object canvas article header footer main nav aside "
    "section div p a "
    "b i span h1 h2 h3 ul ol li dl table tr td th tbody form select option textarea button time abbr blockquote pre code br "
    "img input figure figcaption frameset plaintext xmp listing video ruby details dialog search custom-tag"
).split()
_MARKUP = (
    "<!--", "-->", "<!-->", "<![CDATA[", "]]>", "<!DOCTYPE html>", "<?xml version='1.0' encoding='utf-7'?>", "<?pi ?>", "</", "<", ">",
    "/>", "&",
    "&amp;", "&#0;", "&#x110000;", "&#xd800;", "&#1114112", "&nbsp;", "&NotEqualTilde;", "&#", "=", '"', "'", " a", " a=", " a='",
    ' class="date"',
    ' datetime="2025-04-07"', ' itemprop="datePublished"', ' itemtype="https://schema.org/NewsArticle"', ' href="javascript:x"', " hidden",
    ' href="//[::1"', ' lang="xx"', '<meta charset="utf-16">', '<base href="http://[">',
    '<meta http-equiv="refresh" content="0;url=http://x">',
    '<meta property="og:url" content="http://[::1">', "<script type='application/ld+json'>{",
    '<link rel="canonical" href="https://herald.example:99999/">',
    '<h2><a href="/x">The dam holds</a></h2>', "<p>By Ana | 7 April 2025 | 10:30</p>", "<td>x</td>", "1 ", "2025 ", "x",
    "https://herald.example/ ",
    "The post ", "read more", "…", "\n\n",
    '<meta charset="idna">', '<meta charset="punycode">', '<meta charset="utf-16">', '<meta charset="shift_jis">', "\xff\xfe",
    " encoding='utf-16'", "<?xml version='1.0' encoding='idna'?>", "<?xml version='1.0' encoding='big5'?>",
)  # fmt: skip


def _encoded(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


def _markup(*more: str) -> tuple[bytes, ...]:
    return _encoded(*_MARKUP, *(f"<{tag}>" for tag in _TAGS), *(f"</{tag}>" for tag in _TAGS), *DATES, *more)


def _pairs(tags: Sequence[str], *more: tuple[bytes, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    return (*((f"<{tag}>".encode(), f"</{tag}>".encode()) for tag in tags), *more)


_HTML_PAIRS = _pairs(_TAGS, (b"<!--", b"-->"), (b"<p a='", b"'>"), (b"<a ", b">"))
HTML = Format((*_encoded(PAGE, HEADLINES), *saved(".html")), _markup(LD, '"@graph":[', "{", "}", "[", "]"), _HTML_PAIRS)
_FEED_TAGS = (
    "item entry channel title link description content:encoded guid "
    "pubDate dc:date dc:creator updated published author name summary content "
    "source rss feed image media:group category itunes:author"
).split()
FEED = Format(
    (*_encoded(RSS, ATOM), *saved(".xml"), *saved(".rdf")),
    _markup(
        *(f"<{tag}>" for tag in _FEED_TAGS), *(f"</{tag}>" for tag in _FEED_TAGS), "<!DOCTYPE rss>", '<!DOCTYPE rss [<!ENTITY a "b">]>',
        "&a;",
        ' xmlns="http://www.w3.org/2005/Atom"', ' xmlns:x="y"', ' type="xhtml"', ' xml:base="http://["', ' encoding="utf-16"', item(5),
        "<x:y/>",
        "<georss:polygon>1 2 3 4</georss:polygon>", "<media:thumbnail url='x'/>", "<psc:chapter/>",
    ),
    _pairs(_FEED_TAGS, (b"<![CDATA[", b"]]>"), (b"<!--", b"-->"), (b"&lt;b&gt;", b"")),
)  # fmt: skip
SITEMAPS = Format(
    _encoded(SITEMAP, INDEX),
    _markup(
        "<url>",
        "</url>",
        "<loc>",
        "</loc>",
        "<sitemap>",
        "<lastmod>",
        "<news:title>",
        ' xmlns:a="b"',
        "<urlset>",
        '<!DOCTYPE a [<!ENTITY b "c">]>',
    ),
    ((b"<url>", b"</url>"), (b"<loc>", b"</loc>"), (b"<x>", b"</x>"), (b"<!--", b"-->")),
)
_JSON = (
    "{", "}", "[", "]", ",", ":", '"', "\\", "\\u0000", "\\ud800", "\\udc00\\ud800", "null", "true", "NaN", "-Infinity", "1e999", '"a":',
    '"text":',
    '"items":[', '"published_at":', "\n", "//", "'", '"version":"https://jsonfeed.org/version/1"', '"@value":',
)  # fmt: skip
_JSON_PAIRS = ((b"[", b"]"), (b'{"a":', b"}"), (b'{"items":[', b"]}"), (b'"', b'"'), (b"\\u00", b""))
JSONS = Format(
    _encoded(json.dumps(ROW), json.dumps([ROW, ROW]), json.dumps(ROW, indent=1), json.dumps(JSON_FEED)),
    _encoded(*_JSON, *DATES),
    _JSON_PAIRS,
)
JSON_LINES = Format(_encoded(f"{json.dumps(ROW)}\n" * 3, f"{json.dumps(ROW)}\r\n\n[]\n"), _encoded(*_JSON, *DATES), _JSON_PAIRS)
JSON_FEEDS = Format((json.dumps(JSON_FEED).encode(), *saved(".json")), _encoded(*_JSON, *_MARKUP, *DATES), _JSON_PAIRS)
MARKDOWNS = Format(
    _encoded(MARKDOWN, WORDS * 3),
    _encoded(
        "---", "---\n", "\n---\n", "+++", ": ", "- ", "? ", "&a ", "*a ", "<<: *a", "!!python/object:os.system ", "!!binary ", "|\n ",
        ">-\n", "'", '"',
        "{", "[", "%YAML 1.1", "#", "# ", "###### ", "*", "**", "_", "`", "```", "~~~\n", "[a](", "![", "](", "](<", "<a", "<!--", "</",
        "&amp;", "> ",
        "1. ", "    ", "\\", "\n", "  \n", "\n\n", "[a]: <b> 'c'\n", "|", "---|", "***\n", "a", "[", "]", "(", "@", "http://x.example ",
        "title: ", "\t",
    ),
    (
        (b"> ", b""), (b"- ", b""), (b"*", b"*"), (b"**", b"**"), (b"_", b"_"), (b"[", b"]"), (b"![", b"](a)"), (b"[", b"](a)"), (b"<",
        b">"),
        (b"`", b"`"), (b"{", b"}"), (b"[", b"]"), (b"- - ", b"\n"), (b"a: {", b"}"), (b"(", b")"), (b"*a **a ", b""), (b"a**b", b""),
        (b"1. ", b"\n"),
    ),
)  # fmt: skip
TEXTS = Format(
    _encoded(WORDS * 4, f"date 2025-04-07\n{WORDS}", NOTICE, f"{NOTICE}\n\n{WORDS * 5}"),
    _encoded(
        "date 2025-04-07 ",
        "date ",
        *DATES,
        NOTICE,
        WORDS,
        ".",
        ". ",
        "?",
        "! ",
        "…",
        "\n",
        "\n\n",
        "A",
        "a ",
        "Mr. ",
        '"',
        "“",
        "”",
        "(",
        "1.5 ",
        "'",
        "‘",
        "for “",
    ),
    ((b"(", b")"), ("“".encode(), "”".encode()), (b'"', b'"')),
)
TABLES = Format(
    _encoded(CSV, SEMICOLONS, CSV.replace(",", "\t"), CSV.replace("\n", "\r\n")),
    _encoded(",", ";", "\t", "|", '"', '""', "\n", "\r\n", "\r", ",,,", '","', '"\n"', "text", "title", *DATES),
    ((b'"', b'"'), (b",", b","), (b'""', b'""')),
)
MHTMLS = Format(
    _encoded(MHTML, MHTML.replace("quoted-printable", "base64"), PAGE),
    _markup(
        "--b\r\n", "\r\n--b--\r\n", "Content-Type: text/html\r\n\r\n", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n", "\r\n",
        "\r\n\r\n",
        "=?utf-8?B?", "?=", "=", "=3D", "=\r\n", "Content-Transfer-Encoding: 8bit\r\n", "charset=utf-7", "charset=rot13", "charset=hex",
        ";", "; a*0=b",
        "Content-Type: message/rfc822\r\n\r\n", "Snapshot-Content-Location: ", "Content-Location: ", "boundary=", "(", ")", "<", ">", "@",
        ":", ",",
    ),
    (
        (b"--b\r\n", b""), (b"(", b")"), (b"=?utf-8?Q?", b"?="), (b"<", b">"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", b""),
        (b"Content-Type: message/rfc822\r\n\r\n", b""), (b"; a=", b""), (b"\\", b""),
    ),
)  # fmt: skip
PDFS = Format(
    (
        write_pdf([column("Dam holds", "", *[WORDS[:50]] * 12), column(*[WORDS[50:]] * 9)],
        "/Title(Dam)/CreationDate(D:20250407090000+02'00')"),
        write_pdf([column("-", *["eastholm-", "dam"] * 9)] * 4, "/Author(Ana)", XMP),
        write_pdf([[]]),
    ),
    _encoded(
        "obj", "endobj", "stream\n", "endstream", "<<", ">>", "[", "]", "(", ")", "<", "R", "5 0 R", "1 0 R", "2 0 R", "/Kids[2 0 R]",
        "/Parent 5 0 R",
        "/Length 99999999", "/Filter/FlateDecode", "/Filter[/ASCIIHexDecode/LZWDecode/RunLengthDecode]", "/Count 2147483647",
        "/Type/ObjStm", "/Prev 9",
        "/Prev 1", "/XRefStm 1", "xref", "trailer", "startxref\n0", "%%EOF", "/Encrypt 3 0 R", "BT", "ET", " Tj", " Td", "q ", "Q ", " cm",
        "/F1 1e9 Tf",
        "0 0 0 0 0 0 cm ", "<</Size 999999999>>", "/MediaBox[0 0 1e9 1e9]", "/Contents[6 0 R 6 0 R]", "/ToUnicode 4 0 R", "/W[1 2 1]",
        "/Title(\\000)",
        "(\\376\\377\\330\\000)", "D:99999999999999", "<rdf:RDF", "</rdf:RDF>", XMP, "(a) Tj ", "/Resources 5 0 R", "/Subtype/Type0",
        "/Rotate 89",
    ),
    (
        (b"<<", b">>"), (b"[", b"]"), (b"(", b")"), (b"q ", b"Q "), (b"BT ", b"ET "), (b"<</Kids[", b"]>>"), (b"<rdf:Description>",
        b"</rdf:Description>"),
        (b"<rdf:RDF", b"</rdf:RDF>"), (b"6 0 obj ", b"endobj "),
    ),
)  # fmt: skip


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


_MEMBERS = {
    "a/2025-04-07.html": PAGE.encode(), "b.json": json.dumps(ROW).encode(), "c.csv": CSV.encode(), "d.md": MARKDOWN.encode(),
    "feed.xml": RSS.encode(),
    "e.txt": WORDS.encode(), "f.pdf": PDFS.whole[0], "g.jpg": b"x", "h.txt.gz": gzip.compress(b"x"), ".hidden": b"x", "../up.txt": b"x",
}  # fmt: skip
ZIPS = Format(
    (zipped(_MEMBERS), zipped(_MEMBERS, zipfile.ZIP_STORED), zipped({"a.txt": WORDS.encode() * 2_000}), zipped({}), zipped({"a.txt": b"a",
    "b": b""})),
    (
        b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08", b"\x01\x00\x10\x00", b"\xff\xff\xff\xff",
        b"\xff" * 8,
        b"\0\0", b"\x08\0", b"\x0c\0", b"\x0e\0", b"\x5d\0", b"../", b"/", b"\\", b"a.zip", b".txt", b".html", b"\x01\x08", b"\x00\x08",
    ),
    ((b"PK\x03\x04", b"PK\x01\x02"),),
)  # fmt: skip
ADDRESSES = Format(
    _encoded(
        "https://herald.example/2025/04/07/dam?a=1&utm_source=x#part", "http://www.herald.example:80/dam/", "https://[2001:db8::1]:443/",
        "//herald.example",
        "https://xn--bcher-kva.example/a%20b", "http://127.0.0.1/", "/dam", "dam-2025-04-07.html", "a/b_20250407.txt", "C:\\a\\2025-04-07",
    ),
    _encoded(
        "http://", "https://", "//", "/", "?", "#", "@", ":", "[", "]", "%", "%00", "%zz", "..", ".", "&", "=", ";", "\\", "utm_x=1&",
        "fbclid=", ":0", ":99999",
        ":٣", "www.", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[v1.a]", "0x7f.1", "user:pass@", "ftp://", "javascript:", "data:", "。",
        "ａ", "xn--", "xn--a",
        "/2025/13/45/", "/2025/feb/30/", "2025-02-30", "20250407", "-", "_", "é", "中", "a",
    ),
    ((b"[", b"]"), (b"/2025/04/07", b""), (b"%25", b""), (b"a.", b""), (b"a@", b"")),
    16 * 1024,
)  # fmt: skip
WRITTEN = Format(
    _encoded(*DATES),
    _encoded(
        *DATES, "0", "1", "00", "9999", "-", "/", ".", ":", " ", "T", "Z", "+02:00", "-99:99", "\u2212", "am", "p.m.", "Uhr", "h", "ET",
        "IST", "Europe/Berlin",
        "../UTC", "Etc/", "(", ")", "[", "Mon, ", "April", "avril", "mai", "年", "月", "日", "1er", "of", "at", "ago", "yesterday", "year ",
        "24:00", "60", "W15",
    ),
    ((b"(", b")"), (b"1:", b""), (b"[", b"]"), (b"Mon, ", b"")),
    2 * 1024,
)  # fmt: skip
NOTICES = Format(
    _encoded(
        NOTICE, f"{WORDS}\n\n{NOTICE}", f"Retraction: This article has been retracted because it was wrong. {WORDS}", f"RETRACTED: {WORDS}",
        "Editor’s note: We regret the error. The Herald apologises for the mistake.",
        "Korrektur: In diesem Artikel hieß es fälschlich, der Damm sei 14 m hoch.",
        "The Port Asel Gazette retracts the article “The dam holds” of 3 March 2025. An earlier version of this story said 14.",
    ),
    _encoded(
        "Correction", "Retraction: ", "Clarification (3 March 2025): ", "(Corrects ", "An earlier version of this article ",
        "this article ", "this ", "The ",
        "The Herald ", "A ", "we ", "we regret ", "has been retracted", "retracted", "because ", "not ", ", not ", "for “", "” read",
        "said ", "on Monday ", "3 March ",
        "article ", "report ", "an earlier ", "of ", "the ", "a ", "1 ", ".", ". ", ":", "\n", "\n\n", '"', "“", "”", "'", "‘", "https://",
        "https://herald.example/a ",
        "!", "*", "#", "> ", "–", "…", "\t", "  ", "page 3 ", "12 ", "in March ", "apologi", "story ",
    ),
    ((b"(", b")"), ("“".encode(), "”".encode()), (b'"', b'"'), (b"[", b"]"), (b"this ", b"article ")),
    64 * 1024,
)  # fmt: skip
DRAFTS = Format(
    _encoded(
        "The dam is 41 metres high [1]. It holds, the engineers said [2, 3].",
        "<think>Let me see.</think>Answer: **The dam holds** [^1].\n- One 【2†source】.",
        "<|channel|>analysis hidden<|channel|>final<|message|>The dam holds [Source 1].", "```python\nprint(1)\n```\nThe dam holds [1][2].",
    ),
    _encoded(
        "<think>", "</think>", "<|channel|>final<|message|>", "<|channel|>analysis", "```", "~~~", "<|im_end|>", "</s>", "<", "|", "[",
        "]", "[1]", "[999]", "[1,", "【",
        "】", "†", "[^", "[Source ", "**", "__", "*", "- ", "1. ", "# ", "> ", "Answer:", "Question:", "https://x.example/a", "![a](b)",
        "<img src=x>", "www.x.com",
        "javascript:a", "a@b.c", "data:", "[a]: b", ". ", "?", "…", "\n", "a ", "The dam holds. ", "ha", "a.", "a-", ":", "(", "<a", "<!",
    ),
    ((b"[", b"]"), (b"<think>", b"</think>"), (b"(", b")"), (b"**", b"**"), (b"`", b"`"), (b"![", b"]("), (b"<|", b"|>")),
    16 * 1024,
)  # fmt: skip
RULES = Format(
    _encoded(ROBOTS, ROBOTS * 20),
    _encoded(
        "User-agent: *\n", "User-agent: ", "Disallow: /\n", "Disallow: ", "Allow: ", "*", "$", "/*", "**", "Crawl-delay: ", "1e999", "nan",
        "Sitemap: http://[\n", ":", "\n",
        "\r", "#", "%", "%zz", "%00", "/a", "dateline", "Request-rate: 1/0s 9999-9999\n", "Visit-time: a-b\n", "Host: x\n",
        "Clean-param: a\n", "\u2028",
    ),
    ((b"*a", b""), (b"User-agent: a\n", b""), (b"Disallow: /a\n", b""), (b"Disallow: ", b"*")),
)  # fmt: skip
ZIPPED = Format(
    (gzip.compress(WORDS.encode()), gzip.compress(b"") * 3, gzip.compress(bytes(90_000)), gzip.compress(b"a") + b"\0" * 9),
    (b"\x1f\x8b\x08", b"\0\0\xff\xff", gzip.compress(b"a"), b"\0"),
    ((gzip.compress(b"a"), b""),),
)
COLUMNS = Format(
    _encoded("text=body,published_at=date", "text=Article text, id = n"),
    _encoded("=", ",", "text=", "a=b", "id=id", "updated_at"),
    ((b"text=", b","),),
)
SPANS = Format(
    _encoded("90s", "15m", "2h", "1d"), _encoded("s", "0", "9", "h ", "١", "-", "+", ".", "e9", "999999"), ((b"9", b"d"),), 1_000
)
