"""The chain that people write in an afternoon, as a baseline: LangChain's splitter, Chroma, and one prompt with everything in it.

RecursiveCharacterTextSplitter at 1,000 characters with 200 of overlap, the four nearest chunks, stuffed into one prompt. The
same encoder and the same model as Dateline. It knows no dates: what is newer than the question is found all the same.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.answering.neutral import neutral
from service.answering.prompting import PromptTemplate
from service.domain import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Coverage,
    Evidence,
    GeneratorUsed,
    Hit,
    Passage,
    Question,
    Scope,
    Status,
    Support,
    Usage,
)
from service.evaluation.cases import Case
from service.evaluation.systems import Response
from service.ports import Clock, Embedder, Generator, Prompt
from service.sentences import sentence_spans

if TYPE_CHECKING:
    from langchain_chroma import Chroma
    from langchain_core.documents import Document

NAME = "textbook"
CHUNK, OVERLAP, K = 1_000, 200, 4
PROMPT = "textbook.v1"
BATCH = 1_000
_UNKNOWN = re.compile(
    r"\b(?:(?:do|does|did)(?: not|n['’]t) (?:know|say|mention|contain|provide)|not (?:mentioned|stated|given|enough)|no information)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Textbook:
    """A `System`. Without a generator only its ranking is graded."""

    store: Chroma
    articles: dict[str, Article]
    prompt: PromptTemplate
    clock: Clock
    depth: int
    generator: Generator | None = None
    name: str = NAME

    async def respond(self, case: Case) -> Response:
        """The nearest chunks, and what the model makes of the first four."""
        began = time.perf_counter()
        hits = await asyncio.to_thread(self._search, case)
        spent = (time.perf_counter() - began) * 1000
        return Response(tuple(hits), await self._answer(case, hits[:K], spent) if self.generator else None, search_ms=spent)

    def _search(self, case: Case) -> list[Hit]:
        only: Any = {"article_id": {"$in": list(case.only_articles)}} if case.only_articles else None
        found = self.store.similarity_search_with_score(case.question, k=max(self.depth, K), filter=only)
        return [self._hit(document, distance) for document, distance in found]

    def _hit(self, document: Document, distance: float) -> Hit:
        article = self.articles[document.metadata["article_id"]]
        start = int(document.metadata["start_index"])
        return Hit(Passage.cut(article, 0, start, start + len(document.page_content)), article, -distance)

    async def _answer(self, case: Case, hits: Sequence[Hit], search_ms: float) -> Answer:
        """Its sentences, each resting on all that was put into the prompt: such a chain cites nothing more exact."""
        assert self.generator
        began = time.perf_counter()
        context = "\n\n".join(hit.passage.text for hit in hits)
        messages = self.prompt.template.format_messages(evidence=neutral(context), question=neutral(case.question))
        prompt = Prompt(str(messages[0].content), str(messages[1].content), self.prompt.max_tokens)
        text, usage = "", Usage()
        async for piece in self.generator.stream(prompt):
            text, usage = text + piece.text, piece.usage or usage
        spans = sentence_spans(text)
        refused = not spans or bool(_UNKNOWN.search(text[spans[0][0] : spans[0][1]]))
        citations = tuple(
            Citation(number, hit.article, hit.passage.text, hit.passage.start, hit.passage.end) for number, hit in enumerate(hits, 1)
        )
        markers = tuple(citation.marker for citation in citations)
        asked_at = case.asked_at or self.clock()
        spent = (time.perf_counter() - began) * 1000
        return Answer(
            id=f"ans_{secrets.token_hex(10)}",
            conversation_id="",
            question=Question(case.question, case.question, asked_at, Scope(asked_at, article_ids=case.only_articles)),
            status=Status.INSUFFICIENT_EVIDENCE if refused else Status.ANSWERED,
            sentences=tuple(AnswerSentence(text[start:end], Support.UNSUPPORTED, markers) for start, end in spans if not refused),
            citations=() if refused else citations,
            conflicts=(),
            nearest=citations if refused else (),
            coverage=Coverage(len(self.articles)),
            generator=GeneratorUsed(self.generator.name, "model"),
            timings_ms={"search": round(search_ms, 1), "generate": round(spent, 1), "total": round(search_ms + spent, 1)},
            usage=usage,
            evidence=tuple(
                Evidence(number, hit.article, hit.passage, hit.passage.start, hit.passage.end, hit.passage.text, hit.score)
                for number, hit in enumerate(hits, 1)
            ),
        )


class _Embeddings:
    """LangChain's `Embeddings` over our encoder: texts of the corpus through `passages`, questions through `questions`."""

    def __init__(self, passages: Embedder, questions: Embedder) -> None:
        self._passages = passages
        self._questions = questions

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(value) for value in row] for row in self._passages.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return [float(value) for value in self._questions.embed_questions([text])[0]]


@contextmanager
def textbook(
    articles: Iterable[Article], *, passages: Embedder, questions: Embedder, prompt: PromptTemplate, clock: Clock, depth: int,
    generator: Generator | None = None,
) -> Iterator[Textbook]:  # fmt: skip
    """The chain over these articles, its index in memory until the `with` is left."""
    from chromadb import EphemeralClient
    from chromadb.config import Settings as ChromaSettings
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    by_id = {article.id: article for article in articles}
    documents = [Document(article.text, metadata={"article_id": article.id}) for article in by_id.values()]
    chunks = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP, add_start_index=True).split_documents(documents)
    store = Chroma(
        collection_name=f"textbook-{secrets.token_hex(4)}",
        embedding_function=_Embeddings(passages, questions),  # type: ignore[arg-type]
        client=EphemeralClient(ChromaSettings(anonymized_telemetry=False)),
    )
    try:
        for start in range(0, len(chunks), BATCH):
            store.add_documents(chunks[start : start + BATCH])
        yield Textbook(store, by_id, prompt, clock, depth, generator)
    finally:
        store.delete_collection()
