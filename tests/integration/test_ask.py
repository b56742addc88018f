"""The question road on a real archive (SQLite and Chroma), with a hashing encoder and a scripted model."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.answering.part import Part
from service.answering.request import AskRequest, Checked, Delta, Event, Sources, Understood
from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import Answer, AnswerSentence, Mode, Status, Support
from service.errors import BadQuestion, ModelUnavailable
from service.models.hashing import HashingEmbedder
from service.models.scripted import ScriptedGenerator
from service.services import Services
from service.settings import load_settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROWS = [
    {
        "id": "dam-1",
        "title": "Halvern Dam evacuation begins",
        "source": "Northern Herald",
        "published_at": "2026-03-04",
        "text": "😀 Engineers found cracks in the Halvern Dam. Some 1,200 people were evacuated below the Halvern Dam on Wednesday.",
    },
    {
        "id": "dam-2",
        "title": "Halvern Dam evacuation grows",
        "source": "The Ledger",
        "published_at": "2026-03-20",
        "text": "Some 3,400 people have been evacuated below the Halvern Dam so far. Buses took them to Skell.",
    },
    {
        "id": "quake-1",
        "title": "Homes lost in Skell",
        "source": "Northern Herald",
        "published_at": "2026-04-02",
        "text": "The earthquake destroyed 640 homes in Skell.",
    },
    {
        "id": "quake-2",
        "title": "Homes lost in Skell",
        "source": "Orvane Broadcasting",
        "published_at": "2026-04-03",
        "text": "The earthquake destroyed 910 homes in Skell.",
    },
]


@pytest.fixture
def script() -> ScriptedGenerator:
    """A model that says one grounded sentence."""
    return ScriptedGenerator(["Some 3,400 people have been evacuated below the Halvern Dam [1]."])


@pytest.fixture
def services(tmp_path: Path, script: ScriptedGenerator) -> Iterator[Services]:
    """An archive of four articles."""
    settings = load_settings(data_dir=tmp_path)
    with build(settings, embedder=HashingEmbedder(256), generator=script) as built:
        built.ingest([article_from_row(row, now=NOW, max_chars=10_000) for row in ROWS])
        yield built


def ask(services: Services, question: str, **more: object) -> Answer:
    """The answer, asked on 1 June 2026 unless told otherwise."""
    request = AskRequest(question, **{"asked_at": NOW, **more})  # type: ignore[arg-type]
    return asyncio.run(services.answerer.ask(request))


def exact(services: Services, answer: Answer) -> bool:
    """Whether every citation's quote is exactly the stored characters."""
    places = [*answer.citations, *answer.nearest]
    return bool(places) and all(services.archive.article(c.article.id).text[c.start : c.end] == c.quote for c in places)


def test_every_sentence_of_a_grounded_answer_cites_exact_characters(services: Services) -> None:
    """The answer carries the model's words without its marks, and a citation that is a place in the stored text."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert answer.status is Status.ANSWERED
    assert answer.sentences[0].text == "Some 3,400 people have been evacuated below the Halvern Dam."
    assert answer.citations[0].article.id == "dam-2"
    assert exact(services, answer)
    assert answer.generator.kind == "model"


def test_an_earlier_figure_is_named_as_earlier(services: Services) -> None:
    """Behind the newest figure stands what it replaced, with its date and its own citation."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert answer.sentences[1:] == (
        AnswerSentence("An earlier report had some 1,200 people (Northern Herald, 4 March 2026).", Support.SUPPORTED, (2,)),
    )
    assert answer.citations[1].article.id == "dam-1"


def test_a_false_premise_is_denied_first(services: Services, script: ScriptedGenerator) -> None:
    """The model is not asked to go along with it; the answer is the article's own denial, cited."""
    row = {"id": "mayor", "text": "The mayor of Harsk did not resign over the dam.", "published_at": "2026-03-20"}
    services.ingest([article_from_row(row, now=NOW, max_chars=10_000)])
    answer = ask(services, "Why did the mayor of Harsk resign over the dam?")
    assert answer.status is Status.ANSWERED
    assert [one.text for one in answer.sentences] == ["The articles say otherwise: “The mayor of Harsk did not resign over the dam.”"]
    assert [one.article.id for one in answer.citations] == ["mayor"]
    assert exact(services, answer)
    assert answer.generator.fallback == "the question takes for granted what the articles deny"
    assert not script.prompts


def test_nothing_published_after_the_question_is_used(services: Services) -> None:
    """Asked on 10 March, the later article does not exist: not in the evidence, not in the coverage."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?", asked_at=datetime(2026, 3, 10, tzinfo=UTC))
    assert {one.article.id for one in answer.evidence} == {"dam-1"}
    assert answer.coverage.articles == 1
    assert all(citation.article.id == "dam-1" for citation in (*answer.citations, *answer.nearest))


def test_a_number_that_no_article_says_never_reaches_the_reader(services: Services, script: ScriptedGenerator) -> None:
    """An invented figure is cut; what is shown instead are the articles' own sentences, and the answer says so."""
    script.says("Some 9,900 people have been evacuated below the Halvern Dam [1].")
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert "9,900" not in answer.text
    assert answer.dropped == ("Some 9,900 people have been evacuated below the Halvern Dam.",)
    assert answer.generator.kind == "extractive"
    assert answer.generator.fallback == "what the model wrote is not carried by the articles"
    assert answer.sentences[0].text == answer.citations[0].quote
    assert exact(services, answer)


