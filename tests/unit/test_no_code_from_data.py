"""Nothing that was read is run: no pickle, no evaluated text, no shell, no code of a model, no markup from text; read from every source.

What cannot be seen in a source is not seen here: a library that unpickles by itself. `tests/contract/test_models_refused.py` tries those
that read models.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "jsonpickle", "joblib", "marshal", "shelve", "dbm", "pickletools"}
BUILTINS = {"eval", "exec", "compile", "execfile", "__import__"}
CALLS = {
    "torch.load", "torch.jit.load", "torch.hub.load", "numpy.load", "np.load", "pandas.read_pickle", "os.system", "os.popen",
    "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load_all", "runpy.run_path", "runpy.run_module", "code.interact",
    "tempfile.mktemp",
}  # fmt: skip
FALSE = {"shell", "trust_remote_code", "allow_pickle", "allow_dangerous_deserialization"}
"""Arguments, and keys of arguments, that are False wherever they are written."""
LOADERS = {"SentenceTransformer", "CrossEncoder", "from_pretrained"}
"""Who reads a model's folder, and must be told to run none of its code and to read safetensors."""
TOLD = {"trust_remote_code", "use_safetensors", "local_files_only"}
MAY = {
    "articles/markdown.py": {"yaml.load"},  # with a loader of its own that builds strings, lists and mappings, and refuses aliases
}
SINKS = re.compile(
    r"(?i:(inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc\s*=|javascript:)"
    r"|\beval\b|\bnew\s+Function\b|\bset(?:Timeout|Interval)\(\s*[\"'`]|\bimport\((?![\"']\./)|\.on[a-z]+\s*=|setAttribute\(\s*[\"'`]on"
)
"""Where a browser makes markup or code of text."""
INLINE = re.compile(r"(?i)<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:|https?://")


def sources() -> dict[str, str]:
    """The text of every module of the service, by its path."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if "_data" not in path.parts]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def dotted(node: ast.AST) -> str:
    """`a.b.c` as it is written."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(node: ast.AST) -> Iterator[str]:
    """Modules, and what is taken from them, that a node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "import_module":
        yield from (str(given.value) for given in node.args if isinstance(given, ast.Constant))


def dangers(source: str) -> set[str]:
    """What a module does of which nothing may be done."""
    tree = ast.parse(source)
    found = {name for node in ast.walk(tree) for name in imported(node) if name.partition(".")[0] in UNPICKLERS or name in CALLS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in BUILTINS:
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and dotted(node) in CALLS:
            found.add(dotted(node))
        elif isinstance(node, ast.keyword) and node.arg in FALSE and not is_false(node.value):
            found.add(f"{node.arg}={ast.unparse(node.value)}")
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {f"{key.value}={ast.unparse(value)}" for key, value in pairs
                      if isinstance(key, ast.Constant) and key.value in FALSE and not is_false(value)}  # fmt: skip
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    told = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    told |= {key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys if isinstance(key, ast.Constant)}
    for loader in {name for call in calls if (name := dotted(call.func).rpartition(".")[2]) in LOADERS}:
        found |= {f"{loader} without {option}" for option in TOLD - told}
    return found


def is_false(node: ast.AST) -> bool:
    """Whether it is the literal."""
    return isinstance(node, ast.Constant) and node.value is False


def test_no_module_runs_what_was_read() -> None:
    """No import, call or argument of the lists above, but for what is named with its reason; and no reason is left over."""
    found = {path: names for path, source in sources().items() if (names := dangers(source))}
    assert found == MAY
    assert len(sources()) > 150


def test_the_models_are_loaded_where_the_rule_looks() -> None:
    """The rule on loaders meets the two modules that load any, so it is not empty."""
    loading = [path for path, source in sources().items() if re.search(r"\b(?:SentenceTransformer|CrossEncoder)\(", source)]
    assert loading == ["models/cross_encoder.py", "models/encoder.py"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", {"pickle"}),
        ("def f():\n    from pickle import loads", {"pickle", "pickle.loads"}),
        ("import importlib\nimportlib.import_module('marshal')", {"marshal"}),
        ("eval(text)", {"eval"}),
        ("run = exec", {"exec"}),
        ("import torch\ntorch.load(path)", {"torch.load"}),
        ("from torch import load", {"torch.load"}),
        ("import yaml\nyaml.load(text, Loader=yaml.Loader)", {"yaml.load"}),
        ("import subprocess\nsubprocess.run(text, shell=True)", {"shell=True"}),
        ("subprocess.run(text, shell=choice)", {"shell=choice"}),
        ("options = {'trust_remote_code': trusted}", {"trust_remote_code=trusted"}),
        ("CrossEncoder(path, trust_remote_code=False, local_files_only=True)", {"CrossEncoder without use_safetensors"}),
        ("AutoModel.from_pretrained(path)", {f"from_pretrained without {option}" for option in TOLD}),
    ],
)
def test_a_planted_danger_is_found(source: str, found: set[str]) -> None:
    """At the top, in a function, by another name, as an argument or in a dictionary of arguments."""
    assert dangers(source) == found


def test_what_is_harmless_passes() -> None:
    """The rule does not cry wolf."""
    assert dangers("import re, json, yaml\nre.compile('x')\njson.load(f)\nyaml.safe_load(t)\nmodel.eval()\nrun(shell=False)") == set()


def web(*suffixes: str) -> list[Path]:
    """Files of the page and of the eval's report that are ours."""
    files = [path for folder in ("web", "evaluation") for path in sorted((ROOT / folder).rglob("*"))]
    return [path for path in files if path.name.endswith(suffixes) and "vendor" not in path.parts]


