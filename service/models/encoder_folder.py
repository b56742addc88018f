"""The folder of an encoder that a user chose: their own, or one of the model hub. Only safetensors, and no code.

Here too: which languages its model card says it was made for.
"""

from __future__ import annotations

import logging
import re
from enum import Enum
from pathlib import Path

from service.errors import ModelNotFound
from service.models.catalogue import CATALOGUE, Kind
from service.models.sources import Unreachable, probe

PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
HUB_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
"""`OWNER/NAME`, or `OWNER/NAME@REVISION` with a commit, tag or branch."""
LARGEST_CARD = 256 * 1024
"""Bytes of a model card that are read: its front matter stands first."""
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "README.md"]
"""All that is fetched of a model: no code, no pickled weights."""
_NOT_NEEDED = ["onnx/*", "openvino/*"]


class Unknown(Enum):
    """The one value that says that nothing is known, where None says all."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN
Languages = frozenset[str] | Unknown | None
"""ISO 639-1 codes that an encoder serves, None for all, or UNKNOWN."""
_NORWEGIAN = {"nb", "nn"}
_log = logging.getLogger(__name__)


def users_folder(folder: Path) -> Path:
    """A folder the user named. Raises ModelNotFound where it is none, or holds pickled weights, which run code when they are loaded."""
    if not (folder / "modules.json").is_file():
        known = ", ".join(entry.name for entry in CATALOGUE if entry.kind is Kind.ENCODER)
        raise ModelNotFound(
            f"{folder} is not a sentence-transformers folder (no modules.json). Set DATELINE_EMBEDDING_MODEL to such a folder, to "
            f"OWNER/NAME of the model hub, or to one of: {known}; or name a server with DATELINE_EMBEDDING_URL."
        )
    pickled = [path for path in folder.rglob("*") if path.suffix.lower() in PICKLES and not any(path.parent.glob("*.safetensors"))]
    if pickled or not any(folder.rglob("*.safetensors")):
        what = pickled[0].name if pickled else "no weights"
        raise ModelNotFound(f"{folder} holds {what}, and .safetensors weights are needed: pickled ones run code when loaded")
    return folder


def hub_folder(chosen: str, *, fetch: bool = True, cache: Path | None = None) -> Path:
    """The folder of `OWNER/NAME` or `OWNER/NAME@REVISION` in the hub's own cache, fetched first where it is not there.

    Honours HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies, as the hub's client does. A hub that cannot be reached costs four
    seconds at most. With `fetch` false nothing is fetched. Raises ModelNotFound with what to do.
    """
    import httpx
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = chosen.partition("@")

    def snapshot(*, local: bool) -> Path:
        found = snapshot_download(
            name, revision=revision or None, cache_dir=cache, allow_patterns=_FILES, ignore_patterns=_NOT_NEEDED, local_files_only=local,
            library_name="dateline",
        )  # fmt: skip
        return users_folder(Path(found))

    try:
        return snapshot(local=True)
    except HFValidationError as error:
        raise ModelNotFound(f"{chosen} is neither a folder nor a name on the model hub: see DATELINE_EMBEDDING_MODEL") from error
    except (LocalEntryNotFoundError, ModelNotFound):
        command = f"hf download {name}" + (f" --revision {revision}" if revision else "")
        advice = f"run `{command}` where the hub can be reached, or set DATELINE_EMBEDDING_MODEL to a folder"
    if not fetch or constants.is_offline_mode():
        why = ", and HF_HUB_OFFLINE is set" if constants.is_offline_mode() else ""
        raise ModelNotFound(f"the encoder {chosen} is not on this machine{why}: {advice}")
    try:
        probe(f"{constants.ENDPOINT}/api/models/{name}" + (f"/revision/{revision}" if revision else ""))
        return snapshot(local=False)
    except Unreachable as error:
        raise ModelNotFound(f"the encoder {chosen} is not on this machine, and of the model hub: {error}; {advice}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        raise ModelNotFound(f"the encoder {chosen} could not be fetched ({type(error).__name__}): {advice}") from error


def languages_of_card(folder: Path) -> frozenset[str] | None:
    """The ISO 639-1 codes in the front matter of the folder's model card; None where it has none, or says `multilingual`."""
    import yaml

    try:
        with (folder / "README.md").open("rb") as card:
            text = card.read(LARGEST_CARD).decode("utf-8-sig", "replace")
        parts = re.split(r"(?m)^---\s*$", text, maxsplit=2)
        stated = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
    except FileNotFoundError:
        return None
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        _log.warning("the model card in %s cannot be read (%s): the encoder counts as one for every language", folder, type(error).__name__)
        return None
    said = stated.get("language") if isinstance(stated, dict) else None
    tags = said if isinstance(said, list) else [said]
    if "multilingual" in tags:
        return None
    codes = frozenset(code for tag in tags if isinstance(tag, str) and (code := code_of(tag)))
    return codes or None


def code_of(tag: str) -> str:
    """`en` of `en` or `en-GB`; both written forms of Norwegian are `no`. Empty for what is no code of two letters."""
    code = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    if not re.fullmatch(r"[a-z]{2}", code):
        return ""
    return "no" if code in _NORWEGIAN else code
