"""Settings: environment variables with the prefix `DATELINE_` and `.env`, read once, frozen, unknown keys refused.

Also the one function that knows where `prompts/`, `corpus/` and `eval/` are, in a checkout and in a wheel.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values
from platformdirs import user_cache_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.environment import PREFIX, refuse_unknown
from service.errors import SettingsError

ELSEWHERE = frozenset({"DATELINE_LOG_LEVEL", "DATELINE_LOG_FORMAT"})
"""Variables that are ours and no settings of the service: read by `logs`."""
HOST = re.compile(r"[a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*")
RATE = re.compile(r"([1-9]\d{0,8}/(second|minute|hour|day))?")
_PACKAGE = Path(__file__).resolve().parent


def resources() -> Path:
    """The folder that holds `prompts/`, `corpus/` and `eval/`: inside the wheel, else the checkout's root."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def _default_data_dir() -> Path:
    """A checkout keeps its archive beside itself, so two checkouts never share one; an installed wheel, in the user's data."""
    root = resources()
    return root / ".dateline" if (root / "pyproject.toml").is_file() else user_data_path("dateline")


def _default_eval_data() -> Path:
    """Third-party sets never ship: beside a checkout is where they are looked for."""
    return resources().parent / "shared" / "data"


class Settings(BaseSettings):
    """Every setting, its default and what it means. Field `x` is the variable `DATELINE_X`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=_default_data_dir, description="Where the archive lives.")
    cache_dir: Path = Field(default_factory=lambda: user_cache_path("dateline"), description="Where fetched models are kept.")
    eval_data: Path = Field(default_factory=_default_eval_data, description="Where the third-party sets of `dateline eval` are.")
    model: str = Field(
        "local",
        description="`local` (the default local model), `local/NAME`, `extractive` (no model), or `provider:name` "
        "as LangChain's init_chat_model takes it, such as `openai:gpt-…`, `anthropic:claude-…` or `ollama:qwen3`.",
    )
    model_url: str | None = Field(
        None,
        description="Base URL of a server of one's own: of the OpenAI protocol for `openai:NAME` (vLLM, …), of Ollama for `ollama:NAME`.",
    )
    model_timeout: float = Field(60.0, gt=0, description="Seconds without a token after which a model counts as down.")
    model_context: int = Field(4096, ge=1024, description="Context of the local model, in tokens, for one question.")
    model_threads: int | None = Field(None, ge=1, description="Threads of the local model; all cores by default.")
    embedding_model: str = Field(
        "all-MiniLM-L6-v2",
        description="`all-MiniLM-L6-v2`, fetched and verified, the path of a sentence-transformers folder, a sentence-transformers model "
        "of the hub (`OWNER/NAME`), or, with DATELINE_EMBEDDING_URL, a model of that server.",
    )
    embedding_dtype: str = Field("auto", pattern="^(auto|float32|bfloat16)$", description="Precision of the encoder.")
    embedding_url: str | None = Field(
        None, description="Base URL of a server of OpenAI's `/embeddings` (vLLM, TEI, Ollama, …), such as `http://localhost:8000/v1`."
    )
    embedding_api_key: SecretStr | None = Field(None, description="Key that an embeddings server is given.")
    embedding_max_tokens: int = Field(
        254, ge=64, description="Tokens that an embeddings server reads of a text; a local encoder says so itself."
    )
    embedding_question_prefix: str | None = Field(
        None,
        description="What the encoder is given before a question; by default what its folder says, or is known of its family (`query: ` "
        "for E5). The space after it counts; `none` is no prefix.",
    )
    embedding_passage_prefix: str | None = Field(
        None, description="The same before a passage. A change moves vectors: `dateline reindex --embed` then takes the archive over."
    )
    embedding_languages: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Comma-separated ISO 639-1 codes of the languages the encoder serves, or `*`; by default what is known of it (English "
        "for all-MiniLM-L6-v2, all for any other). Articles in other languages are kept and searched by words.",
    )
    reranker: str = Field(
        "",
        description="Reads the best passages again and orders them: the folder or hub name of a sentence-transformers cross-encoder, "
        "or the address of a server that speaks `/v1/rerank` (vLLM, Jina, llama.cpp, …), `http://…` or `https://…`. Off by default.",
    )
    reranker_model: str | None = Field(None, description="Model that a reranking server is asked for, where it has several.")
    reranker_api_key: SecretStr | None = Field(None, description="Key that a reranking server is given.")
    rerank_candidates: int = Field(30, ge=1, le=200, description="How many of the best passages are reranked.")
    judge: str = Field(
        "model",
        description="Reads a drafted sentence again where the check without a model is in doubt: `model` (the language model, if any), "
        "`off`, `nli:NAME` (the folder or hub name of a cross-encoder for entailment), or `provider:name` as for the model.",
    )
    api_keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description="Comma-separated `admin:KEY` and `ask:KEY`, beside those of `dateline keys`; without any key, only loopback is served.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="Your own key: commands that write while the service runs go through it, and send it this key of scope `admin`.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8321, ge=0, le=65535, description="Port to listen on.")
    chroma_url: str | None = Field(
        None,
        description="A Chroma server (`chroma run`) that holds the vector index, such as `http://127.0.0.1:8000`, so that several "
        "processes can use one archive ([workers.md](workers.md)); by default Chroma is embedded, for one process. It knows no keys: "
        "keep it on loopback.",
    )
    workers: int = Field(1, ge=1, le=64, description="Processes that answer; more than one needs DATELINE_CHROMA_URL.")
    trusted_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"],
        description="Comma-separated names that requests may use in their Host header; those of loopback are always known.",
    )
    ask_slots: int = Field(2, ge=1, le=1000, description="Questions that are answered at a time.")
    ask_queue: int = Field(16, ge=0, le=10_000, description="Questions that may wait; one more is refused with 503.")
    ask_seconds: float = Field(
        180.0, gt=0, description="Seconds a model may take for one answer; then what was checked so far stands, or the articles are quoted."
    )
    ask_rate: str = Field(
        "60/minute", description="Questions of one key, such as `60/minute`; empty for no limit. While no key is needed, no rate is kept."
    )
    search_slots: int = Field(4, ge=1, le=1000, description="Searches at a time.")
    search_queue: int = Field(64, ge=0, le=10_000, description="Searches that may wait.")
    search_rate: str = Field("300/minute", description="Searches of one key.")
    read_rate: str = Field("1200/minute", description="Every other request of one key but those that take articles in.")
    ingest_queue: int = Field(
        16, ge=0, le=1000, description="Requests to take in or remove articles that may wait; they are done one at a time."
    )
    ingest_queue_seconds: float = Field(900.0, gt=0, description="Seconds that one of those may wait.")
    queue_seconds: float = Field(60.0, gt=0, description="Seconds that any other request may wait; then it is refused with 503.")
    fetch_private_networks: bool = Field(
        default=False, description="Whether pages and feeds may be fetched from loopback and private addresses, and on any port."
    )
    fetch_seconds: float = Field(30.0, gt=0, description="Seconds one fetch may take, redirects included.")
    fetch_max_bytes: int = Field(20 * 1024 * 1024, ge=1024, description="A larger page or feed is refused, counted after decompression.")
    fetch_user_agent: str = Field("Dateline", max_length=200, description="What servers are told: add a way to reach you.")
    parse_seconds: float = Field(20.0, gt=0, description="Seconds that parsing one file may take, in a process of its own.")
    parse_memory_mb: int = Field(1500, ge=256, description="Megabytes that parsing may take.")
    min_free_mb: int = Field(200, ge=0, description="With less free space than this, nothing is taken in.")
    max_article_chars: int = Field(1_000_000, ge=1, description="A longer article is rejected.")
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="A larger request is refused with 413.")
    top_k: int = Field(8, ge=1, le=100, description="Passages that evidence is chosen from.")
    evidence_sentences: int = Field(8, ge=1, le=40, description="At most so many sentences are shown to the model.")
    evidence_tokens: int = Field(300, ge=50, description="At most so many tokens of evidence are shown to the model.")

    @field_validator("api_keys", mode="before")
    @classmethod
    def _parse_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys: dict[str, str] = {}
        for part in filter(None, (item.strip() for item in value.split(","))):
            scope, colon, key = part.partition(":")
            if not colon or scope not in {"ask", "admin"} or len(key) < 16:
                raise ValueError("write each key as ask:KEY or admin:KEY, with a KEY of at least 16 characters")
            keys[f"{scope}:{len(keys)}"] = key
        return keys

    @field_validator("reranker", mode="after")
    @classmethod
    def _address_or_name(cls, value: str) -> str:
        if "://" not in value:
            return value.strip()
        if _server(value).username is not None:
            raise ValueError(f"write the server without a name or key in its address: the key is {PREFIX}RERANKER_API_KEY")
        return value

    @field_validator("chroma_url", mode="after")
    @classmethod
    def _bare_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = _server(value)
        if parts.username is not None or parts.path.strip("/"):
            raise ValueError("write the Chroma server as http://HOST:PORT, without a name or a path")
        return value.rstrip("/")

    @field_validator("reranker_api_key", "api_key", mode="after")
    @classmethod
    def _fit_for_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not all("!" <= character <= "~" for character in value.get_secret_value()):
            raise ValueError("a key is made of ASCII letters, digits and signs, without spaces")
        return value

    @field_validator("trusted_hosts", "embedding_languages", mode="before")
    @classmethod
    def _parse_hosts(cls, value: object) -> object:
        return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value

    @field_validator("trusted_hosts", mode="after")
    @classmethod
    def _names_alone(cls, value: list[str]) -> list[str]:
        if wrong := [one for one in value if not HOST.fullmatch(one)]:
            raise ValueError(f"{wrong[0]!r}: write names alone, such as news.example.org, without https:// and port")
        return value

    @field_validator("data_dir", "cache_dir", "eval_data", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @model_validator(mode="after")
    def _known_model(self) -> Self:
        if self.model not in {"local", "extractive"} and not self.model.startswith("local/") and ":" not in self.model:
            raise ValueError(f"model {self.model!r}: write local, local/NAME, extractive or provider:name")
        return self

    @field_validator("ask_rate", "search_rate", "read_rate", mode="after")
    @classmethod
    def _known_rate(cls, value: str) -> str:
        if not RATE.fullmatch(value):
            raise ValueError(f"rate {value!r}: write a count a second, minute, hour or day, such as 60/minute, or nothing for no limit")
        return value

    @field_validator("judge", mode="after")
    @classmethod
    def _known_judge(cls, value: str) -> str:
        kind, colon, name = value.partition(":")
        if value not in {"model", "off"} and not (colon and kind and name):
            raise ValueError(f"judge {value!r}: write model, off, nli:NAME or provider:name")
        return value

    @property
    def models_dir(self) -> Path:
        """Verified model files, one folder a model."""
        return self.cache_dir / "models"


def _server(address: str) -> SplitResult:
    """The parts of a server's address. Raises ValueError where it is none."""
    try:
        parts = urlsplit(address)
        served = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        served = False
    if not served:
        raise ValueError("write a server as http://HOST:PORT or https://HOST")
    return parts


def load_settings(**overrides: object) -> Settings:
    """The settings, with `overrides` above environment and `.env`. Raises SettingsError naming the variable."""
    try:
        given = [*os.environ, *dotenv_values(".env", interpolate=False), *(f"{PREFIX}{name.upper()}" for name in overrides)]
        refuse_unknown(given, [*ELSEWHERE, *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)])
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(f"{_variable(e['loc'])}{e['msg'].removeprefix('Value error, ')}" for e in error.errors())) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env cannot be read ({error}): it must be a text file in UTF-8") from error
    except RuntimeError as error:  # what pathlib and platformdirs raise
        raise SettingsError(f"there is no home directory: set HOME, or {PREFIX}DATA_DIR and {PREFIX}CACHE_DIR to whole paths") from error


def _variable(place: tuple[int | str, ...]) -> str:
    return f"{PREFIX}{str(place[0]).upper()}: " if place else ""
