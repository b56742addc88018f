"""The llama.cpp process: `python -m service.models.llama_child`, started by `llama_server` and by nobody else.

It reads one line of JSON on standard input, loads the model, prints one line of JSON on standard output, and serves the OpenAI protocol
on loopback until standard input closes. That happens when the parent stops it, and also when the parent is killed, so it never outlives it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from xllamacpp import CommonParams

HTTP_THREADS = 8
"""Idle keep-alive connections hold a thread each; with the default, 16 of them made `/health` wait 5 seconds."""

CACHE_MIB = 256
"""Prompt cache in memory. The default of 8 GiB gets the process killed on a small machine."""


def main() -> None:
    """Serve until standard input closes."""
    answer = _private_stdout()
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, name="parent-watch", daemon=True).start()
    try:
        from xllamacpp import Server

        server = Server(parameters(settings))
    except (ImportError, RuntimeError, ValueError) as error:
        _say(answer, {"ready": False, "error": str(error)})
        sys.exit(1)
    _say(answer, {"ready": True, "address": server.listening_address})
    threading.Event().wait()


def parameters(settings: dict[str, Any]) -> CommonParams:
    """What llama.cpp is told. Its own defaults open CORS to every site, need no key, serve a page and never stop generating."""
    from xllamacpp import CommonParams

    params = CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = settings["port"]
    params.api_keys = [settings["api_key"]]
    params.cors_origins = "http://localhost.invalid"
    params.cors_credentials = False
    params.cors_origins_explicit = True
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False
    params.offline = True
    params.n_ctx = settings["context"]
    params.fit_params = False  # It would shrink the context in silence.
    params.n_parallel = settings["slots"]
    params.n_predict = settings["max_tokens"]
    params.cache_prompt = True
    params.cache_ram_mib = CACHE_MIB
    params.n_threads_http = HTTP_THREADS
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    # Waiting threads sleep. Polling (50 by default) starves the encoder that checks sentences on the same cores.
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.verbosity = 1  # Errors only.
    return params


def _private_stdout() -> TextIO:
    """Keep standard output for the answer: whatever llama.cpp prints goes to standard error."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answer


def _say(answer: TextIO, message: dict[str, Any]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.flush()


def _leave_with_parent() -> None:
    """End the process at once when standard input closes: there is nothing to save."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
