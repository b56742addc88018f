"""Names and paths that lead elsewhere, at every door that takes one: nothing outside is read, and nothing is written but the archive.

The names are those that `test_hostile_files` packs into archives; here they come by HTTP and lie in folders.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from service.articles.items import Unreadable
from service.articles.parsing import kind_of_name
from service.errors import BadInput
from service.http.handing_in import plain_name
from service.services import Services
from tests.integration.test_hostile_files import SECRET, names

ROUTES = [
    ("GET", "/static/"), ("GET", "/v1/articles/"), ("GET", "/v1/answers/"), ("GET", "/v1/conversations/"), ("GET", "/articles/"),
    ("DELETE", "/v1/articles/"), ("DELETE", "/v1/conversations/"), ("PATCH", "/v1/conversations/"),
]  # fmt: skip


def everything(*folders: Path) -> set[Path]:
    """All that is in these folders."""
    return {path for folder in folders for path in folder.rglob("*")}


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file beside the archive that nobody may read."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def test_a_file_handed_in_is_set_down_under_no_name_that_leads_elsewhere(
    door: TestClient, canary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each name is refused or read as its last part; the folder of temporary files is empty afterwards, and nothing else is new."""
    spool = canary.parent / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    corpus = names(canary.parent)
    before, here = everything(canary.parent) - everything(canary.parent / "data"), sorted(Path.cwd().iterdir())
    found: Counter[int] = Counter()
    for number, name in enumerate(corpus):
        response = door.post("/v1/ingest/file", params={"name": name[:1_000]}, content=f"Report {number} from the valley.".encode())
        found[response.status_code] += 1
        assert SECRET not in response.text
    assert found.keys() <= {200, 422}
    assert found[200] > 20
    assert everything(canary.parent) - everything(canary.parent / "data") == before
    assert sorted(Path.cwd().iterdir()) == here
    assert canary.read_text() == SECRET
    with capsys.disabled():
        print(f"\ntraversal, handed in: {len(corpus)} names, {found[200]} read by their last part, {found[422]} refused, 0 files elsewhere")


@pytest.mark.parametrize("ending", ["", ".txt", ".html", ".jsonl.gz"])
def test_a_name_is_one_part_of_a_path(tmp_path: Path, ending: str) -> None:
    """Whatever comes in, what goes to the file system has no separator, no dots in front and no character that cannot be seen."""
    for name in names(tmp_path):
        try:
            plain = plain_name(name + ending)
        except BadInput:
            continue
        assert (tmp_path / plain).parent == tmp_path
        assert (tmp_path / plain).resolve().is_relative_to(tmp_path)
        assert plain.isprintable()
        assert not plain.startswith(".")
        assert len(plain.encode()) <= 255
        assert kind_of_name(plain)


def test_no_route_leads_to_a_file(door: TestClient, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids and paths of every route that takes one, as they are and encoded once and twice: an answer of ours, and nothing is read."""
    found: Counter[int] = Counter()
    for name in names(canary.parent):
        once = quote(name[:2_000], safe="")
        for method, route in ROUTES:
            for path in {once, quote(once, safe=""), quote(name[:2_000], safe="/.;:@")}:
                response = door.request(method, f"{route}{path}", json={"title": "x"} if method == "PATCH" else None)
                found[response.status_code // 100] += 1
                assert response.status_code < 500
                assert SECRET not in response.text
                assert "root:" not in response.text
    assert canary.exists()
    assert door.get("/v1/coverage").json()["articles"] == 3
    with capsys.disabled():
        told = ", ".join(f"{count} answered {kind}xx" for kind, count in sorted(found.items()))
        print(f"\ntraversal, routes: {found.total()} requests ({told}), 0 files read")


def test_links_in_a_folder_do_not_lead_out_of_it(open_services: Callable[..., Services], canary: Path) -> None:
    """Of files, of folders, of the system and in circles, and a pipe, which would never end: only what lies inside is read."""
    folder = canary.parent / "articles"
    outside = canary.parent / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "more.txt").write_text(SECRET)
    (folder / "good.txt").write_text("The dam holds.")
    (folder / "sub" / "inner.txt").write_text("The bridge is shut.")
    links = {"file.txt": canary, "folder": outside, "environment.txt": Path("/proc/self/environ"), "accounts.txt": Path("/etc/passwd"),
             "circle": folder, "nowhere.txt": folder / "none.txt", "up.txt": Path("../secret.txt"), "itself.txt": Path("itself.txt"),
             "sub/up.txt": Path("../../secret.txt"), "within.txt": folder / "sub" / "inner.txt"}  # fmt: skip
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.txt")
    services = open_services()
    items = list(services.load([folder]))
    read = [item for item in items if not isinstance(item, Unreadable)]
    assert SECRET not in repr(items)
    assert "root:" not in repr(items)
    assert {item.article.text for item in read} == {"The dam holds.", "The bridge is shut."}
    assert len(links) == 10
