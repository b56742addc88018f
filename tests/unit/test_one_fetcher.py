"""One function asks the web for addresses that others wrote; read from the source of every module, so that no second one appears.

A guard against private addresses is worth nothing where one fetcher bypasses it (RAGFlow, GHSA-mfvm-3fj4-3m2c).
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
CLIENTS = (
    "aiohttp", "ftplib", "h11", "http.client", "httpcore", "httpcore2", "httpx", "httpx2", "huggingface_hub", "imaplib", "nntplib",
    "openai", "poplib", "pycurl", "requests", "smtplib", "socket", "socketserver", "ssl", "telnetlib", "urllib.request",
    "urllib.robotparser", "urllib3", "websockets", "xmlrpc.client",
    # Libraries of ours with a fetcher of their own, which checks nothing.
    "trafilatura.cli", "trafilatura.cli_utils", "trafilatura.downloads", "trafilatura.feeds", "trafilatura.sitemaps", "trafilatura.spider",
    "courlan.network", "pyarrow.fs", "fsspec",
)  # fmt: skip
CALLS = {
    "connect_tcp", "connect_unix", "create_connection", "create_datagram_endpoint", "create_unix_connection", "fetch_response", "fetch_url",
    "find_feed_urls", "open_connection", "open_unix_connection", "sitemap_search", "urlopen", "urlretrieve",
}  # fmt: skip
"""Functions that open connections, under whatever module or name they are reached."""
MAY = {
    # The one fetcher, and what it looks names up with.
    "fetching/addresses.py": {"httpx2", "socket"},
    "fetching/fetch.py": {"httpx2", "ssl"},
    # Servers that the operator names in the settings, or that this process starts itself; no address that an article or a user wrote.
    "models/cross_encoder.py": {"httpx", "huggingface_hub"},
    "models/encoder_folder.py": {"httpx", "huggingface_hub"},
    "models/generator.py": {"httpx2", "openai"},
    "models/embedding_server.py": {"httpx2"},
    "models/model_server.py": {"httpx2", "ssl"},
    "models/sources.py": {"httpx", "huggingface_hub", "urllib.request", "urlopen"},
    # The running service, at the address that it wrote beside the archive itself.
    "remote.py": {"httpx2"},
    "doctor.py": {"httpx2", "socket"},
    "storage/chroma_server.py": {"httpx"},
    # Its own child on loopback.
    "models/llama_watch.py": {"httpx2"},
    # Listens, and asks nobody.
    "server.py": {"socket"},
}
"""What each module may use of these, and why. A new entry is for a server that the operator names; all else goes through the fetcher."""


def client(name: str) -> str | None:
    """The HTTP client or socket library that a dotted name is of."""
    return next((library for library in CLIENTS if name == library or name.startswith(f"{library}.")), None)


def uses(source: str) -> set[str]:
    """The clients that a module imports, wherever and however, and the functions it calls that open connections."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        found |= {library for name in named(node) if (library := client(name))}
        found |= {name for name in referred(node) if name in CALLS}
    return found


def named(node: ast.AST) -> Iterator[str]:
    """The modules that a node imports, by statement or by name at run time, or reaches as an attribute."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Attribute):
        yield dotted(node)
    elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in {"import_module", "__import__", "find_spec"}:
        yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str))


def dotted(node: ast.AST) -> str:
    """`a.b.c` as it is written; only the end of it where it starts with anything but a name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def referred(node: ast.AST) -> Iterator[str]:
    """The last part of a name that a node imports or mentions."""
    if isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id


def feeds(source: str) -> list[str]:
    """What a module gives to `feedparser.parse`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and dotted(node.func) == "feedparser.parse"]
    return [ast.unparse(call.args[0]) if call.args else ast.unparse(call) for call in calls]


@cache
def sources() -> dict[str, str]:
    """The text of each module of the service, by its path."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if "_data" not in path.parts]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


@cache
def modules() -> dict[str, set[str]]:
    """What each module uses, by its path."""
    return {path: uses(source) for path, source in sources().items()}


def test_only_the_fetcher_asks_the_web() -> None:
    """Every other use is of a module that is named above with its reason, and of what is named there."""
    wrong = {path: sorted(found - MAY.get(path, set())) for path, found in modules().items() if found - MAY.get(path, set())}
    assert wrong == {}, "ask the web through service/fetching, or name the module here if it asks a server of the settings"


def test_no_exception_is_left_over() -> None:
    """What is allowed is also used, so that an old exception does not wait for a new fetcher."""
    found = modules()
    assert {path: sorted(allowed - found.get(path, set())) for path, allowed in MAY.items() if allowed - found.get(path, set())} == {}


def test_feeds_are_parsed_from_streams_only() -> None:
    """`feedparser.parse` fetches text that is an address and opens text or BYTES that are a path: it must get what it can only read."""
    calls = [(path, given) for path, source in sources().items() for given in feeds(source)]
    assert [call for call in calls if not call[1].startswith(("BytesIO(", "io.BytesIO("))] == []
    assert feeds("import feedparser\nfeedparser.parse(body)\nfeedparser.parse(io.BytesIO(body))") == ["body", "io.BytesIO(body)"]
    assert not any("feedparser import" in source or "feedparser as" in source for source in sources().values()), (
        "called by another name, it would not be found"
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import httpx2", {"httpx2"}),
        ("def f():\n    import requests.sessions", {"requests"}),
        ("from urllib import request", {"urllib.request"}),
        ("from urllib.request import urlopen", {"urllib.request", "urlopen"}),
        ("import urllib\nurllib.request.urlopen('x')", {"urllib.request", "urlopen"}),
        ("import importlib\nimportlib.import_module('httpx')", {"httpx"}),
        ("__import__('socket')", {"socket"}),
        ("from http import client", {"http.client"}),
        ("from trafilatura import fetch_url", {"fetch_url"}),
        ("import trafilatura\ntrafilatura.fetch_url(url)", {"fetch_url"}),
        ("from trafilatura.sitemaps import sitemap_search", {"trafilatura.sitemaps", "sitemap_search"}),
        ("import asyncio\nasyncio.open_connection('h', 80)", {"open_connection"}),
    ],
)
def test_a_planted_fetcher_is_found(source: str, found: set[str]) -> None:
    """At the top, in a function, by name at run time, over another library."""
    assert uses(source) == found


@pytest.mark.parametrize(
    "source",
    [
        "from urllib.parse import urlsplit, urljoin",
        "from http import HTTPStatus",
        "from service.http.app import create_app",
        "import trafilatura\ntrafilatura.bare_extraction(tree)",
        "requests = 3\nhttpx_like = requests",
    ],
)
def test_what_opens_nothing_passes(source: str) -> None:
    """The rule does not cry wolf."""
    assert uses(source) == set()
