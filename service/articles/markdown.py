"""Markdown with YAML front matter, as plain text. python-frontmatter splits, markdown-it-py parses (CommonMark)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler
from markdown_it import MarkdownIt

from service.errors import BadArticle

MAX_FRONT_MATTER = 64 * 1024
"""Characters: what describes an article is short."""
MAX_MARKS = 25_000
"""Lines, brackets and marks of emphasis or code: each takes up to 35 µs, and a million characters of prose have some 15,000."""
MAX_STEPS = 500_000
"""Signs between brackets and the brackets that close them, for each of them all that lie within: up to 1.3 µs each, with a word behind
each sign. A bracket that nothing closes is looked for to the end of its paragraph: 17 before 70,000 signs took 1.5 s."""
_SIGN = re.compile(r"[\n!-/:-@\[-`{-~]")
"""What ends a run of plain text (CommonMark, ASCII punctuation)."""
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class _Words(yaml.BaseLoader):
    """Every scalar is the text as written, null aside, so that no date or number is misread; tags have no effect.

    In Python throughout: libyaml's parser ends the process on deep nesting (100,000 brackets).
    """

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        return None if node.style is None and value in _NULL else value

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read", mark)  # a few of them unfold to gigabytes
        return super().compose_node(parent, index)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The front matter as a mapping of strings (empty where there is none) and the body. Raises BadArticle on bad YAML."""
    handler = YAMLHandler()
    opening = handler.FM_BOUNDARY.match(text)
    if not opening:
        return {}, text
    try:
        written, body = handler.split(text)
    except ValueError:  # a rule that nothing closes
        return {}, text
    if len(written) > MAX_FRONT_MATTER:
        raise BadArticle(f"has front matter of {len(written):,} characters; the limit is {MAX_FRONT_MATTER:,}")
    try:
        metadata = yaml.load(written, Loader=_Words)  # noqa: S506 - builds nothing but strings, lists and mappings
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {text.count(chr(10), 0, opening.end()) + mark.line + 1})" if mark else ""
        raise BadArticle(f"has front matter that is not YAML{place}: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise BadArticle("has front matter that is nested too deeply") from error
    if metadata is None:
        return {}, body
    if not isinstance(metadata, dict):  # words between two rules
        return {}, text
    return {str(key): value for key, value in metadata.items()}, body


def plain_text(markdown: str) -> tuple[str | None, str]:
    """The first level-one heading, if the text opens with one, and the rest as paragraphs of plain text.

    Marks of emphasis, links and images go, their words stay; list items and headings become paragraphs;
    raw HTML is dropped. Raises BadArticle where there is more to take apart than can be in time.
    """
    marks = sum(map(markdown.count, "[*_`\n"))
    if marks > MAX_MARKS:
        raise BadArticle(f"is Markdown of {marks:,} lines, brackets and marks; the limit is {MAX_MARKS:,}: split it")
    if "[" in markdown and sum(map(_steps, markdown.split("\n\n"))) > MAX_STEPS:
        raise BadArticle("is Markdown with too many brackets within each other, or that nothing closes")
    paragraphs: list[str] = []
    title: str | None = None
    tag = ""
    parser = MarkdownIt("commonmark")
    tokens, deepest = parser.parse(markdown), parser.options["maxNesting"] - 1
    if any(one.level == deepest and one.nesting == 1 and other.nesting == -1 for one, other in pairwise(tokens)):
        raise BadArticle("is nested too deeply")  # what lies deeper would be left away in silence
    for token in tokens:
        if token.type.endswith("_open"):
            tag = token.tag
        elif token.type == "inline":
            words = "".join(_inline(child) for child in token.children or []).strip()
            if tag == "h1" and not paragraphs and title is None:
                title = words
            elif words:
                paragraphs.append(words)
        elif token.type in {"fence", "code_block"} and token.content.strip():
            paragraphs.append(token.content.strip())
    return title, "\n\n".join(paragraphs)


def _steps(paragraph: str) -> int:
    """How far the closing brackets of a paragraph are from the opening ones, in signs."""
    opened: list[int] = []
    steps = place = 0
    for place, sign in enumerate(_SIGN.findall(paragraph)):
        if sign == "[":
            opened.append(place)
        elif sign == "]" and opened:
            steps += place - opened.pop()
    return steps + sum(place - start for start in opened)


def _inline(token: Any) -> str:
    if token.type == "softbreak":
        return " "
    if token.type == "hardbreak":
        return "\n"
    if token.type == "html_inline":
        return ""
    return str(token.content)
