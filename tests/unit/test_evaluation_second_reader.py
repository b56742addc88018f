"""The judge of sentences against people's verdicts, alone and together with the check; what it said is kept."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from test_judge import FixedJudge, prompt, sentences

from service.answering.judge import Calibration, SecondReader
from service.errors import ModelUnavailable
from service.evaluation.cases import Case
from service.evaluation.second_reader import FILE, CombinedCheck, JudgeCheck, KeptJudge, said_before, version_of
from service.evaluation.systems import Response, System
from service.models.cache_file import CacheFile
from service.models.hashing import HashingEmbedder

EMBEDDER = HashingEmbedder(256)
EVERYTHING = Calibration(threshold=1.0, odds=1.0)
TEXT = "The longest crack runs for 9 metres. Eleven people were hurt."


def ask(check: System, claim: str, document: str = TEXT) -> Response:
    """What the check says of the claim."""
    return asyncio.run(check.respond(Case("c", claim, document=document, supported=True)))


def test_the_judge_alone_has_its_own_threshold() -> None:
    """The weakest sentence decides."""
    for odds, carried in ((1.0, True), (0.9, False)):
        assert ask(JudgeCheck(EMBEDDER, SecondReader(FixedJudge(odds), EVERYTHING)), "The crack is long.").verdict is carried


def test_together_a_changed_number_needs_no_judge() -> None:
    """And a doubtful sentence gets one."""
    judge = FixedJudge(5.0)
    check = CombinedCheck(EMBEDDER, SecondReader(judge, EVERYTHING))
    assert ask(check, "The longest crack runs for 8 metres.").verdict is False
    assert judge.asked == []
    assert ask(check, "The crack is rather long.").verdict is True
    assert len(judge.asked) == 1


@pytest.mark.parametrize("check", [JudgeCheck, CombinedCheck])
def test_an_empty_document_supports_nothing(check: type[JudgeCheck] | type[CombinedCheck]) -> None:
    """Nobody is asked about it."""
    judge = FixedJudge(5.0)
    assert ask(check(EMBEDDER, SecondReader(judge, EVERYTHING)), "The crack is long.", "") == Response(verdict=False, strength=0.0)
    assert judge.asked == []


def test_a_judge_without_log_odds_is_an_error_of_the_run() -> None:
    """A figure under its name would not be its own."""
    with pytest.raises(ModelUnavailable, match="DATELINE_JUDGE"):
        ask(JudgeCheck(EMBEDDER, SecondReader(FixedJudge(None), EVERYTHING)), "The crack is long.")


def test_what_was_said_is_not_asked_again(tmp_path: Path) -> None:
    """Not in this run, nor in the next; another claim, prompt or judge is asked."""

    def says(judge: FixedJudge, claim: str, version: str = "1") -> float | None:
        with closing(CacheFile(tmp_path / "eval" / FILE)) as file:
            return asyncio.run(KeptJudge(judge, version, file).odds(claim, sentences("It closed.")))

    first, again = FixedJudge(1.5), FixedJudge(9.0)
    assert says(first, "It is closed.") == 1.5
    assert (says(again, "It is closed."), again.asked) == (1.5, [])
    for other in (says(again, "It is open."), says(again, "It is closed.", "2"), says(FixedJudge(9.0, name="other"), "It is closed.")):
        assert other == 9.0


def test_what_could_not_be_said_is_asked_again(tmp_path: Path) -> None:
    """A server that was down is no verdict."""
    with closing(CacheFile(tmp_path / FILE)) as file:
        assert asyncio.run(KeptJudge(FixedJudge(None), "1", file).odds("It closed.", sentences("It closed."))) is None
        assert asyncio.run(KeptJudge(FixedJudge(2.0), "1", file).odds("It closed.", sentences("It closed."))) == 2.0
        assert said_before(file, "fixed", "1", "It closed.", sentences("It closed.")) == 2.0


def test_the_version_is_of_the_prompts_words() -> None:
    """Sixteen characters, the same for the same words."""
    assert len(version_of(prompt())) == 16
    assert version_of(prompt()) == version_of(prompt())
