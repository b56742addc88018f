"""The language model, local or hosted, through LangChain's `init_chat_model`. LangChain's types end in this module."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from service.domain import Usage
from service.errors import ModelError, ModelRefused, ModelUnavailable, SettingsError
from service.models.catalogue import DEFAULT_GENERATOR, Kind, find
from service.models.fetch import folder_of, locate
from service.models.llama_server import LlamaServer
from service.models.provider_errors import cannot_connect, explain, is_refusal, refuses_logprobs
from service.ports import Piece, Prompt
from service.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

TOP_LOGPROBS = 20
"""As many as the OpenAI protocol allows."""

_STOPPED = {"length", "max_tokens", "MAX_TOKENS"}
"""What providers call the reason that a model was stopped at its limit."""

_NO_KEY = "not-needed"
"""Own servers take any key, but the client insists on one."""

_OLLAMA = "http://127.0.0.1:11434"
"""Where Ollama listens unless told otherwise."""

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "MISTRAL_API_KEY", "AZURE_OPENAI_API_KEY")
"""Variables whose values a provider may repeat in an error."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Which chat model to speak to, in LangChain's terms. `api_key` is only set where the environment does not hold it."""

    provider: str
    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 120.0
    """Seconds without a token after which the model counts as down."""


def build_generator(settings: Settings) -> ChatGenerator | None:
    """The generator that the settings name, or None for `extractive`.

    A local model is neither looked for nor started before it is first used. Raises SettingsError where a hosted one lacks its
    package or key, ModelNotFound where the catalogue has no such local model.
    """
    if settings.model == "extractive":
        return None
    if settings.model == "local" or settings.model.startswith("local/"):
        server = _local_server(settings)
        return ChatGenerator(Target("openai", server.alias, timeout=_patience(settings)), name=f"local/{server.alias}", server=server)
    provider, _, model = settings.model.partition(":")
    url = settings.model_url
    if provider == "ollama":  # It speaks OpenAI's protocol as well as its own, and that one needs no further package.
        provider, url = "openai", _with_path(url or _OLLAMA)
    own = url is not None and provider == "openai"
    target = Target(
        provider, model, url, timeout=_patience(settings),
        api_key=_NO_KEY if own and not os.environ.get("OPENAI_API_KEY") else None,
    )  # fmt: skip
    open_chat(target)  # So that a missing package or key is said at the start, not at the first question.
    return ChatGenerator(target, name=settings.model)


def _patience(settings: Settings) -> float:
    """Seconds without a token: less than what one answer gets in all, so that a model that hangs is known as such."""
    return min(settings.model_timeout, settings.ask_seconds / 2)


def _with_path(url: str) -> str:
    """The address of Ollama's door for OpenAI's protocol, also from the bare one that its own clients take."""
    return url if url.rstrip("/").endswith("/v1") else f"{url.rstrip('/')}/v1"


def _local_server(settings: Settings) -> LlamaServer:
    """The process for `local`, `local/NAME` or `local/PATH.gguf`."""
    name = settings.model.removeprefix("local").removeprefix("/") or DEFAULT_GENERATOR.name
    options: dict[str, Any] = {"context": settings.model_context, "threads": settings.model_threads}
    if name.endswith(".gguf"):
        path = Path(name).expanduser()
        return LlamaServer(lambda: path, alias=path.stem, **options)
    entry = find(name)
    if entry.kind is not Kind.GGUF:
        raise SettingsError(f"DATELINE_MODEL: {entry.name} is an encoder, it cannot write answers")
    models_dir = settings.models_dir

    def weights() -> Path:
        locate(entry, models_dir)
        return folder_of(entry, models_dir) / entry.weights.path

    return LlamaServer(weights, alias=entry.name, **options)


