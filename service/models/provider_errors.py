"""What a provider's exception means, in a few words for the user, without the key and without the provider's stack.

Providers' exceptions have no common base, so they are told apart by what they all carry: a status code, a class name, a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LONGEST = 200
"""Characters of a provider's own message that are shown."""

_BY_STATUS = {
    401: "refuses the key: check the provider's API key",
    403: "refuses the key: check the provider's API key",
    404: "does not know this model or address: check DATELINE_MODEL and DATELINE_MODEL_URL",
    408: "took too long",
    413: "was sent too long a prompt",
    429: "is busy or the quota is used up: try again later",
}
_CONNECTION = ("ConnectError", "APIConnectionError", "ConnectionError", "RemoteProtocolError", "ReadError")
_TIMEOUT = ("Timeout",)


def explain(error: BaseException, secrets: Iterable[str] = (), *, started: bool = False, quoting: bool = True) -> str:
    """A clause that follows the model's name, such as `does not answer: no connection`. None of the secrets is in it.

    `started` where something had come before the error. Without `quoting`, none of the provider's own words, which may repeat what it
    was sent, is in it either.
    """
    status, said = _status(error), f": {_message(error)}" if quoting else ""
    if _named(error, _TIMEOUT):
        clause = "does not answer: no token in time (DATELINE_MODEL_TIMEOUT)"
    elif status in _BY_STATUS:
        clause = _BY_STATUS[status]
    elif status is not None and status >= 500:
        clause = f"failed with status {status}"
    elif status is not None:
        clause = f"refused the request{said or f' with status {status}'}"
    elif cannot_connect(error):
        clause = "broke off in the middle: the connection was lost" if started else "does not answer: no connection"
    else:
        clause = f"stopped: {type(error).__name__}{said}"
    for secret in secrets:
        clause = clause.replace(secret, "***")
    return clause


def cannot_connect(error: BaseException) -> bool:
    """True where the connection could not be made or broke, so that a restarted server may do better. A timeout is not that."""
    return not _named(error, _TIMEOUT) and _status(error) is None and _named(error, _CONNECTION)


def is_refusal(error: BaseException) -> bool:
    """True where the provider is well and does not take this request."""
    return _status(error) in {400, 413, 422}


def refuses_logprobs(error: BaseException) -> bool:
    """True where the provider says that it gives no log-probabilities."""
    return _status(error) in {400, 403, 422, 501} and "logprobs" in str(error).casefold()


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _named(error: BaseException, parts: tuple[str, ...]) -> bool:
    """True where the class, or that of a cause, has such a name."""
    return any(part in kind.__name__ for link in _chain(error) for kind in type(link).__mro__ for part in parts)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _message(error: BaseException) -> str:
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, dict) else None
    line = " ".join(str(text or error).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