def test_a_model_that_finds_no_answer_in_the_evidence_is_believed(tmp_path: Path) -> None:
    """Asked for one token, before and after it drafts, it says No: nothing of the draft is shown, but the nearest passages are."""
    script = ScriptedGenerator(["Some 3,400 people."], logprobs={"Yes": -4.0, " No": -0.1})
    with build(load_settings(data_dir=tmp_path), embedder=HashingEmbedder(256), generator=script) as services:
        services.ingest([article_from_row(row, now=NOW, max_chars=10_000) for row in ROWS])
        answer = ask(services, "How many people evacuated below the Halvern Dam were children?")
        assert answer.status is Status.INSUFFICIENT_EVIDENCE
        assert answer.sentences == ()
        assert answer.nearest
        assert exact(services, answer)
        assert [prompt.max_tokens for prompt in script.prompts] == [1, 96, 1]


def test_the_judge_and_the_draft_share_what_they_read(services: Services, script: ScriptedGenerator) -> None:
    """Both prompts begin alike up to the question, so that the model reads the evidence once."""
    ask(services, "How many people have been evacuated below the Halvern Dam?")
    judge, draft, verified = script.prompts
    question = "Question: How many people have been evacuated below the Halvern Dam?"
    assert judge.system == draft.system == verified.system
    assert judge.user.partition(question)[0] == draft.user.partition(question)[0] == verified.user.partition(question)[0] != ""


def test_a_question_the_archive_knows_nothing_about_is_refused(services: Services, script: ScriptedGenerator) -> None:
    """The refusal shows the nearest passages and the archive's range, and the model is not even asked."""
    answer = ask(services, "Which orchestra plays Bruckner symphonies in Vienna?")
    assert answer.status is Status.INSUFFICIENT_EVIDENCE
    assert answer.sentences == ()
    assert answer.coverage.articles == 4
    assert script.prompts == []


def test_a_time_the_archive_has_nothing_from_is_outside_its_coverage(services: Services) -> None:
    """A question about 1994 is not answered from 2026."""
    answer = ask(services, "How many people were evacuated below the Halvern Dam in 1994?")
    assert answer.status is Status.OUTSIDE_COVERAGE
    assert answer.question.window is not None


def test_outlets_that_contradict_each_other_are_both_quoted(services: Services, script: ScriptedGenerator) -> None:
    """Whatever the model picked, both positions stand in the answer with their outlets."""
    script.says("The earthquake destroyed 640 homes in Skell [1].")
    answer = ask(services, "How many homes has the earthquake destroyed in Skell?")
    assert answer.status is Status.CONFLICTING
    assert {position.value for position in answer.conflicts[0].positions} == {"640", "910"}
    assert {citation.article.id for citation in answer.citations} == {"quake-1", "quake-2"}
    assert exact(services, answer)


def test_a_model_that_is_down_is_a_fallback_not_an_error(services: Services, script: ScriptedGenerator) -> None:
    """The best sentences are quoted instead, and the answer says why."""
    script.says(ModelUnavailable("the model is loading"))
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert answer.generator.kind == "extractive"
    assert answer.generator.fallback == "the model is loading"
    assert answer.sentences
    assert exact(services, answer)


def test_mode_model_insists_on_the_model(services: Services, script: ScriptedGenerator) -> None:
    """Who asks for the model gets an error rather than a lesser answer."""
    script.says(ModelUnavailable("the model is loading"))
    with pytest.raises(ModelUnavailable, match="loading"):
        ask(services, "How many people have been evacuated below the Halvern Dam?", mode=Mode.MODEL)


