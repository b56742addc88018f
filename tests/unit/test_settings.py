"""Settings: from the environment and `.env`, frozen, and clear about what is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.errors import SettingsError
from service.settings import Settings, load_settings, resources


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is empty, so no `.env` of anybody is read."""
    monkeypatch.chdir(tmp_path)


def test_environment_beats_env_file_beats_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An override beats all; other programs' variables in `.env` are no concern of ours."""
    (tmp_path / ".env").write_text("DATELINE_PORT=1111\nDATELINE_HOST=::1\nDATELINE_TOP_K=3\nOPENAI_API_KEY=x\n", encoding="utf-8")
    monkeypatch.setenv("DATELINE_PORT", "2222")
    settings, default = load_settings(host="localhost"), Settings.model_fields["evidence_sentences"].default
    assert (settings.port, settings.host, settings.top_k, settings.evidence_sentences) == (2222, "localhost", 3, default)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATELINE_PORT", "70000", "DATELINE_PORT: "),
        ("DATELINE_MODEL", "gpt", "write local, local/NAME"),
        ("DATELINE_API_KEYS", "ask:short", "DATELINE_API_KEYS: "),
        ("DATELINE_API_KEYS", "root:0123456789abcdef", "DATELINE_API_KEYS: "),
        ("DATELINE_RERANKER", "ftp://127.0.0.1", "DATELINE_RERANKER: .*http://HOST:PORT"),
        ("DATELINE_RERANKER", "http://", "^DATELINE_RERANKER: (?!Value error).*http://HOST:PORT"),
        ("DATELINE_RERANKER", "http://127.0.0.1:8000?key=x", "DATELINE_RERANKER: .*http://HOST:PORT"),
        ("DATELINE_RERANKER", "http://[::1:8000", "DATELINE_RERANKER: .*http://HOST:PORT"),
        ("DATELINE_RERANKER", "http://127.0.0.1:port", "DATELINE_RERANKER: .*http://HOST:PORT"),
        ("DATELINE_RERANK_CANDIDATES", "0", "DATELINE_RERANK_CANDIDATES: "),
        ("DATELINE_MODLE", "local", "DATELINE_MODLE is not a setting; the nearest is DATELINE_MODEL"),
        ("DATELINE_CHROMA_SERVER", "x", "DATELINE_CHROMA_SERVER is not a setting"),
        ("DATELINE_TRUSTED_HOSTS", "localhost,https://news.example.org", "DATELINE_TRUSTED_HOSTS: 'https://news.*names alone"),
        ("DATELINE_TRUSTED_HOSTS", "news.example.org:443", "DATELINE_TRUSTED_HOSTS: .*names alone"),
        ("DATELINE_TRUSTED_HOSTS", "cafe:443", "DATELINE_TRUSTED_HOSTS: 'cafe:443'.*names alone"),
        ("DATELINE_XYZZY", "x", "DATELINE_XYZZY is not a setting; `docs/settings.md` lists them"),
        ("DATELINE_ASK_RATE", "many", "DATELINE_ASK_RATE: .*such as 60/minute"),
        ("DATELINE_READ_RATE", "0/minute", "DATELINE_READ_RATE: .*such as 60/minute"),
        ("DATELINE_SEARCH_RATE", "5/minute\n", "DATELINE_SEARCH_RATE: .*such as 60/minute"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    """The message names the variable, and a misspelt one is an error."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_a_misspelt_setting_in_the_env_file_is_refused(tmp_path: Path) -> None:
    """As in the environment."""
    (tmp_path / ".env").write_text("DATELINE_DATADIR=x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="DATELINE_DATADIR is not a setting; the nearest is DATELINE_DATA_DIR"):
        load_settings()


def test_an_env_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """Latin-1 instead of UTF-8."""
    (tmp_path / ".env").write_bytes(b"DATELINE_HOST=m\xfcller\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load_settings()


def test_an_unknown_override_is_refused() -> None:
    """A typo in code fails as one in the environment does."""
    with pytest.raises(SettingsError, match="DATELINE_DATADIR is not a setting"):
        load_settings(datadir="x")


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DATELINE_DATA_DIR=` is not the working directory."""
    default = load_settings().data_dir
    for name in ("DATELINE_DATA_DIR", "DATELINE_PORT", "DATELINE_API_KEYS"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.data_dir, settings.port, settings.api_keys) == (default, 8321, {})


def test_keys_are_parsed_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several keys with their scope; neither `repr` nor an error shows one."""
    monkeypatch.setenv("DATELINE_API_KEYS", "admin:0123456789abcdef, ask:fedcba9876543210")
    settings = load_settings()
    assert {name: key.get_secret_value() for name, key in settings.api_keys.items()} == {
        "admin:0": "0123456789abcdef",
        "ask:1": "fedcba9876543210",
    }
    assert "0123456789abcdef" not in repr(settings)
    monkeypatch.setenv("DATELINE_API_KEYS", "wrong:0123456789abcdef")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "0123456789abcdef" not in str(caught.value)


def test_the_judge_is_the_model_until_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off, an entailment model, a hosted one; a word alone is none of them."""
    assert load_settings().judge == "model"
    for name in ("off", "nli:~/models/entails", "nli:acme/entails", "openai:small"):
        monkeypatch.setenv("DATELINE_JUDGE", name)
        assert load_settings().judge == name
    for wrong in ("on", "nli:", ":small"):
        monkeypatch.setenv("DATELINE_JUDGE", wrong)
        with pytest.raises(SettingsError, match="DATELINE_JUDGE"):
            load_settings()


def test_a_reranker_is_off_until_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, a folder or an address; how many passages it reads."""
    assert (load_settings().reranker, load_settings().rerank_candidates) == ("", 30)
    for name in ("cross-encoder/ms-marco-MiniLM-L6-v2", "~/models/reranker", "http://127.0.0.1:8000", "https://rerank.example/v1"):
        monkeypatch.setenv("DATELINE_RERANKER", name)
        assert load_settings().reranker == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATELINE_RERANKER_API_KEY", "0123456789 abcdef"),
        ("DATELINE_RERANKER_API_KEY", "0123456789abcdéf"),
        ("DATELINE_RERANKER", "https://0123456789@rerank.example"),
        ("DATELINE_RERANKER", "https://reader:0123456789abcdef"),
        ("DATELINE_RERANKER", "https://reader:0123456789@rerank.example"),
    ],
)
def test_a_rerankers_key_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Neither by `repr` and dumps nor by the error about one that no header can carry or that stands in the address."""
    monkeypatch.setenv("DATELINE_RERANKER_API_KEY", "0123456789abcdef")
    settings = load_settings()
    assert settings.reranker_api_key is not None
    assert settings.reranker_api_key.get_secret_value() == "0123456789abcdef"
    assert "0123456789" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: ") as caught:
        load_settings()
    assert "0123456789" not in str(caught.value)


def test_settings_are_frozen_and_paths_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the working directory becomes later."""
    settings = load_settings(data_dir="~/news")
    assert settings.data_dir == Path.home().resolve() / "news"
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    """The description is the documentation."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_resources_hold_prompts_and_sample() -> None:
    """In a checkout and in a wheel alike."""
    assert (resources() / "prompts").is_dir()
    assert (resources() / "corpus" / "articles").is_dir()


def test_a_chroma_server_is_a_bare_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Host and port; no path, name or key, of which it knows none. Without one there is one worker."""
    assert (load_settings().chroma_url, load_settings().workers) == (None, 1)
    for address in ("http://127.0.0.1:8000", "http://[::1]:8000/", "https://chroma.example"):
        monkeypatch.setenv("DATELINE_CHROMA_URL", address)
        assert load_settings().chroma_url == address.rstrip("/")
    for wrong in (
        "127.0.0.1:8000",
        "http://",
        "http://127.0.0.1:x",
        "http://me:secret@chroma.example",
        "http://chroma.example/api",
        "file:///x",
    ):
        monkeypatch.setenv("DATELINE_CHROMA_URL", wrong)
        with pytest.raises(SettingsError, match="DATELINE_CHROMA_URL") as refused:
            load_settings()
        assert "secret" not in str(refused.value)
