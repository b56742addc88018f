"""Errors as problems: which status each class gets, and what is shown of those that nobody expected."""

import inspect

import pytest

from service import errors, logs
from service.http import problems

STATUS = {
    errors.BadInput: 422, errors.BadQuestion: 422, errors.BadArticle: 422, errors.NotFound: 404, errors.ArchiveInUse: 409,
    errors.ArchiveMismatch: 409, errors.ArchiveError: 503, errors.ArchiveDamaged: 503, errors.ModelError: 503, errors.ModelNotFound: 503,
    errors.ModelCorrupt: 503, errors.ModelUnavailable: 503, errors.SettingsError: 500, errors.DatelineError: 500,
    errors.FetchError: 502, errors.FetchFailed: 502, errors.FetchRefused: 422, errors.DiskFull: 507,
    errors.ModelRefused: 503, errors.Overloaded: 503, errors.TooManyRequests: 429, errors.Stopping: 503, errors.IndexUnavailable: 503,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), STATUS.items())
def test_each_class_has_its_status(kind: type[errors.DatelineError], status: int) -> None:
    """The nearest class in the tree decides, and the message is the detail; that of an index that is away names a server, and is not."""
    found = problems.describe(kind("what to do", 5) if issubclass(kind, errors.Overloaded) else kind("what to do"))
    assert (found["status"], found["detail"]) == (status, problems.INDEX_AWAY if kind is errors.IndexUnavailable else "what to do")


def test_no_class_of_the_tree_is_forgotten() -> None:
    """Every error class has a status that somebody thought about."""
    tree = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DatelineError)}
    assert tree == STATUS.keys()


def test_what_nobody_expected_is_shown_by_its_id_only(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the exception under the id, the reader has the id alone, and two incidents have two ids."""
    first, second = (problems.describe(KeyError("the secret")) for _ in range(2))
    assert first["status"] == 500
    assert "secret" not in str(first)
    assert first["detail"].split()[-1] in caplog.text
    assert first["detail"] != second["detail"]
    assert "the secret" in caplog.text


def test_within_a_request_an_incident_has_its_id(caplog: pytest.LogCaptureFixture) -> None:
    """What a reader quotes from the answer is what every line of the request carries, and what `X-Request-ID` says."""
    with logs.within_request("seen-by-proxy-7"):
        found = problems.describe(KeyError("the secret"))
    assert found["detail"].endswith(" under seen-by-proxy-7")
    assert "incident seen-by-proxy-7" in caplog.text


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    """Type, title, status and detail always; fields only where there are some."""
    assert problems.body(404, "no such thing") == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such thing"}
    fields = [{"field": "question", "message": "is missing"}]
    response = problems.problem(422, "wrong", fields=fields, headers={"Retry-After": "1"})
    assert (response.media_type, response.headers["retry-after"]) == ("application/problem+json", "1")
    assert b'"errors":[{"field":"question"' in response.body