class ChatGenerator:
    """`ports.Generator` over any chat model that LangChain can open. With a `server`, over the local process, which it starts."""

    def __init__(self, target: Target, *, name: str | None = None, server: LlamaServer | None = None) -> None:
        self._target = target
        self._name = name or f"{target.provider}:{target.model}"
        self._server = server
        self._chat: tuple[str | None, BaseChatModel] | None = None

    @property
    def name(self) -> str:
        """`local/NAME` or `provider:name`."""
        return self._name

    @property
    def server(self) -> LlamaServer | None:
        """The local process behind it, if there is one: to start early and to stop."""
        return self._server

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Pieces as they come, last an empty one with the usage. Closing the iterator closes the connection, and the model stops.

        Raises ModelUnavailable. A connection that fails before the first piece is tried once more, the local process restarted.
        """
        tokens_in = tokens_out = 0
        counted = cut_off = False
        async with aclosing(self._chunks(prompt, max_tokens=prompt.max_tokens)) as chunks:
            async for chunk in chunks:
                if usage := chunk.usage_metadata:
                    tokens_in, tokens_out, counted = tokens_in + usage["input_tokens"], tokens_out + usage["output_tokens"], True
                cut_off |= _STOPPED.intersection(str(value) for value in chunk.response_metadata.values()) != set()
                if text := str(chunk.text):
                    yield Piece(text)
        yield Piece("", Usage(tokens_in, tokens_out) if counted else Usage(), cut_off)

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """Natural-log probabilities of the likeliest first tokens, by token text; empty where the provider gives none.

        At most 20. Asks for one token, whatever `prompt.max_tokens` says. Raises ModelUnavailable.
        """
        if self._target.provider != "openai":
            return {}
        found: dict[str, float] = {}
        try:
            async with aclosing(self._chunks(prompt, max_tokens=1, logprobs=True, top_logprobs=TOP_LOGPROBS)) as chunks:
                async for chunk in chunks:
                    for position in ((chunk.response_metadata.get("logprobs") or {}).get("content") or [])[:1]:
                        for option in position.get("top_logprobs") or []:
                            found[option["token"]] = max(option["logprob"], found.get(option["token"], float("-inf")))
        except ModelUnavailable as error:
            if error.__cause__ is not None and refuses_logprobs(error.__cause__):
                return {}
            raise
        return found

    async def _chunks(self, prompt: Prompt, **options: Any) -> AsyncGenerator[AIMessageChunk, None]:
        """LangChain's chunks, with one more attempt where the connection failed before the first of them."""
        started = False
        for attempt in (1, 2):
            chat = await self._open(again=attempt == 2)
            messages = [("system", prompt.system), ("user", prompt.user)] if prompt.system else [("user", prompt.user)]
            if self._target.provider == "openai" and (
                self._target.base_url or self._server
            ):  # Some servers of the OpenAI protocol know only the older name of the limit.
                options["extra_body"] = {"max_tokens": options["max_tokens"]}
            stream = cast("AsyncGenerator[AIMessageChunk, None]", chat.astream(messages, **options))
            try:
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        started = True
                        yield chunk
                return
            except Exception as error:
                if attempt == 1 and self._server and not started and cannot_connect(error):
                    _log.warning("%s: %s; trying once more", self._name, explain(error, self._secrets()))
                    continue
                said, short = (explain(error, self._secrets(), started=started, quoting=quoting) for quoting in (True, False))
                kind = ModelRefused if is_refusal(error) else ModelUnavailable
                raise kind(f"{self._name} {said}", f"{self._name} {short}") from error

    async def _open(self, *, again: bool) -> BaseChatModel:
        """The chat model, the local process running where there is one."""
        if self._server is None:
            return await asyncio.to_thread(self._chat_at, self._target.base_url, self._target.api_key)
        try:
            base_url = await asyncio.to_thread(self._server.recover if again else self._server.ensure)
        except ModelUnavailable:
            raise
        except ModelError as error:
            raise ModelUnavailable(str(error), error.in_short) from error
        return await asyncio.to_thread(self._chat_at, base_url, self._server.api_key)

    def _chat_at(self, base_url: str | None, api_key: str | None) -> BaseChatModel:
        known = self._chat
        if known is None or known[0] != base_url:
            target = Target(self._target.provider, self._target.model, base_url, api_key, self._target.timeout)
            self._chat = known = (base_url, open_chat(target))
        return known[1]

    def _secrets(self) -> list[str]:
        keys = [self._target.api_key, self._server.api_key if self._server else None, *map(os.environ.get, _KEYS)]
        return [key for key in keys if key and key != _NO_KEY]


def open_chat(target: Target) -> BaseChatModel:
    """The LangChain chat model for a target; nothing is sent. Raises SettingsError where a package or key is missing."""
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {"temperature": 0}
    if target.base_url:
        options["base_url"] = target.base_url
    if target.api_key:
        options["api_key"] = target.api_key
    try:
        if target.provider == "openai":
            options |= _openai_options(target)
        elif target.provider == "anthropic":
            # Its client is one a process, and a connection kept from another event loop cannot be used.
            closing = {"Connection": "close"}
            options |= {"timeout": target.timeout, "max_retries": 0 if target.base_url else 2, "default_headers": closing}
        return cast("BaseChatModel", init_chat_model(target.model, model_provider=target.provider, **options))
    except ImportError as error:
        reason = error.msg or f"pip install langchain-{target.provider.replace('_', '-')}"
        raise SettingsError(f"DATELINE_MODEL={target.provider}:{target.model} needs a package: {reason}") from error
    except Exception as error:  # Each provider has its own way to say that a key is missing.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsError(f"DATELINE_MODEL={target.provider}:{target.model} cannot be used: {reason}") from error


def _openai_options(target: Target) -> dict[str, Any]:
    """For OpenAI and every server that speaks its protocol.

    No connection is kept idle: llama.cpp gives each a thread, and a connection kept from another event loop cannot be used.
    """
    import httpx2
    from openai import DefaultAsyncHttpxClient

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    timeout = httpx2.Timeout(target.timeout, connect=10.0)
    return {
        "stream_usage": True,
        "use_responses_api": False,
        "stream_chunk_timeout": target.timeout,
        "timeout": timeout,
        "max_retries": 0 if target.base_url else 2,
        "http_async_client": DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
    }
