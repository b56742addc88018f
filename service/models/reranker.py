"""Rerankers: a cross-encoder of sentence-transformers on the CPU, or a server that speaks `/v1/rerank`. None unless the settings name one.

No error or log line here holds a question or a passage: a server's own words are not shown, since it may repeat what it was sent.
"""

from __future__ import annotations

import json
import logging
import math
import re
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from service.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUnavailable
from service.models.encoder import PICKLES
from service.models.sources import Unreachable, probe
from service.settings import Settings

if TYPE_CHECKING:
    import httpx2
    from sentence_transformers import CrossEncoder

BATCH = 16
"""Pairs a forward pass: as many as the encoder's texts, where that was measured."""
RETRY_SECONDS = 60.0
"""A model that could not be loaded is not tried again sooner: each try may cost a question seconds."""
TIMEOUT = 10.0
"""Seconds that a server has for one question, which is answered without it afterwards."""
CONNECT_SECONDS = 3.0
LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes; 200 scores take some 20 kB, and some servers send the texts back."""
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
"""All that is fetched of a model: no code, no pickled weights."""
_log = logging.getLogger(__name__)


def build_reranker(settings: Settings) -> CrossEncoderReranker | HttpReranker | None:
    """The reranker that the settings name, or None. Nothing is read, loaded or sent before its first use."""
    chosen = settings.reranker
    if not chosen:
        return None
    if "://" in chosen:
        key = settings.reranker_api_key
        return HttpReranker(chosen, model=settings.reranker_model, api_key=key.get_secret_value() if key else None)
    folder = Path(chosen).expanduser()
    if _HUB_NAME.fullmatch(chosen) and not folder.is_dir():
        return CrossEncoderReranker(chosen, lambda *, fetch: hub_folder(chosen, fetch=fetch))
    return CrossEncoderReranker(folder.name, lambda *, fetch: safe_folder(folder))


class CrossEncoderReranker:
    """`ports.Reranker` over a sentence-transformers cross-encoder. Safe to call from any thread; loads on first use."""

    def __init__(self, name: str, find: Callable[..., Path], *, batch: int = BATCH, clock: Callable[[], float] = time.monotonic) -> None:
        """`find(fetch=…)` returns the model's folder, fetched first where it may be; it raises ModelError."""
        self.name = name
        self._find = find
        self._batch = batch
        self._clock = clock
        self._loading = threading.Lock()
        self._turn = threading.Lock()
        self._model: CrossEncoder | None = None
        self._failure: tuple[float, ModelError] | None = None

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """The model's logits. What it cannot read of a long pair is cut off. Raises ModelError."""
        if not texts:
            return []
        model = self._loaded()
        from torch.nn import Identity  # A sigmoid would make equals of the best.

        pairs = [(question, text) for text in texts]
        try:
            with self._turn:  # One pass uses every core, and a fast tokenizer is not for two threads at once.
                found = model.predict(pairs, batch_size=self._batch, show_progress_bar=False, activation_fn=Identity())
        except Exception as error:
            _log.debug("the reranker %s stopped", self.name, exc_info=True)
            raise ModelUnavailable(f"the reranker {self.name} stopped: {type(error).__name__}") from error
        scores = [float(score) for score in found]
        if not all(map(math.isfinite, scores)):
            raise ModelError(f"the reranker {self.name} gave a score that is no number: its weights may be damaged")
        return scores

    def examine(self) -> str:
        """Where it lies, without loading or fetching it. Raises ModelError."""
        return f"{self.name} in {self._find(fetch=False)}"

    def _loaded(self) -> CrossEncoder:
        with self._loading:
            if self._model is None:
                if self._failure and self._clock() < self._failure[0]:
                    error = self._failure[1]
                    raise type(error)(str(error))
                try:
                    self._model = self._load(self._find(fetch=True))
                except ModelError as error:
                    self._failure = (self._clock() + RETRY_SECONDS, error)
                    raise
            return self._model

    def _load(self, folder: Path) -> CrossEncoder:
        started = time.monotonic()
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        safe = {"local_files_only": True, "trust_remote_code": False, "model_kwargs": {"use_safetensors": True}}
        try:
            model: CrossEncoder = CrossEncoder(str(folder), device="cpu", **safe)
            labels = model.num_labels
        except Exception as error:
            raise ModelUnavailable(f"the reranker in {folder} cannot be loaded: {error}") from error
        if labels != 1:
            raise ModelError(f"the model in {folder} gives {labels} scores a text, and a reranker gives one: name another model")
        _log.info("reranker loaded from %s in %.1f s", folder, time.monotonic() - started)
        return model


def safe_folder(folder: Path) -> Path:
    """The folder of a model that can be loaded without running code. Raises ModelNotFound, or ModelCorrupt where it lists no modules."""
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"{folder} is not the folder of a cross-encoder (no config.json): set DATELINE_RERANKER to such a folder")
    for part in (folder, *_modules(folder)):
        pickled = sorted(path.name for path in part.glob("*") if path.suffix in PICKLES)
        weights = any(part.glob("*.safetensors"))
        if not weights and (pickled or part == folder):
            found = pickled[0] if pickled else "no weights"
            raise ModelNotFound(f"{part} holds {found}, and .safetensors weights are needed: pickled ones run code when loaded")
    return folder


def _modules(folder: Path) -> list[Path]:
    """The folders of the model's further layers, as sentence-transformers lists them."""
    listed = folder / "modules.json"
    try:
        modules = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
        return [folder / module["path"] for module in modules if module["path"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelCorrupt(f"{listed} is not a list of modules: {type(error).__name__}") from error


def hub_folder(name: str, *, fetch: bool = True, cache: Path | None = None) -> Path:
    """The folder of `owner/model` in the hub's own cache, fetched first where it is not there. Raises ModelNotFound with what to do.

    With `fetch` false, or where HF_HUB_OFFLINE is set, nothing is fetched; a hub that cannot be reached costs four seconds at most.
    """
    import httpx
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return safe_folder(Path(snapshot_download(name, cache_dir=cache, allow_patterns=_FILES, local_files_only=True)))
    except HFValidationError as error:
        raise ModelNotFound(f"{name} is neither a folder nor a name on the model hub: set DATELINE_RERANKER to either") from error
    except (LocalEntryNotFoundError, ModelNotFound):
        advice = f"run `hf download {name}` where the hub can be reached, or set DATELINE_RERANKER to a folder"
    if not fetch or constants.is_offline_mode():
        raise ModelNotFound(f"the reranker {name} is not on this machine: {advice}")
    try:
        probe(f"{constants.ENDPOINT}/api/models/{name}")
        return safe_folder(Path(snapshot_download(name, cache_dir=cache, allow_patterns=_FILES, library_name="dateline")))
    except Unreachable as error:
        raise ModelNotFound(f"the reranker {name} is not on this machine, and of the model hub: {error}; {advice}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        raise ModelNotFound(f"the reranker {name} could not be fetched ({type(error).__name__}): {advice}") from error


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
