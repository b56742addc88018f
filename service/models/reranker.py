"""Rerankers: a cross-encoder of sentence-transformers on the CPU, or a server that speaks `/v1/rerank`. None unless the settings name one.

No error or log line here holds a question or a passage: a server's own words are not shown, since it may repeat what it was sent.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from service.errors import ModelError, ModelUnavailable
from service.models.cross_encoder import BATCH, RERANKER, LazyCrossEncoder, named
from service.settings import Settings

if TYPE_CHECKING:
    import httpx2
    from sentence_transformers import CrossEncoder

TIMEOUT = 10.0
"""Seconds that a server has for one question, which is answered without it afterwards."""
CONNECT_SECONDS = 3.0
LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes; 200 scores take some 20 kB, and some servers send the texts back."""


def build_reranker(settings: Settings) -> CrossEncoderReranker | HttpReranker | None:
    """The reranker that the settings name, or None. Nothing is read, loaded or sent before its first use."""
    chosen = settings.reranker
    if not chosen:
        return None
    if "://" in chosen:
        key = settings.reranker_api_key
        return HttpReranker(chosen, model=settings.reranker_model, api_key=key.get_secret_value() if key else None)
    return CrossEncoderReranker(*named(chosen, RERANKER))


class CrossEncoderReranker:
    """`ports.Reranker` over a sentence-transformers cross-encoder. Safe to call from any thread; loads on first use."""

    def __init__(self, name: str, find: Callable[..., Path], *, batch: int = BATCH, clock: Callable[[], float] = time.monotonic) -> None:
        """`find(fetch=…)` returns the model's folder, fetched first where it may be; it raises ModelError."""
        self.name = name
        self._model = LazyCrossEncoder("reranker", name, find, _one_score, batch=batch, clock=clock)

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """The model's logits. What it cannot read of a long pair is cut off. Raises ModelError."""
        return [row[0] for row in self._model.logits([(question, text) for text in texts])] if texts else []

    def examine(self) -> str:
        """Where it lies, without loading or fetching it. Raises ModelError."""
        return self._model.examine()


def _one_score(model: CrossEncoder) -> str:
    return "" if model.num_labels == 1 else f"gives {model.num_labels} scores a text, and a reranker gives one"


class _Result(BaseModel):
    model_config = ConfigDict(strict=True)
    index: int = Field(ge=0)
    relevance_score: FiniteFloat


class _Ranking(BaseModel):
    results: list[_Result]


class HttpReranker:
    """`ports.Reranker` over a server that speaks `POST /v1/rerank`, as vLLM, Jina and llama.cpp do. Safe to call from any thread.

    Connections are not kept between questions, so there is nothing to close.
    """

    def __init__(self, url: str, *, model: str | None = None, api_key: str | None = None, timeout: float = TIMEOUT) -> None:
        """`url` is the server's, with or without `/v1`; `timeout` is in seconds, for connecting and for the whole answer each."""
        self._url = url.rstrip("/").removesuffix("/v1/rerank").removesuffix("/v1") + "/v1/rerank"
        self._model = model
        self._key = api_key
        self._timeout = timeout
        self.name = model or urlsplit(url).netloc.rpartition("@")[2]

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """The server's scores. Raises ModelUnavailable where it does not answer, ModelError where it answers what it should not."""
        if not texts:
            return []
        asked: dict[str, Any] = {"query": question, "documents": list(texts), "top_n": len(texts)}
        return self._scores(self._post(asked | ({"model": self._model} if self._model else {})), len(texts))

    def examine(self) -> str:
        """Its name and address, once it has answered. Raises ModelError."""
        self.rerank("Does it answer?", ["It answers."])
        return f"{self.name} answers at {self._url}"

    def _post(self, asked: dict[str, Any]) -> bytes:
        import httpx2

        latest, answer = time.monotonic() + self._timeout, bytearray()
        try:
            with self._client() as client, client.stream("POST", self._url, json=asked) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code)
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > LONGEST_ANSWER:
                        raise self._wrong("it is too long")
                    if time.monotonic() > latest:
                        raise self._silent()
        except httpx2.TimeoutException as error:
            raise self._silent() from error
        except httpx2.TransportError as error:
            raise ModelUnavailable(f"the reranker at {self._url} does not answer: no connection ({type(error).__name__})") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._wrong(f"it cannot be read ({type(error).__name__})") from error
        return bytes(answer)

    def _client(self) -> httpx2.Client:
        import httpx2

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        timeout = httpx2.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout))
        return httpx2.Client(headers=headers, timeout=timeout, verify=self._tls)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the certificates takes longer than a call."""
        import httpx2

        return httpx2.create_ssl_context()

    def _scores(self, answer: bytes, wanted: int) -> list[float]:
        try:
            results = _Ranking.model_validate_json(answer).results
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise self._wrong(f"{place}: {first['msg']}" if place else first["msg"]) from None  # Its input would hold what was sent.
        if len(results) != wanted:
            raise self._wrong(f"{len(results)} scores for {wanted} texts")
        scores = {result.index: result.relevance_score for result in results}
        if beyond := [index for index in scores if index >= wanted]:
            raise self._wrong(f"index {beyond[0]} of {wanted} texts")
        if len(scores) != wanted:
            raise self._wrong("two scores for one text")
        return [scores[index] for index in range(wanted)]

    def _refused(self, status: int) -> ModelError:
        if status in {401, 403}:
            return ModelError(f"the reranker at {self._url} refuses the key: check DATELINE_RERANKER_API_KEY")
        if status in {404, 405}:
            return ModelError(
                f"the reranker at {self._url} does not know this model or address: check DATELINE_RERANKER and DATELINE_RERANKER_MODEL"
            )
        if status in {408, 429} or status >= 500:
            return ModelUnavailable(f"the reranker at {self._url} failed with status {status}")
        return ModelError(f"the reranker at {self._url} answered with status {status}")

    def _silent(self) -> ModelUnavailable:
        return ModelUnavailable(f"the reranker at {self._url} gave no answer within {self._timeout:g} seconds")

    def _wrong(self, what: str) -> ModelError:
        return ModelError(f"the answer of the reranker at {self._url} makes no sense: {what}")
