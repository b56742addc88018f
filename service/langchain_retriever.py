"""Dateline's search as a LangChain retriever, for people who build on it.

from service.bootstrap import build
from service.langchain_retriever import DatelineRetriever
from service.settings import load_settings

with build(load_settings(), writable=False) as services:
    documents = DatelineRetriever(services=services, k=8).invoke("Who won the cup final?")
"""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from service.answering.request import AskRequest
from service.services import Services
from service.wire_search import hit_out


class DatelineRetriever(BaseRetriever):
    """Passages as documents: the text as content, everything `/v1/search` says about a passage as metadata."""

    services: Any
    k: int = 8

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        services: Services = self.services
        found = services.search(AskRequest(query), self.k)
        return [Document(hit.passage.text, id=hit.passage.id, metadata=hit_out(hit)) for hit in found.hits]
