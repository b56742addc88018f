"""An encoder behind OpenAI's `/embeddings`: vLLM, text-embeddings-inference, Ollama, llama.cpp, OpenAI and others.

By httpx2 rather than LangChain's `OpenAIEmbeddings`, which trusts count, order and length of what comes back and bounds none of them.
No error or log line here holds a text or the key: a server's own words are not shown, since it may repeat what it was sent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay, wait_exponential_jitter

from service.errors import ModelError, ModelUnavailable, SettingsError
from service.models.approximate_tokens import approximate_starts
from service.models.encoder_folder import Languages
from service.models.model_server import ModelServer, NoConnection, Refused
from service.models.prefixes import NONE, Prefixes, ToldPrefixes, prefixes_of_name
from service.models.probe_memory import ProbeMemory, code_of_probe
from service.models.token_batches import requests
from service.ports import Vectors
from service.settings import Settings

if TYPE_CHECKING:
    import httpx2

TEXTS = 32
"""Texts of a request at most: what text-embeddings-inference takes unless told otherwise. One that takes fewer gets halves."""
CHARACTERS = 64_000
"""Characters of a request at most."""
TIMEOUT = 30.0
"""Seconds that a request may take."""
TRIES = 4
PATIENCE = 60.0
"""Seconds after which a request is not tried again; what a server asks to wait is granted up to this."""
LONGEST_ANSWER = 32 * 1024 * 1024
"""Bytes; 32 vectors of 4,096 numbers take some 3 MB."""
PROBE = "The council closed the old bridge over the river on Tuesday."
"""What is embedded to learn the width and to know the model again."""
BLANK = "."
"""Sent for a text of nothing but spaces, which some servers refuse."""
_log = logging.getLogger(__name__)


def server_of(settings: Settings, languages: Languages, prefixes: ToldPrefixes) -> EmbeddingServer:
    """The server that the settings name; nothing is sent yet. Raises SettingsError where address or key make no sense."""
    key = settings.embedding_api_key.get_secret_value() if settings.embedding_api_key else None
    if key and not all("!" <= character <= "~" for character in key):
        raise SettingsError("DATELINE_EMBEDDING_API_KEY: a key is made of ASCII letters, digits and signs, without spaces")
    served = languages if isinstance(languages, frozenset) else None
    memory = ProbeMemory(settings.cache_dir / "embedding-servers")
    return EmbeddingServer(
        settings.embedding_url or "", settings.embedding_model, api_key=key, max_tokens=settings.embedding_max_tokens, languages=served,
        prefixes=prefixes.over(prefixes_of_name(settings.embedding_model)), memory=memory,
    )  # fmt: skip


class _Row(BaseModel):
    model_config = ConfigDict(strict=True)
    index: int = Field(ge=0)
    embedding: list[FiniteFloat] = Field(min_length=1, max_length=65_536)


class _Embeddings(BaseModel):
    data: list[_Row]


class _TooMuch(Exception):
    """The request was too large for the server."""


class _TryAgain(ModelUnavailable):
    """It may do better in a moment, or after `seconds`, where it said so."""

    seconds: float | None = None


class EmbeddingServer:
    """`ports.Embedder` over a server that speaks `POST /embeddings`. Safe to call from any thread.

    Connections are kept for one call of `embed`, so there is nothing to close.
    """

    def __init__(
        self, url: str, model: str, *, api_key: str | None = None, max_tokens: int = 254, languages: frozenset[str] | None = None,
        prefixes: Prefixes = NONE, memory: ProbeMemory | None = None, timeout: float = TIMEOUT, pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """`url` is the base that ends in `/v1`, as servers tell it; a bare host gets that. `timeout` is in seconds, for a whole answer.

        `memory` keeps what the model answered to the probe, so that it is known again; `pause` waits between two tries.
        Raises SettingsError where `url` is none.
        """
        self._server = ModelServer("the embeddings server", _address(url), key=api_key, timeout=timeout, longest=LONGEST_ANSWER)
        self._model = model
        self._max_tokens = max_tokens
        self._languages = languages
        self._prefixes = prefixes
        self._memory = memory or ProbeMemory(None)
        self._pause = pause
        self._probing = threading.Lock()
        self._probed: Vectors | None = None

    @property
    def fingerprint(self) -> str:
        """`MODEL-WIDTH-CODE`, the code telling by sixteen signs of the probe's vector which model answers. Raises ModelError.

        A swapped model behind the same name has another code, but for one in 65,536. Noise in the numbers changes nothing where the probe
        is remembered; where the memory is lost, a model whose vectors vary by a cosine of 0.9999 gets another code in some 7 of 100 cases.
        """
        name = self._model.replace(" ", "_")
        code = code_of_probe(self._memory.recalled(f"{self._server.url} {self._model}", self._probe))
        return f"{name}-{self.dimension}-{code}{self._prefixes.tag}"

    @property
    def dimension(self) -> int:
        """Width of a vector, as the server's first answer has it. Raises ModelError."""
        return len(self._probe)

    @property
    def max_tokens(self) -> int:
        """As it was told (DATELINE_EMBEDDING_MAX_TOKENS), in tokens as `token_starts` counts them; what lies beyond is not sent.

        A passage's prefix is counted off.
        """
        return max(1, self._max_tokens - len(approximate_starts(self._prefixes.passage)))

    @property
    def languages(self) -> frozenset[str] | None:
        """As it was told; all by default."""
        return self._languages

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`(n, dimension) float32`, L2-normalised, in the order of `texts`.

        Raises ModelUnavailable where the server does not answer, ModelError where it answers what it should not.
        """
        return self._embed(self._prefixes.passage, texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """The same of what is asked, behind the prefix that the model knows questions by."""
        return self._embed(self._prefixes.question, texts)

    def _embed(self, prefix: str, texts: Sequence[str]) -> Vectors:
        width = self.dimension
        vectors = np.zeros((len(texts), width), dtype=np.float32)
        if texts:
            sent = [prefix + self._cut(text) for text in texts]
            with self._server.client() as client:
                for rows in requests(sent, TEXTS, CHARACTERS):
                    vectors[rows] = self._embedded(client, [sent[row] for row in rows], width)
        return vectors

    def token_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """Where tokens may start; the server's own are unknown, and these are rather too many (see `approximate_tokens`)."""
        return [approximate_starts(text) for text in texts]

    def examine(self) -> str:
        """Its name, address and width, once it has answered anew. Raises ModelError."""
        with self._server.client() as client:
            width = self._embedded(client, [PROBE], None).shape[1]
        return f"{self._model} answers at {self._server.url}, {width} dimensions"

    @property
    def _probe(self) -> Vectors:
        with self._probing:
            if self._probed is None:
                with self._server.client() as client:
                    self._probed = self._embedded(client, [PROBE], None)[0]
            return self._probed

    def _cut(self, text: str) -> str:
        if not text.strip():
            return BLANK
        most = self.max_tokens
        starts = approximate_starts(text) if len(text) > most else []
        cut = text if len(starts) <= most else text[: starts[most]]
        return cut.encode("utf-8", "replace").decode() if not cut.isascii() else cut  # A lone surrogate has no UTF-8.

    def _embedded(self, client: httpx2.Client, texts: list[str], width: int | None) -> Vectors:
        """Of one request, or of as many smaller ones as the server needs."""
        try:
            return self._vectors(self._answer(client, texts), len(texts), width)
        except _TooMuch:
            if len(texts) == 1:
                raise ModelError(f"{self._server.name} refuses a text as too long: lower DATELINE_EMBEDDING_MAX_TOKENS") from None
            half = len(texts) // 2
            return np.vstack([self._embedded(client, part, width) for part in (texts[:half], texts[half:])])

    def _answer(self, client: httpx2.Client, texts: list[str]) -> list[_Row]:
        """What the server says; what may pass is tried again, ever later. A server that had its time is not."""
        tries = Retrying(
            retry=retry_if_exception_type(_TryAgain), stop=stop_after_attempt(TRIES) | stop_before_delay(PATIENCE), wait=_wait,
            sleep=self._pause, reraise=True, before_sleep=self._log_retry,
        )  # fmt: skip
        return tries(self._post, client, texts)

    def _log_retry(self, state: RetryCallState) -> None:
        _log.info("%s: try %d failed (%s)", self._server.name, state.attempt_number, state.outcome and state.outcome.exception())

    def _post(self, client: httpx2.Client, texts: list[str]) -> list[_Row]:
        try:
            return self._server.post(client, {"model": self._model, "input": texts}, _Embeddings).data
        except NoConnection as error:
            raise _TryAgain(str(error)) from error
        except Refused as refusal:
            raise self._refused(refusal.status, refusal.retry_after) from None

    def _vectors(self, rows: Sequence[_Row], wanted: int, width: int | None) -> Vectors:
        if len(rows) != wanted or {row.index for row in rows} != set(range(wanted)):
            raise self._server.wrong(f"{len(rows)} vectors, numbered otherwise than 0 to {wanted - 1}, for {wanted} texts")
        width = width or len(rows[0].embedding)
        if other := [len(row.embedding) for row in rows if len(row.embedding) != width]:
            raise self._server.wrong(f"a vector of {other[0]} numbers where there were {width}: another model may answer now")
        found = np.array([row.embedding for row in sorted(rows, key=lambda row: row.index)], dtype=np.float64)
        largest = np.abs(found).max(axis=1, keepdims=True)
        if not largest.all():
            raise self._server.wrong("a vector without a direction")
        found /= largest  # first: squares of very large or small numbers would overflow or vanish
        unit: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _refused(self, status: int, retry_after: str | None) -> Exception:
        if status in {413, 422}:  # 422 is what text-embeddings-inference says to too many texts.
            return _TooMuch()
        if status in {401, 403}:
            return ModelError(f"{self._server.name} refuses the key: check DATELINE_EMBEDDING_API_KEY")
        if status in {404, 405}:
            return ModelError(
                f"{self._server.name} does not know this model or address: check DATELINE_EMBEDDING_URL and DATELINE_EMBEDDING_MODEL"
            )
        if status in {408, 429} or status >= 500:
            again = _TryAgain(f"{self._server.name} failed with status {status}")
            again.seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
            return again
        return ModelError(
            f"{self._server.name} answered with status {status}: check DATELINE_EMBEDDING_MODEL, and lower DATELINE_EMBEDDING_MAX_TOKENS "
            "if texts may be too long for it"
        )


_BACK_OFF = wait_exponential_jitter(multiplier=0.5, max=8, jitter=0.5)


def _wait(state: RetryCallState) -> float:
    """What the server asked for, else half a second, one, two, and a little more by chance."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.seconds if isinstance(error, _TryAgain) else None
    return _BACK_OFF(state) if asked is None else asked


def _address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        served = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        served = False
    if not served:
        raise SettingsError("DATELINE_EMBEDDING_URL: write the base of a server, such as http://localhost:8000/v1")
    if parts.username is not None:
        raise SettingsError("DATELINE_EMBEDDING_URL: write it without a name or key: the key is DATELINE_EMBEDDING_API_KEY")
    base = url.strip().rstrip("/").removesuffix("/embeddings")
    return f"{base}/embeddings" if parts.path.strip("/") else f"{base}/v1/embeddings"
