"""Documents that are good: one or two of each format, written for the tests."""

import json
from functools import cache
from pathlib import Path

PAGES = Path(__file__).parent.parent / "dates"
WORDS = "The dam at Eastholm holds, the engineers said on Monday. The council meets again before the river rises. "
NOTICE = (
    "Correction: An earlier version of this article misstated the height of the dam. It is 41 metres, not 14. "
    "The article “The dam at Eastholm holds”, printed on 3 March 2025, should have said so. See https://herald.example/dam."
)
DATES = (
    "2025-04-07", "2025-04-07T10:30:00+02:00", "Mon, 07 Apr 2025 10:30:00 GMT", "7 April 2025, 10:30 a.m. ET", "20250407103000",
    "1744012800",
    "1744012800000", "04/05/2025", "7. April 2025, 10.30 Uhr", "7 avril 2025 à 10h30", "2025年4月7日",
    "Published: April 7, 2025 | 10:30 PM PDT",
    "2025-04-07T10:30:00.123456789Z[Europe/Berlin]", "Sept. 3rd 2024", "07.04.2025 10:30 MESZ",
)  # fmt: skip
LD = json.dumps(
    {
        "@context": "https://schema.org", "@graph": [
            {"@type": "NewsArticle", "@id": "#a", "headline": "Dam holds", "datePublished": DATES[1], "dateModified": DATES[0],
             "author": [{"@type": "Person", "name": "Ana Brandt"}], "publisher": {"@id": "#p"}, "articleBody": WORDS, "inLanguage": "en",
             "correction": {"@type": "CorrectionComment", "text": NOTICE}, "mainEntityOfPage": "https://herald.example/dam"},
            {"@type": "Organization", "@id": "#p", "name": "The Eastholm Herald"},
        ],
    }
)  # fmt: skip
PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Dam holds - The Eastholm Herald</title>'
    '<link rel="canonical" href="https://herald.example/dam"><meta property="article:published_time" content="2025-04-07T10:30:00Z">'
    f'<script type="application/ld+json">{LD}</script></head><body><nav><ul><li><a href="/">Home</a></li></ul></nav><article>'
    f'<header><h1>Dam holds</h1><p class="byline">By Ana Brandt</p><time datetime="2025-04-07">7 April 2025</time></header>'
    f"<p>{WORDS * 3}</p><blockquote><p>{WORDS}</p></blockquote><table><tr><td>41</td><td>14</td></tr></table><p>{NOTICE}</p></article>"
    '<aside class="related"><a href="/other">Other</a></aside><footer>&copy; 2025</footer></body></html>'
)
HEADLINES = "<html><body>" + "".join(f'<h2><a href="/{n}">The dam holds {n}</a></h2><p>{WORDS}</p>' for n in range(6)) + "</body></html>"


@cache
def saved(suffix: str) -> tuple[bytes, ...]:
    """The documents of the labelled set with that ending."""
    return tuple(path.read_bytes() for path in sorted(PAGES.glob(f"*{suffix}")))


def item(number: int) -> str:
    return (
        f"<item><title>Dam {number} &amp; river</title><link>https://herald.example/2025/04/0{number}/dam</link><guid>g{number}</guid>"
        f"<pubDate>Mon, 07 Apr 2025 10:3{number}:00 GMT</pubDate><dc:creator>Ana Brandt</dc:creator><dc:date>2025-04-07</dc:date>"
        f"<description><![CDATA[<p>{WORDS}</p><img src='x'>]]></description>"
        f"<content:encoded>&lt;p&gt;{WORDS}&lt;/p&gt;</content:encoded></item>"
    )


RSS = (
    '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Herald</title><link>https://herald.example</link>'
    f"<language>en</language>{''.join(map(item, range(1, 4)))}</channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://herald.example/"><title type="html">Herald</title><entry><id>urn:1</id>'
    '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Dam</div></title><link href="dam"/><author><name>Ana</name></author>'
    f"<published>2025-04-07T10:30:00Z</published><updated>2025-04-08T10:30:00Z</updated><summary>{WORDS}</summary>"
    f'<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>{WORDS}</p></div></content><source><title>Post</title></source>'
    "</entry></feed>"
)
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1", "title": "Herald", "language": "en", "authors": [{"name": "Ana"}],
    "items": [
        {"id": "1", "url": "https://herald.example/dam", "title": "Dam", "content_html": f"<p>{WORDS}</p>", "date_published": DATES[1]},
        {"id": 2, "content_text": f"{WORDS}\n\n{WORDS}", "summary": "Dam", "author": {"name": "Ana"}, "date_modified": DATES[0]},
    ],
}  # fmt: skip
URLS = "".join(
    f"<url><loc>https://herald.example/{n}</loc><lastmod>2025-04-0{n}</lastmod><news:news><news:publication><news:name>Herald</news:name>"
    f"</news:publication><news:publication_date>2025-04-0{n}</news:publication_date><news:title>Dam {n}</news:title></news:news></url>"
    for n in range(1, 5)
)
SITEMAP = (
    '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    f'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">{URLS}</urlset>'
)
INDEX = (
    '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>https://herald.example/a.xml</loc>'
    "<lastmod>2025-04-07</lastmod></sitemap></sitemapindex>"
)
MARKDOWN = (
    f"---\ntitle: Dam holds\nsource: The Eastholm Herald\npublished_at: 2025-04-07\ntags: [dam, river]\nmore:\n  deep: true\n---\n"
    f"# Dam holds\n\n{WORDS}\n\n> {WORDS}\n\n- one\n- two [a](https://herald.example) `code`\n\n"
    f"```\nfence\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)
ROW = {
    "id": "a1", "title": "Dam holds", "text": WORDS, "source": "The Eastholm Herald", "author": "Ana Brandt", "language": "en",
    "url": "https://herald.example/dam?utm_source=x#part", "published_at": DATES[1], "updated_at": DATES[0], "tags": ["dam", {"deep": [1,
    None]}],
}  # fmt: skip
CSV = f'title,text,url,date,rating\n"Dam ""holds""","{WORDS}\n{WORDS}",https://herald.example/dam,2025-04-07,4\nRiver,{WORDS[:30]},,,\n'
SEMICOLONS = CSV.replace(",", ";")
MHTML = (
    "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://herald.example/dam\r\nSubject: =?utf-8?Q?Dam_holds?=\r\n"
    'Date: Fri, 1 May 2026 10:00:00 -0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n'
    f"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{PAGE.replace('=', '=3D')}\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-Location: https://herald.example/a.png\r\n\r\nAAAA\r\n--b--\r\n"
)
XMP = (
    '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" '
    'prism:publicationDate="2025-04-07"/></rdf:RDF></x:xmpmeta>'
)
ROBOTS = (
    "User-agent: *\nDisallow: /private\nAllow: /private/open$\nCrawl-delay: 5\n\n"
    "User-agent: dateline\nDisallow: /*.pdf\nRequest-rate: 1/5\n"
)