def test_no_script_makes_markup_or_code_of_text() -> None:
    """None of the browser's sinks in any script of ours, in folders too, nor in a template."""
    scripts = web(".js", ".mjs", ".html", ".jinja", ".svg")
    found = {path.name: match[0] for path in scripts if (match := SINKS.search(path.read_text("utf-8")))}
    assert found == {}
    assert len(scripts) > 20


def test_no_page_has_inline_code_or_a_foreign_address() -> None:
    """So the policy without `unsafe-inline` breaks nothing, and nothing is asked of another host."""
    pages = web(".html")
    assert {path.name: match[0] for path in pages if (match := INLINE.search(path.read_text("utf-8")))} == {}
    assert {"index.html", "docs.html"} == {path.name for path in pages}


@pytest.mark.parametrize(
    "script",
    ["e.innerHTML = t", "e.insertAdjacentHTML('x', t)", "document.write(t)", "eval(t)", "new Function(t)", "setTimeout('go()', 1)",
     "e.onclick = f", "e.setAttribute('onclick', t)", "a.href = 'javascript:' + t", "import(name)", "new DOMParser()"],
)  # fmt: skip
def test_a_planted_sink_is_found(script: str) -> None:
    """Each of them."""
    assert SINKS.search(script)


def test_templates_escape() -> None:
    """No template switches escaping off; the one place that vouches for markup is where the charts are drawn."""
    assert not [path.name for path in web(".jinja") if re.search(r"\|\s*safe|autoescape\s+false", path.read_text("utf-8"))]
    assert [path for path, source in sources().items() if re.search(r"\bMarkup\(", source)] == ["evaluation/render_html.py"]


def test_what_is_vendored_is_named_and_hashed() -> None:
    """Every folder of other people's files says its version and licence, and the SHA-256 of each script and style in it."""
    folders = [path for path in (ROOT / "web" / "vendor").iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        note = (folder / "README.md").read_text("utf-8")
        assert re.search(r"\d+\.\d+\.\d+", note)
        assert re.search(r"Licen[cs]e: \S+", note)
        assert (folder / "LICENSE").is_file()
        noted = dict(line.split()[::-1] for line in note.splitlines() if line.startswith("    "))
        files = [path for path in folder.rglob("*") if path.suffix in {".js", ".mjs", ".css", ".wasm", ".html"}]
        assert noted == {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
