"""Which encoder the settings name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from service.errors import SettingsError
from service.models.catalogue import CATALOGUE, Kind
from service.models.embedding_server import EmbeddingServer, server_of
from service.models.encoder import SentenceEncoder
from service.models.encoder_folder import HUB_NAME, UNKNOWN, Languages, code_of, hub_folder
from service.models.prefixes import told_prefixes
from service.settings import Settings


def build_embedder(settings: Settings) -> SentenceEncoder | EmbeddingServer:
    """The encoder that the settings name: a server's, one of the catalogue, a folder, or one of the model hub, in this order.

    Nothing is read, fetched or sent before the first use. Raises SettingsError where a setting makes no sense, and ModelNotFound for a
    name that is none of these.
    """
    told, named, dtype = _told_languages(settings), settings.embedding_model, settings.embedding_dtype
    prefixes = told_prefixes(settings)
    if settings.embedding_url:
        return server_of(settings, told, prefixes)
    for entry in CATALOGUE:
        if entry.kind is Kind.ENCODER and entry.name.casefold() == named.casefold():
            return SentenceEncoder.of(entry, settings.models_dir, dtype=dtype, languages=told, prefixes=prefixes)
    folder = Path(named).expanduser()
    if not folder.is_dir() and HUB_NAME.fullmatch(named):
        name = named.partition("@")[0].rpartition("/")[2]
        return SentenceEncoder(
            Path(named), name=name, dtype=dtype, languages=told, prefixes=prefixes, find=partial(hub_folder, named),
            look=partial(hub_folder, named, fetch=False),
        )  # fmt: skip
    return SentenceEncoder(folder, dtype=dtype, languages=told, prefixes=prefixes)


def _told_languages(settings: Settings) -> Languages:
    """What the setting says: codes, None for all, or UNKNOWN where it says nothing."""
    tags = settings.embedding_languages
    if not tags:
        return UNKNOWN
    if tags == ["*"]:
        return None
    if wrong := [tag for tag in tags if not code_of(tag)]:
        raise SettingsError(f"DATELINE_EMBEDDING_LANGUAGES: {wrong[0]!r} is no ISO 639-1 code: write codes such as en,de, or * for all")
    return frozenset(map(code_of, tags))
