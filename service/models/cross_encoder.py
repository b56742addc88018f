"""Cross-encoders of sentence-transformers on the CPU: a reranker has one score a pair, a model of entailment one a label.

No error or log line here holds a text. Only safetensors are loaded, and no code.
"""

from __future__ import annotations

import json
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUnavailable
from service.models.encoder_folder import PICKLES
from service.models.sources import Unreachable, probe

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH = 16
"""Pairs a forward pass: as many as the encoder's texts, where that was measured."""
RETRY_SECONDS = 60.0
"""A model that could not be loaded is not tried again sooner: each try may cost a question seconds."""
RERANKER = "DATELINE_RERANKER"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
"""All that is fetched of a model: no code, no pickled weights."""
_log = logging.getLogger(__name__)


def named(chosen: str, setting: str) -> tuple[str, Callable[..., Path]]:
    """The short name of a folder or hub name, and what finds its folder (`find(fetch=…)`). Nothing is read or fetched yet."""
    folder = Path(chosen).expanduser()
    if _HUB_NAME.fullmatch(chosen) and not folder.is_dir():
        return chosen, lambda *, fetch: hub_folder(chosen, setting, fetch=fetch)
    return folder.name, lambda *, fetch: safe_folder(folder, setting)


class LazyCrossEncoder:
    """A cross-encoder that is loaded on first use. Safe to call from any thread."""

    def __init__(
        self, what: str, name: str, find: Callable[..., Path], fits: Callable[[CrossEncoder], str],
        *, batch: int = BATCH, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`what` names its use in messages. `find(fetch=…)` returns the folder, fetched first where it may be; it raises ModelError.

        `fits` says why a model cannot be used for this, or nothing.
        """
        self.what = f"the {what} {name}"
        self.name = name
        self._kind = what
        self._find = find
        self._fits = fits
        self._batch = batch
        self._clock = clock
        self._loading = threading.Lock()
        self._turn = threading.Lock()
        self._model: CrossEncoder | None = None
        self._failure: tuple[float, ModelError] | None = None

    def logits(self, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        """A row of finite logits a pair, one a label. What the model cannot read of a long pair is cut off. Raises ModelError."""
        model = self.loaded()
        from torch.nn import Identity  # A sigmoid would make equals of the best.

        try:
            with self._turn:  # One pass uses every core, and a fast tokenizer is not for two threads at once.
                found = model.predict(list(pairs), batch_size=self._batch, show_progress_bar=False, activation_fn=Identity())
        except Exception as error:
            _log.debug("%s stopped", self.what, exc_info=True)
            raise ModelUnavailable(f"{self.what} stopped: {type(error).__name__}") from error
        rows = [[float(score) for score in (row if getattr(row, "ndim", 0) else [row])] for row in found]
        if not all(math.isfinite(score) for row in rows for score in row):
            raise ModelError(f"{self.what} gave a score that is no number: its weights may be damaged")
        return rows

    def examine(self) -> str:
        """Where it lies, without loading or fetching it. Raises ModelError."""
        return f"{self.name} in {self._find(fetch=False)}"

    def loaded(self) -> CrossEncoder:
        """The model, loaded once. Raises ModelError, for a minute the same one."""
        with self._loading:
            if self._model is None:
                if self._failure and self._clock() < self._failure[0]:
                    error = self._failure[1]
                    raise type(error)(str(error), error.in_short)
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
            reason = self._fits(model)
        except Exception as error:
            raise ModelUnavailable(f"the {self._kind} in {folder} cannot be loaded: {error}") from error
        if reason:
            raise ModelError(f"the model in {folder} {reason}: name another model")
        _log.info("%s loaded from %s in %.1f s", self._kind, folder, time.monotonic() - started)
        return model


def safe_folder(folder: Path, setting: str = RERANKER) -> Path:
    """The folder of a model that can be loaded without running code. Raises ModelNotFound, or ModelCorrupt where it lists no modules."""
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"{folder} is not the folder of a cross-encoder (no config.json): set {setting} to such a folder")
    for part in (folder, *_modules(folder)):
        pickled = sorted(path.name for path in part.glob("*") if path.suffix.lower() in PICKLES)
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


def hub_folder(name: str, setting: str = RERANKER, *, fetch: bool = True, cache: Path | None = None) -> Path:
    """The folder of `owner/model` in the hub's own cache, fetched first where it is not there. Raises ModelNotFound with what to do.

    With `fetch` false, or where HF_HUB_OFFLINE is set, nothing is fetched; a hub that cannot be reached costs four seconds at most.
    """
    import httpx
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return safe_folder(Path(snapshot_download(name, cache_dir=cache, allow_patterns=_FILES, local_files_only=True)), setting)
    except HFValidationError as error:
        raise ModelNotFound(f"{name} is neither a folder nor a name on the model hub: set {setting} to either") from error
    except (LocalEntryNotFoundError, ModelNotFound):
        advice = f"run `hf download {name}` where the hub can be reached, or set {setting} to a folder"
    if not fetch or constants.is_offline_mode():
        raise ModelNotFound(f"the model {name} is not on this machine: {advice}")
    try:
        probe(f"{constants.ENDPOINT}/api/models/{name}")
        return safe_folder(Path(snapshot_download(name, cache_dir=cache, allow_patterns=_FILES, library_name="dateline")), setting)
    except Unreachable as error:
        raise ModelNotFound(f"the model {name} is not on this machine, and of the model hub: {error}; {advice}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        raise ModelNotFound(f"the model {name} could not be fetched ({type(error).__name__}): {advice}") from error
