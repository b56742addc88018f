"""The judge of entailment, over a real cross-encoder of a few kilobytes."""

import asyncio
import json
from pathlib import Path

import pytest
from test_reranker import write_model

from service.domain import Article, Evidence, Passage
from service.errors import ModelNotFound
from service.models.nli import NliJudge

TEXT = "The council closed the bridge on monday"


def over(text: str) -> list[Evidence]:
    """One sentence of evidence."""
    article = Article("a", text)
    return [Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)]


def labelled(folder: Path, *labels: str) -> Path:
    """A tiny model with these labels."""
    write_model(folder, labels=len(labels))
    config = folder / "config.json"
    raw = json.loads(config.read_text("utf-8")) | {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: n for n, label in enumerate(labels)},
    }
    config.write_text(json.dumps(raw), encoding="utf-8")
    return folder


def odds(folder: Path, claim: str = "the bridge was closed", text: str = TEXT) -> float | None:
    """What the model in this folder says."""
    return asyncio.run(NliJudge(str(folder)).odds(claim, over(text)))


def test_the_odds_are_those_of_entailment(tmp_path: Path) -> None:
    """Premise first, claim second; the softmax of the label called entailment, against all others."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = labelled(tmp_path, "CONTRADICTION", "ENTAILMENT", "NEUTRAL")
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        shares = model(**tokenizer(TEXT, "the bridge was closed", return_tensors="pt")).logits.softmax(dim=1)[0]
    assert odds(folder) == pytest.approx(float(torch.log(shares[1] / (1 - shares[1]))), abs=1e-3)


def test_a_model_of_one_label_gives_its_logit(tmp_path: Path) -> None:
    """Such models are trained to say how consistent a claim is."""
    assert odds(labelled(tmp_path, "consistent")) is not None


def test_claim_and_evidence_both_count(tmp_path: Path) -> None:
    """Another of either is another verdict."""
    folder = labelled(tmp_path, "entailment", "not_entailment")
    assert len({odds(folder), odds(folder, claim="bread is baked"), odds(folder, text="rain on monday")}) == 3


def test_a_model_without_entailment_cannot_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A classifier of something else is named as such in the log, and the answer goes on without it."""
    assert odds(labelled(tmp_path, "positive", "negative")) is None
    assert "no label for entailment" in caplog.text


def test_a_folder_that_is_none_cannot_say_and_the_doctor_says_why(tmp_path: Path) -> None:
    """The setting is named."""
    assert odds(tmp_path) is None
    with pytest.raises(ModelNotFound, match="DATELINE_JUDGE"):
        NliJudge(str(tmp_path)).examine()
