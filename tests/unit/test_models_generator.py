"""Which generator the settings name, and what a provider's failure is called."""

import sys
from pathlib import Path

import pytest

from service.errors import ModelNotFound, SettingsError
from service.models.generator import build_generator
from service.models.provider_errors import cannot_connect, explain, refuses_logprobs
from service.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that see neither environment nor models."""
    return Settings(_env_file=None, cache_dir=tmp_path, data_dir=tmp_path)  # type: ignore[call-arg]


def with_model(settings: Settings, model: str, url: str | None = None) -> Settings:
    return settings.model_copy(update={"model": model, "model_url": url})


def test_extractive_has_no_generator(settings: Settings) -> None:
    """Without a model there is nothing to build."""
    assert build_generator(with_model(settings, "extractive")) is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("local", "local/qwen2.5-coder-1.5b-instruct"),
        ("local/SmolLM2-135M-instruct", "local/smollm2-135m-instruct"),
        ("local//models/mine.Q4.gguf", "local/mine.Q4"),
    ],
)
def test_a_local_model_is_named_but_not_touched(settings: Settings, model: str, name: str) -> None:
    """Building a local generator neither fetches nor starts anything."""
    generator = build_generator(with_model(settings, model))
    assert generator is not None
    assert generator.name == name
    assert generator.server is not None
    assert not generator.server.alive


def test_an_unknown_local_model_lists_the_known_ones(settings: Settings) -> None:
    """A typo is answered with the names there are."""
    with pytest.raises(ModelNotFound, match="qwen"):
        build_generator(with_model(settings, "local/qwen99"))


def test_an_encoder_cannot_write_answers(settings: Settings) -> None:
    """The catalogue's encoder is refused as a language model."""
    with pytest.raises(SettingsError, match="encoder"):
        build_generator(with_model(settings, "local/all-MiniLM-L6-v2"))


def test_a_missing_integration_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose package is not installed fails at the start and says what to install."""
    monkeypatch.setitem(sys.modules, "langchain_mistralai", None)
    with pytest.raises(SettingsError, match="langchain-mistralai"):
        build_generator(with_model(settings, "mistralai:small"))


def test_a_missing_key_is_a_settings_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hosted model without its key fails at the start."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="DATELINE_MODEL=openai:gpt-x"):
        build_generator(with_model(settings, "openai:gpt-x"))


def test_an_own_server_needs_no_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a base URL the key may be missing."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    generator = build_generator(with_model(settings, "openai:mine", "http://127.0.0.1:9/v1"))
    assert generator is not None
    assert generator.name == "openai:mine"


class StatusError(Exception):
    """As providers raise it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status
        self.body = {"message": message}


class ConnectError(Exception):
    """As HTTP clients raise it."""


class ReadTimeout(ConnectError):
    """As HTTP clients raise it."""


@pytest.mark.parametrize(
    ("error", "clause"),
    [
        (StatusError(401, "bad key sk-123"), "refuses the key"),
        (StatusError(429, "slow down"), "is busy"),
        (StatusError(503, "x"), "failed with status 503"),
        (StatusError(400, "9015 tokens exceed the context"), "refused the request: 9015 tokens exceed the context"),
        (ConnectError("refused"), "no connection"),
        (ReadTimeout("late"), "no token in time"),
        (ValueError("odd"), "stopped: ValueError: odd"),
    ],
)
def test_a_failure_is_told_in_a_few_words(error: Exception, clause: str) -> None:
    """Each kind of failure has its own words."""
    assert clause in explain(error)


def test_a_key_is_never_shown() -> None:
    """Even where the provider repeats it."""
    assert "sk-123" not in explain(StatusError(400, "your key sk-123 is odd"), ["sk-123"])


def test_only_a_lost_connection_is_worth_a_restart() -> None:
    """A timeout or a refusal is not."""
    assert cannot_connect(ConnectError())
    assert not cannot_connect(ReadTimeout())
    assert not cannot_connect(StatusError(500, ""))


def test_a_refusal_of_logprobs_is_recognised() -> None:
    """By status and word, and a broken connection is not one."""
    assert refuses_logprobs(StatusError(400, "logprobs are not supported"))
    assert not refuses_logprobs(StatusError(400, "context too long"))
    assert not refuses_logprobs(ConnectError("logprobs"))
