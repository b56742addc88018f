"""Markdown with YAML front matter, as plain text. python-frontmatter splits, markdown-it-py parses (CommonMark)."""

from __future__ import annotations

from typing import Any

from service.errors import BadArticle


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The front matter as a mapping (empty where there is none) and the body. Raises BadArticle on bad YAML."""
    import frontmatter
    import yaml

    try:
        metadata, body = frontmatter.parse(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 2})" if mark else ""
        raise BadArticle(f"has front matter that is not YAML{place}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(metadata, dict):
        raise BadArticle("has front matter that is not a mapping of keys to values")
    return {str(key): value for key, value in metadata.items()}, body


def plain_text(markdown: str) -> tuple[str | None, str]:
    """The first level-one heading, if the text opens with one, and the rest as paragraphs of plain text.

    Marks of emphasis, links and images go, their words stay; list items and headings become paragraphs;
    raw HTML is dropped.
    """
    from markdown_it import MarkdownIt

    paragraphs: list[str] = []
    title: str | None = None
    tag = ""
    for token in MarkdownIt("commonmark").parse(markdown):
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


def _inline(token: Any) -> str:
    if token.type == "softbreak":
        return " "
    if token.type == "hardbreak":
        return "\n"
    if token.type == "html_inline":
        return ""
    return str(token.content)