def test_extractive_answers_are_the_articles_own_sentences(services: Services, script: ScriptedGenerator) -> None:
    """Without a model, each sentence is its own quote."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?", mode=Mode.EXTRACTIVE)
    assert script.prompts == []
    assert answer.sentences[0].text == answer.citations[0].quote
    assert all(sentence.support is Support.SUPPORTED for sentence in answer.sentences)


def test_the_events_tell_the_same_as_the_answer(services: Services) -> None:
    """Understood, sources, raw text, then the checked sentences in order: what streams is what is returned."""
    events: list[Event] = []

    async def emit(event: Event) -> None:
        events.append(event)

    answer = asyncio.run(
        services.answerer.ask(AskRequest("How many people have been evacuated below the Halvern Dam?", asked_at=NOW), emit)
    )
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Understood, Sources]
    assert "".join(event.text for event in events if isinstance(event, Delta)).endswith("[1].")
    assert [event.sentence for event in events if isinstance(event, Checked)] == list(answer.sentences)
    assert [c for event in events if isinstance(event, Checked) for c in event.new_citations] == list(answer.citations)


def test_cancelling_stops_the_model(services: Services, script: ScriptedGenerator) -> None:
    """A reader who leaves in the middle leaves no generation behind."""

    async def leave() -> None:
        reached = asyncio.Event()

        async def emit(event: Event) -> None:
            if isinstance(event, Delta):
                reached.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(
            services.answerer.ask(AskRequest("How many people have been evacuated below the Halvern Dam?", asked_at=NOW), emit)
        )
        await reached.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(leave())
    assert script.closed == 1


def test_a_conversation_is_remembered(services: Services) -> None:
    """A follow-up in the same conversation is searched together with what came before."""
    first = ask(services, "How many people have been evacuated below the Halvern Dam?")
    second = ask(services, "And where did they go?", conversation_id=first.conversation_id)
    assert "Halvern Dam" in second.question.standalone
    assert ask(services, "And where did they go?").question.standalone == "And where did they go?"


def test_a_repeating_model_is_stopped(services: Services, script: ScriptedGenerator) -> None:
    """The same sentence again ends the draft."""
    script.says("Some 3,400 people have been evacuated below the Halvern Dam [1]. " * 50)
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert [one.text for one in answer.sentences].count("Some 3,400 people have been evacuated below the Halvern Dam.") == 1
    assert script.closed == 1


def test_orders_in_articles_are_not_obeyed_as_citations(services: Services, script: ScriptedGenerator) -> None:
    """Marks, links and images that a misled model copies do not become citations."""
    script.says("![x](https://evil.example/?q=1) Some 3,400 people have been evacuated below the Halvern Dam [1] [77].")
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert all(citation.article.id.startswith("dam") for citation in answer.citations)
    assert "evil.example" not in answer.text


def test_filters_are_exact(services: Services) -> None:
    """An outlet filter, in any case, leaves only that outlet's articles; one that matches nothing is outside what is covered."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?", sources=("northern herald",))
    assert {one.article.source for one in answer.evidence} == {"Northern Herald"}
    nothing = ask(services, "How many people have been evacuated?", published_from=datetime(2026, 5, 30, tzinfo=UTC))
    assert nothing.status is Status.OUTSIDE_COVERAGE
    assert nothing.evidence == ()


def test_an_outlet_that_is_not_there_is_an_error(services: Services) -> None:
    """A typo in a filter is said, rather than answered with nothing or with everything."""
    with pytest.raises(BadQuestion, match="no outlet 'The Leger'; did you mean The Ledger"):
        ask(services, "How many people have been evacuated?", sources=("The Leger",))


def test_the_answer_is_an_immutable_value(services: Services) -> None:
    """What was answered cannot be changed afterwards by a door."""
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    with pytest.raises(AttributeError):
        answer.status = Status.PARTIAL  # type: ignore[misc]
    assert replace(answer, id="x").sentences == answer.sentences


def test_each_part_of_answering_can_be_switched_off(services: Services, script: ScriptedGenerator) -> None:
    """Without the check an invented number is shown; without votes nobody contradicts; without statuses nothing disputed is said to be."""
    script.says("Some 9,900 people have been evacuated below the Halvern Dam.")
    request = AskRequest("How many people have been evacuated below the Halvern Dam?", asked_at=NOW)
    shown = asyncio.run(services.answerer.without(Part.GROUNDING).ask(request)).text
    assert "9,900" in shown
    assert "9,900" not in asyncio.run(services.answerer.ask(request)).text
    script.says("The earthquake destroyed 640 homes in Skell.")
    request = AskRequest("How many homes did the earthquake destroy in Skell?", asked_at=NOW)
    assert asyncio.run(services.answerer.ask(request)).status is Status.CONFLICTING
    assert asyncio.run(services.answerer.without(Part.VOTES).ask(request)).conflicts == ()
    assert asyncio.run(services.answerer.without(Part.STATUS).ask(request)).status is Status.ANSWERED


def test_where_a_draft_is_not_carried_what_it_meant_is_quoted(services: Services, script: ScriptedGenerator) -> None:
    """The sentence that says most of the draft, and nothing of the question is said to be unanswered."""
    script.says("Buses took 9,900 of them to Skell.")
    answer = ask(services, "How many people have been evacuated below the Halvern Dam?")
    assert answer.generator.kind == "extractive"
    assert answer.sentences[0].text == "Buses took them to Skell."
    assert answer.status is Status.ANSWERED


def test_several_things_asked_are_asked_one_by_one(services: Services, script: ScriptedGenerator) -> None:
    """Each has a prompt of its own over the same evidence; where one gets nothing that is carried, the answer is partial."""
    script._script = lambda prompt: (
        "Mars has two moons." if "where were" in prompt.user.rpartition("this part of it:")[2] else "Some 3,400 people have been evacuated."
    )
    answer = ask(services, "How many people have been evacuated below the Halvern Dam, and where were they taken?")
    drafts = [prompt for prompt in script.prompts if prompt.max_tokens > 1]
    assert ["this part of it: where were they taken?" in prompt.user for prompt in drafts] == [False, True]
    assert answer.status is Status.PARTIAL
