"""An archive met with another encoder, or with the same one in another width, is refused at the start with a way out that works."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from service import bootstrap, reindexing
from service.bootstrap import build
from service.errors import ArchiveMismatch
from service.models import embedders
from service.models.hashing import HashingEmbedder
from tests.integration.test_keeping import QUESTIONS, made, settings_of


class Other(HashingEmbedder):
    """Another model of the same width: nothing but its name would tell."""

    @property
    def fingerprint(self) -> str:
        return f"other-{self.dimension}"


@pytest.mark.parametrize("other", [HashingEmbedder(64), Other(256)], ids=["dimension", "model"])
def test_it_is_refused_at_the_start_and_the_way_out_works(
    tmp_path: Path, other: HashingEmbedder, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the service and by every command, in one line that names both encoders; embedded again, it is the archive of the new one."""
    made(tmp_path / "data")
    with pytest.raises(ArchiveMismatch, match=f"made with hashing-256.*settings say {other.fingerprint}"):
        build(settings_of(tmp_path / "data"), embedder=other)
    for module in (bootstrap, embedders, reindexing):
        monkeypatch.setattr(module, "build_embedder", lambda settings: other)
    for words in (["ask", QUESTIONS[0]], ["ingest", tmp_path], ["articles", "list"], ["reindex"]):
        refused = run(*words)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1), words
        assert "set DATELINE_EMBEDDING_MODEL back, or run `dateline reindex --embed`" in refused.stderr
    assert run("reindex", "--embed").stdout == "3 vectors indexed\n"
    assert run("ask", QUESTIONS[0], "--asked-at", "2026-04-01").exit_code == 0
    with pytest.raises(ArchiveMismatch, match=f"made with {other.fingerprint}"):
        build(settings_of(tmp_path / "data"), embedder=HashingEmbedder(256))
