"""Prints docs/settings.md from the settings themselves; a test compares the two."""

from service.settings import Settings

HEAD = """# Settings

Environment variables, or lines of a `.env` file in the working directory. A variable with the prefix `DATELINE_` that is
not in this list is an error.

| variable | default | meaning |
|---|---|---|
"""
TAIL = """
`OPENAI_API_KEY`, `OPENAI_BASE_URL`, `HF_HOME`, `HF_HUB_OFFLINE`, `OTEL_*` and `PROMETHEUS_MULTIPROC_DIR` mean what they mean elsewhere.
`DATELINE_LOG_LEVEL` (`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`) sets what is logged: by default `INFO` by `dateline serve`, `WARNING`
by other commands. `DATELINE_LOG_FORMAT` is `json` (an object a line), `text`, or `auto` (default): text on a terminal. Neither is
read from `.env`. See [seeing.md](seeing.md).
"""
FOLDERS = {
    "data_dir": "`.dateline` in a checkout, else the user's data folder",
    "cache_dir": "the user's cache folder",
    "eval_data": "`shared/data` beside a checkout",
}
"""Defaults that differ by machine."""


def page() -> str:
    """The whole page."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = FOLDERS.get(name)
        shown = default or f"`{field.get_default(call_default_factory=True)!r}`"
        rows.append(f"| `DATELINE_{name.upper()}` | {shown} | {field.description} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    print(page(), end="")
