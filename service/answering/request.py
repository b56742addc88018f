"""What is asked of `Answerer.ask`, and what it tells on the way."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from service.domain import AnswerSentence, Citation, Coverage, Evidence, Mode, Question, Turn
from service.errors import BadQuestion
from service.moments import named_zone


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question with everything that may limit it. `asked_at` None means now; the interval is half-open, UTC."""

    question: str
    asked_at: datetime | None = None
    """Aware. Its zone is the asker's where `time_zone` says nothing else."""
    published_from: datetime | None = None
    published_to: datetime | None = None
    sources: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()
    infer_window: bool = True
    conversation_id: str | None = None
    history: tuple[Turn, ...] = ()
    """Earlier turns given by the caller, before those remembered for the conversation."""
    mode: Mode = Mode.AUTO
    top_k: int | None = None
    owner: str = ""
    """Whose conversation it is: a hash of the caller's key, empty where there are no keys."""
    answer_id: str = ""
    """The id that the answer gets; made up where empty."""
    new_conversation_id: str = ""
    """The id of the conversation that it begins where it continues none; made up where empty."""
    standalone: str | None = None
    """A follow-up rewritten by a model, for where rules cannot resolve it."""
    time_zone: str | None = None
    """The asker's, by its IANA name: what "yesterday" is."""

    def moment(self, now: datetime) -> datetime:
        """When it is asked, in the asker's zone. Raises BadQuestion on an unknown zone."""
        asked_at, zone = self.asked_at or now, zone_of(self.time_zone)
        return asked_at.astimezone(zone) if zone else asked_at


def new_id(kind: str) -> str:
    """A random id: `ans_…`, `con_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def zone_of(name: str | None) -> ZoneInfo | None:
    """The time zone of the field `time_zone`. Raises BadQuestion, naming the field."""
    try:
        return named_zone(name) if name else None
    except ValueError as error:
        raise BadQuestion(f"time_zone: {error}") from error


@dataclass(frozen=True, slots=True)
class Understood:
    """The question as it will be searched for."""

    answer_id: str
    conversation_id: str
    question: Question
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Sources:
    """The numbered sentences the answer will be written from."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """Raw model text as it comes: advisory, not checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence after the check, with the citations that no earlier sentence had."""

    index: int
    sentence: AnswerSentence
    new_citations: tuple[Citation, ...]


Event = Understood | Sources | Delta | Checked
Emit = Callable[[Event], Awaitable[None]]


async def ignore(event: Event) -> None:
    """Tells nobody."""
