"""Imports run one way, and heavy libraries wait until an adapter needs them: read from the source of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
CORE = {
    "__init__",
    "domain",
    "errors",
    "moments",
    "ports",
    "readiness",
    "records",
    "settings",
    "environment",
    "sentences",
    "sketches",
    "urls",
    "vectors",
    "visible",
    "words",
    "logs",
    "telemetry",
    "tracing",
}
FLOWS = {"articles": CORE, "indexing": CORE | {"articles"}, "retrieval": CORE | {"indexing"}, "answering": CORE | {"retrieval"}}
"""Pure, or speaking only to ports."""
ADAPTERS = {"storage": CORE, "models": CORE, "fetching": CORE}
"""They import the words, never the flows, and not each other."""
BOOTSTRAP = CORE | set(FLOWS) | set(ADAPTERS)
INNER = BOOTSTRAP | {"bootstrap", "services"}
"""Everything else is a door: it may import anything, and nothing inside may import it."""
HEAVY = ("torch", "chromadb", "datasketch", "langchain", "sentence_transformers", "xllamacpp", "transformers")


def allowed(part: str) -> set[str] | None:
    """The parts of the service that this one may import besides itself; None for a door, which may import all."""
    if part in CORE:
        return CORE
    if part == "services":
        return BOOTSTRAP
    if part == "bootstrap":
        return BOOTSTRAP | {"services"}
    return (FLOWS | ADAPTERS).get(part)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a tree imports by its full name, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level
            elif node.module == "service":
                yield from (f"service.{name.name}" for name in node.names)
            else:
                yield str(node.module)


def at_import(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The import statements that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif isinstance(statement, ast.If):
            checked = "TYPE_CHECKING" in ast.unparse(statement.test)
            yield from at_import(([] if checked else statement.body) + statement.orelse)
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from at_import([inner for inner in getattr(statement, name, []) if isinstance(inner, ast.stmt)])
            for handler in getattr(statement, "handlers", []):
                yield from at_import(handler.body)


def is_heavy(name: str) -> bool:
    """Whether a module is of a library that takes seconds to import: `langchain_openai` is of `langchain`."""
    root = name.partition(".")[0]
    return any(root == library or root.startswith(f"{library}_") for library in HEAVY)


def violations(part: str, source: str) -> list[str]:
    """What a module of this part of the service imports and must not."""
    tree = ast.parse(source)
    wrong = [f"{name}: relative" for name in imported(tree) if name.startswith(".")]
    permitted = allowed(part)
    for name in imported(tree):
        root, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if root == "service" and permitted is not None and target not in permitted | {part, "", "__version__"}:
            wrong.append(f"{part} → {target}")
    for statement in at_import(tree.body):
        wrong += [f"heavy at import: {name}" for name in imported(statement) if is_heavy(name)]
    return wrong


def modules() -> list[tuple[str, Path]]:
    """Each module of the service with the part that it belongs to."""
    return [(path.relative_to(ROOT).with_suffix("").parts[0], path) for path in sorted(ROOT.rglob("*.py")) if "_data" not in path.parts]


def test_every_import_runs_one_way() -> None:
    """Core ← flows ← bootstrap ← doors, and core ← adapters ← bootstrap; no module breaks it."""
    wrong = {str(path.relative_to(ROOT)): found for part, path in modules() if (found := violations(part, path.read_text("utf-8")))}
    wrong.pop("langchain_retriever.py", None)  # its base class is LangChain's, and nothing of ours imports it
    assert wrong == {}


def test_the_reading_finds_the_modules() -> None:
    """Every named part exists, so that a renamed one does not slip through as a door."""
    assert {part for part, _ in modules()} >= INNER


def test_nothing_imports_the_langchain_door() -> None:
    """It alone may import LangChain at once, so no other module may import it."""
    names = {name for _, path in modules() for name in imported(ast.parse(path.read_text("utf-8")))}
    assert not {name for name in names if name.startswith("service.langchain_retriever")}


@pytest.mark.parametrize(
    ("part", "source", "wrong"),
    [
        ("domain", "from service.articles.row import Row", ["domain → articles"]),
        ("retrieval", "def f():\n    from service.storage import archive", ["retrieval → storage"]),
        ("answering", "if TYPE_CHECKING:\n    import service.bootstrap", ["answering → bootstrap"]),
        ("articles", "from service import indexing", ["articles → indexing"]),
        ("storage", "from service.indexing.passages import cut_passages", ["storage → indexing"]),
        ("models", "import service.storage.archive as a", ["models → storage"]),
        ("bootstrap", "try:\n    from service.http.app import create\nexcept ImportError: ...", ["bootstrap → http"]),
        ("indexing", "from ..storage import archive", ["..: relative"]),
        ("storage", "import chromadb.config", ["heavy at import: chromadb.config"]),
        ("http", "try:\n    pass\nexcept ImportError:\n    from torch import nn", ["heavy at import: torch"]),
        ("cli", "class A:\n    import transformers", ["heavy at import: transformers"]),
    ],
)
def test_a_planted_violation_is_found(part: str, source: str, wrong: list[str]) -> None:
    """At the top, in a function, under TYPE_CHECKING, in a branch, relative: each is refused."""
    assert violations(part, source) == wrong


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("storage", "from service.domain import Article\nfrom service import errors"),
        ("storage", "if TYPE_CHECKING:\n    import chromadb\ndef f():\n    import chromadb"),
        ("answering", "from service.retrieval.window import x\nfrom service.answering import y"),
        ("cli", "from service import __version__, bootstrap, http"),
        ("vectors", "import numpy, torchless"),
    ],
)
def test_what_is_allowed_passes(part: str, source: str) -> None:
    """The rule does not cry wolf."""
    assert violations(part, source) == []
