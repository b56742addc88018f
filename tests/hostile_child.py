"""What a parser could do once a file has taken it over: the program of the sandbox in tests. The kind of the job says what it does."""

import json
import os
import pickle
import signal
import sys
import time


class Code:
    """Would run a command in whoever unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/dateline-canary-unpickled",)


def frame(data: bytes) -> bytes:
    """As the parent expects it."""
    return len(data).to_bytes(4, "big") + data


def rows(text: str) -> bytes:
    """One article, and the end."""
    return frame(json.dumps([{"row": {"text": text}}]).encode()) + frame(b'{"done": true}')


ANSWERS = {
    "fine": rows("The dam holds."),
    "pickle": frame(pickle.dumps([Code()])),
    "no json": frame(b"[{]"),
    "no list": frame(b'"words"'),
    "wrong shape": frame(b'[{"row": {"text": "x"}, "stated": [{"field": "published_at", "origin": "mars", "written": "x"}]}]'),
    "no article": frame(b"[17]"),
    "deep": frame(b"[" * 1_000_000 + b"]" * 1_000_000),
    "digits": frame(b"[" + b"9" * 100_000 + b"]"),
    "too long": (1 << 31).to_bytes(4, "big"),
    "too many": frame(b"[" + b"[]," * 5_000_000 + b"[]]"),
    "many frames": frame(b'[{"row": [' + b"[]," * 700_000 + b"[]]}]") * 10,
    "escapes": frame(b'[{"problem": "\\u001b[2J"}]'),
    "reason with escapes": frame(b'{"failed": "\\u001b[2J"}'),
    "long reason": frame(json.dumps({"failed": "x" * 2_000}).encode()),
    "half a frame": frame(b"[]")[:5],
}


def main() -> None:
    """One job after the other, each answered as its kind says."""
    out = sys.stdout.buffer
    while line := sys.stdin.buffer.readline():
        header = json.loads(line)
        kind = header["job"]["kind"]
        if kind == "deaf":
            time.sleep(600)
        sys.stdin.buffer.read(header["length"])
        if kind == "not ready":
            out.write(frame(b"[]"))
        else:
            out.write(frame(b'{"ready": true}'))
        out.flush()
        if kind.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, kind))
        if kind == "exit":
            os._exit(3)
        if kind == "loop":
            time.sleep(600)
        if kind == "noise":
            os.write(2, b"x" * 1_000_000)
        out.write(ANSWERS.get(kind, ANSWERS["fine"]))
        out.flush()
        if kind == "half a frame":
            return


if __name__ == "__main__":
    main()
