"""Rerankers: a cross-encoder of sentence-transformers on the CPU, or a server that speaks `/v1/rerank`. None unless the settings name one.

No error or log line here holds a question or a passage: a server's own words are not shown, since it may repeat what it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from service.errors import ModelError, ModelUnavailable
from service.models.cross_encoder import BATCH, RERANKER, LazyCrossEncoder, named
from service.models.model_server import ModelServer, Refused
from service.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

TIMEOUT = 10.0
"""Seconds that a server has for one question, which is answered without it afterwards."""
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
        address = url.rstrip("/").removesuffix("/v1/rerank").removesuffix("/v1") + "/v1/rerank"
        self._server = ModelServer("the reranker", address, key=api_key, timeout=timeout, longest=LONGEST_ANSWER)
        self._model = model
        self.name = model or urlsplit(url).netloc.rpartition("@")[2]

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """The server's scores. Raises ModelUnavailable where it does not answer, ModelError where it answers what it should not."""
        if not texts:
            return []
        asked: dict[str, Any] = {"query": question, "documents": list(texts), "top_n": len(texts)}
        return self._scores(self._results(asked | ({"model": self._model} if self._model else {})), len(texts))

    def examine(self) -> str:
        """Its name and address, once it has answered. Raises ModelError."""
        self.rerank("Does it answer?", ["It answers."])
        return f"{self.name} answers at {self._server.url}"

    def _results(self, asked: dict[str, Any]) -> list[_Result]:
        try:
            with self._server.client() as client:
                return self._server.post(client, asked, _Ranking).results
        except Refused as refusal:
            raise self._refused(refusal.status) from None

    def _scores(self, results: Sequence[_Result], wanted: int) -> list[float]:
        if len(results) != wanted:
            raise self._server.wrong(f"{len(results)} scores for {wanted} texts")
        scores = {result.index: result.relevance_score for result in results}
        if beyond := [index for index in scores if index >= wanted]:
            raise self._server.wrong(f"index {beyond[0]} of {wanted} texts")
        if len(scores) != wanted:
            raise self._server.wrong("two scores for one text")
        return [scores[index] for index in range(wanted)]

    def _refused(self, status: int) -> ModelError:
        if status in {401, 403}:
            return ModelError(f"{self._server.name} refuses the key: check DATELINE_RERANKER_API_KEY")
        if status in {404, 405}:
            return ModelError(
                f"{self._server.name} does not know this model or address: check DATELINE_RERANKER and DATELINE_RERANKER_MODEL"
            )
        if status in {408, 429} or status >= 500:
            return ModelUnavailable(f"{self._server.name} failed with status {status}")
        return ModelError(f"{self._server.name} answered with status {status}")
