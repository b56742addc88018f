"""What a model answered to the probe before, so that it is known again though its numbers vary a little from call to call."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np

from service.ports import Vectors

SAME = 0.99
"""The least cosine at which two vectors of the probe are one model's: half precision and other kernels stay above 0.996, while another
model's vectors lie in a space of their own."""
_log = logging.getLogger(__name__)


class ProbeMemory:
    """A file a model in a folder of the cache. Without a folder, or where it cannot be read or written, nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def recalled(self, key: str, probe: Vectors) -> Vectors:
        """The vector that was remembered for the key where it is the same model's, else `probe`, which is remembered from now on."""
        if self._folder is None:
            return probe
        path = self._folder / f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.json"
        before = _read(path)
        if before is not None and before.shape == probe.shape and float(before @ probe) >= SAME:
            return before
        _write(path, probe)
        return probe


def code_of_probe(probe: Vectors) -> str:
    """Four hex digits: on which side of sixteen fixed planes, drawn by SHAKE-256, the vector lies."""
    bits = 0
    for plane in range(16):
        drawn = hashlib.shake_256(b"dateline probe %d" % plane).digest(len(probe))
        normal = np.frombuffer(drawn, dtype=np.uint8) - 127.5
        bits = bits << 1 | int(normal @ probe > 0)
    return f"{bits:04x}"


def _read(path: Path) -> Vectors | None:
    try:
        vector = np.array(json.loads(path.read_text(encoding="utf-8")), dtype=np.float32)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        _log.warning("%s cannot be read (%s): the embeddings server counts as not seen before", path, type(error).__name__)
        return None
    norm = float(np.linalg.norm(vector)) if vector.ndim == 1 else 0.0
    return vector / norm if 0 < norm < float("inf") else None


def _write(path: Path, vector: Vectors) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps([float(number) for number in vector]), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        _log.info("what the embeddings server answered is not remembered: %s", error)
