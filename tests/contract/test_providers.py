"""Hosted and other local models by setting, against a scripted provider on loopback that also misbehaves."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from service.errors import ModelUnavailable
from service.models.generator import ChatGenerator, build_generator
from service.ports import Piece, Prompt
from service.settings import Settings
from tests.scripted_server import GOOD, LOGPROBS, ScriptedServer, running

KEY = "sk-a-very-secret-key"
PROMPT = Prompt(system="Answer shortly.", user="What of the dam?", max_tokens=50)
Make = Callable[..., ChatGenerator]


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[ScriptedServer, str]]:
    """The provider and its address."""
    with running() as found:
        yield found


@pytest.fixture(params=["openai", "ollama", "anthropic"])
def make(request: pytest.FixtureRequest, provider: tuple[ScriptedServer, str], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Builds the generator that `DATELINE_MODEL=PROVIDER:MODE` names, with the provider's key in its usual variable."""
    kind = request.param
    if kind == "anthropic":
        pytest.importorskip("langchain_anthropic", reason="pip install dateline[anthropic]")
    monkeypatch.setenv("ANTHROPIC_API_KEY" if kind == "anthropic" else "OPENAI_API_KEY", KEY)
    url = provider[1] + ("/v1" if kind == "openai" else "")

    def made(mode: str, **more: object) -> ChatGenerator:
        chosen = settings.model_copy(update={"model": f"{kind}:{mode}", "model_url": url, "model_timeout": 20.0, **more})
        generator = build_generator(chosen)
        assert generator is not None
        assert generator.name == f"{kind}:{mode}"
        return generator

    return made


async def pieces(generator: ChatGenerator) -> list[Piece]:
    return [piece async for piece in generator.stream(PROMPT)]


def test_a_provider_streams(make: Make, provider: tuple[ScriptedServer, str]) -> None:
    """The text in pieces, then the usage; it was asked with the limit, in two roles, at temperature zero where it takes one."""
    found = asyncio.run(pieces(make("streams")))
    assert "".join(piece.text for piece in found) == GOOD
    assert len(found) > 5
    assert found[-1].usage is not None
    assert found[-1].usage.completion_tokens in {4, 5}
    assert not found[-1].cut_off
    path, request = provider[0].requests[-1]
    assert request["max_tokens"] == PROMPT.max_tokens
    assert request["temperature"] == 0
    assert path == ("/v1/messages" if "system" in request else "/v1/chat/completions")


def test_a_model_stopped_at_its_limit_says_so(make: Make) -> None:
    """Each provider has its own word for it."""
    assert asyncio.run(pieces(make("limit")))[-1].cut_off


@pytest.mark.parametrize(
    ("mode", "words"),
    [("refuses-key", "refuses the key"), ("unknown", "does not know this model"), ("busy", "is busy"), ("fails", "failed with status 500")],
)
def test_an_error_is_told_in_plain_words_without_the_key(make: Make, mode: str, words: str) -> None:
    """The provider repeats the key in its message; ours does not."""
    with pytest.raises(ModelUnavailable, match=words) as caught:
        asyncio.run(pieces(make(mode)))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("mode", ["truncates", "garbage"])
def test_what_breaks_in_the_middle_is_unavailable(make: Make, mode: str) -> None:
    """A connection that ends too soon and bytes that are no protocol are failures, not short answers."""
    with pytest.raises(ModelUnavailable) as caught:
        asyncio.run(pieces(make(mode)))
    assert KEY not in str(caught.value)


def test_a_provider_that_stalls_is_left_at_the_deadline(make: Make) -> None:
    """No token for the time that the setting gives is a failure that names the setting."""
    with pytest.raises(ModelUnavailable, match="DATELINE_MODEL_TIMEOUT"):
        asyncio.run(pieces(make("stalls", model_timeout=0.2)))


def test_a_provider_without_probabilities_gives_none(make: Make) -> None:
    """Where there are probabilities they come; where there are none, none."""
    found = asyncio.run(make("streams").first_token_logprobs(PROMPT))
    assert found in (LOGPROBS, {})
    assert asyncio.run(make("no-logprobs").first_token_logprobs(PROMPT)) == {}
