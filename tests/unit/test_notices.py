"""What is a correction or a retraction, of which article, and what is only news of one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain import Article, NoticeKind
from service.indexing.notices import MAX_SAID, notice_of

PRINTED_AT = datetime(2026, 6, 13, tzinfo=UTC)
STORY = (
    "Rain fell on Hallin for the ninth day. Farmers moved their sheep to the hill, and the ferry did not sail.\n\n"
    "The post came late. Nobody minded, said Pim Astor, who carries it. "
) * 8
"""Paragraphs without a notice, longer than one."""


def article(title: str, text: str, source: str | None = "The Courier", **fields: Any) -> Article:
    """An article of the Courier, unless it says otherwise."""
    return Article("a", text, title=title, source=source, published_at=PRINTED_AT, **fields)


def title_of(one: Article) -> str:
    """What a case is called."""
    return one.title


def kind_and_subject(one: Article) -> tuple[NoticeKind, str | None] | None:
    """What the article does, and to which article."""
    notice = notice_of(one)
    return notice and (notice.kind, notice.corrects)


CORRECTS_ITSELF = [
    article(
        "Council approves bridge", f"{STORY}\n\nAn earlier version of this article misstated the length of the bridge. It is 140 metres."
    ),
    article("Council approves bridge", f"{STORY}\n\nThis article was amended on 4 May 2026 to correct the name of the engineer."),
    article(
        "Council approves bridge",
        f"Editor’s Note: The headline of this story has been corrected to say that the vote was on Monday.\n\n{STORY}",
    ),
    article(
        "Bridge opens",
        f"{STORY}\n\nCorrections and clarifications: In a previous version of this story, the year of the opening was "
        "misstated. It was 1969.",
    ),
    article("Bridge opens", f"{STORY}\n\nThis story was updated because an earlier version included an inaccuracy."),
    article("Bridge opens", f"{STORY}\n\n*Correction: A previous version of this story included a mistake about the funding."),
    article(
        "Bridge opens",
        f"{STORY}\n\nAn earlier version of this story attributed the whole sum to a single company. The story has been updated "
        "to name the others.",
    ),
    article("Bridge opens", f"{STORY}", metadata={"correction": "The date of the opening was wrong in the first version; it is 14 May."}),
    article(
        "Brücke eröffnet",
        "Die Brücke ist offen.\n\nKorrektur: In einer früheren Version dieses Artikels hieß es, die Brücke sei 410 Meter lang. "
        "Richtig sind 140 Meter.",
    ),
    article(
        "Le pont ouvre", "Le pont est ouvert.\n\nRectificatif : le pont mesure 140 mètres et non 410 comme nous l'avions écrit par erreur."
    ),
    article("Bridge opens", f"{STORY}\n\nClarification: The mayor spoke for herself and not for the council."),
    article("CORRECTED-Bridge to cost 121 million", f"(Corrects cost in first paragraph to 121 million from 112 million)\n\n{STORY}"),
    article("School meals are free", f"{STORY}\n\nCorrection, 5 June: The number of children is 400, not 4,000."),
    article("School meals are free", f"{STORY}\n\nThis article was corrected on 5 June. It had said 4,000 children; the figure is 400."),
    article(
        "School meals are free",
        f"{STORY}\n\n• This piece was amended on 5 June 2026 because an earlier version said 4,000 children were fed when it meant 400.",
    ),
    article(
        "School meals are free",
        f"Editor's note: An earlier headline on this story gave the wrong number of children. The headline has been changed.\n\n{STORY}",
    ),
    article("School meals are free", f"{STORY}\n\n[Correction appended: the head teacher is Mona Vail, not Mina Vale.]"),
    article("School meals are free", f"{STORY}\n\nThis story has been corrected to show that the head teacher's name is Mona Vail."),
    article("School meals are free", f"{STORY}\n\nErratum: for “4,000 children” read “400 children”."),
    article(
        "The secret cellar under the town hall",
        f"{STORY}",
        metadata={"correction": {"@type": "CorrectionComment", "text": "The cellar is under the library.", "datePublished": "2026-04-13"}},
    ),
    article(
        "Das Rathaus und sein Keller",
        "Unter dem Rathaus liegt ein Keller.\n\nAnm. d. Red.: In einer früheren Fassung dieses Textes stand irrtümlich, der "
        "Keller sei 30 Meter tief.",
    ),
    article("Ferry fares to rise", f"{STORY}\n\nClarification (12 March): The new fares apply to cars only, not to foot passengers."),
    article("Ferry fares to rise", f"{STORY}\n\nThis article was updated on 12 March to correct the price of a ticket for a child."),
    article("Ferry fares to rise", f"{STORY}\n\nA previous version of this article gave the wrong price for children."),
    article("Ferry fares to rise", f"{STORY} The original version of this story misquoted Captain Ada Ross."),
    article(
        "Ferry fares to rise",
        f"{STORY}\n\nCORRECTION\n\nThe captain's name is Ada Ross. An earlier version of this report had it as Ida Roos.",
    ),
    article(
        "Ferry fares to rise", f"{STORY}\n\nEditor's note: The reference to a strike has been removed from this story because it was wrong."
    ),
    article("Fährpreise steigen", "Die Preise steigen.\n\nAnmerkung der Redaktion: Wir haben den Namen der Kapitänin korrigiert."),
]

CORRECTS_ANOTHER = [
    article(
        "Correction: cost of the Varn bridge",
        'Correction: An article of 9 March ("Bridge to cost more") gave the wrong cost. It said 112 million. The correct '
        "figure is 121 million.",
    ),
    article(
        "Corrections",
        "A story on Page 3 of Tuesday's edition misspelled the name of the harbour master. She is Ilsa Brandt. The Gazette "
        "regrets the error.",
        source="The Gazette",
    ),
    article(
        "Correction",
        "A report in Monday's paper about the ferry Tern wrongly said that the ship was built in 1989. She was built in 1999. "
        "We apologise for the mistake.",
    ),
    article(
        "Corrections and clarifications",
        '• An article about school meals ("Lunch on the house", 3 June, page 7) said that 4,000 children were fed. It should '
        "have said 400.",
    ),
    article(
        "Clarification: harbour fees",
        "In our report on harbour fees of 2 May we said that all boats would pay. Boats under six metres are exempt.",
    ),
    article(
        "Berichtigung",
        "Berichtigung: In unserem Bericht vom 3. Juni haben wir den Namen der Schulleiterin falsch geschrieben. Sie heißt Mona Vail.",
    ),
    article("Ferry fares to rise", f"{STORY}\n\nThe Gazette regrets the error in yesterday's table of fares.", source="The Gazette"),
    article("Correction: ferry fares", "Foot passengers will pay 4 orrans and not 6, as we wrote on Tuesday. The mistake was ours."),
    article(
        "Apology", "On 3 March we reported that Pim Astor had stolen a sheep. This was untrue. We apologise to Mr Astor for the mistake."
    ),
]

RETRACTS_ITSELF = [
    article("Bridge survey", "This article has been retracted. The survey it rested on was made up by a former freelance."),
    article("RETRACTED: Bridge survey finds cracks", f"{STORY}"),
    article("Bridge opens", f"{STORY}", metadata={"creativeWorkStatus": "Retracted"}),
    article("Petrel refloated", f"{STORY}\n\nWe have withdrawn the article that stood here, because its author had copied parts of it."),
    article(
        "The secret cellar under the town hall",
        "RETRACTED\n\nThis story has been withdrawn after we learned that the photographs were staged.",
    ),
    article(
        "The secret cellar under the town hall",
        "This article has been removed because it did not meet our standards. We apologise to readers.",
    ),
    article("The secret cellar under the town hall", f"{STORY}", metadata={"status": "withdrawn"}),
    article(
        "Ferry fares to rise",
        "Note from the editors: after publication we learned that a quote in this article was invented. The article has been withdrawn.",
    ),
    article("Ferry fares to rise", "We have retracted this story. The documents that it was based on were forged."),
    article("Ferry fares to rise [retracted]", f"{STORY}"),
]

RETRACTS_ANOTHER = [
    article(
        "Retraction: Bridge survey",
        'The Courier has withdrawn the article "Bridge survey finds cracks" of 9 March. The survey never took place.',
    ),
    article(
        "Retraction notice: “The secret cellar under the town hall”",
        "On 12 April we published a story about a cellar under the town hall. We have since learned that the photographs were "
        "staged, and we retract the story in full.",
    ),
    article(
        "Notice of retraction",
        "In March the Gazette printed an article under the headline “Gold in the harbour”. The assay was a hoax. The Gazette "
        "retracts the article and apologises to the harbour authority.",
        source="The Gazette",
    ),
]

NEWS = [
    article("Council approves bridge", f"{STORY}\n\n(This story has been updated to add new information.)"),
    article("Council approves bridge", f"{STORY}\n\nNote: An earlier version of this story first ran in November 2024."),
    article(
        "Council approves bridge",
        "Editor's note: This page is a summary of news on the bridge for Monday. For the latest, read our coverage for "
        f"Tuesday.\n\n{STORY}",
    ),
    article(
        "Observatory withdraws ticking star",
        "The observatory withdrew its best-known discovery on Thursday. The paper has been retracted, its director said.",
    ),
    article(
        "Journal retracts study of bees",
        "The journal Orvane Science has retracted an article on bees published in 2019. An earlier version of the study had "
        "been criticised.",
    ),
    article(
        "Prices eased in September",
        f"{STORY}\n\nThe office also corrected its figure for July. Inflation was 4.0 percent and not 3.9 percent as first published.",
    ),
    article(
        "Stock market correction: what it is",
        "A correction is a fall of 10 percent. Correction territory is generally understood to mean that.\n\nWhat is a stock "
        "market correction?\n\nEvery investment is subject to corrections.",
    ),
    article(
        "Utility says sorry",
        '"We regret the error," the utility said in a statement on Monday, after 4,000 bills were sent twice. "This article '
        'has been withdrawn from our shop."',
    ),
    article(
        "Correction: markets brace for a fall",
        "Shares have risen for eleven months without a pause. Analysts at Harbour Mutual expect a drop of a tenth by the "
        "summer. Others disagree.",
    ),
    article(
        "Trial hears of altered report",
        "The inspector told the court that an earlier version of this report had said the beam was sound. The report was "
        "amended in May to remove the line, he added.",
    ),
    article(
        "Herald says sorry for bridge story",
        "The Northern Herald has retracted its story on the bridge and apologised to the mayor. It said that its reporter had "
        "invented two witnesses.",
    ),
    article(
        "Ministry amends harbour law",
        "This law was amended in 2019 to correct an oversight. The minister regrets the error and has apologised to the fishermen for it.",
    ),
    article(
        "Minister sorry for wrong figure",
        "The minister gave the wrong figure to parliament on Monday and corrected it on Tuesday. An earlier version of the "
        "speech had the right one.",
    ),
    article(
        "Retraction of gums: what dentists say",
        "Gum retraction affects one adult in three. Retraction is slow and seldom hurts. A soft brush helps, a clinic said.",
    ),
    article(
        "Courtroom correction",
        '"Correction: I was there at nine, not ten," the witness told the judge. The judge thanked her and asked the clerk to note it.',
    ),
    article(
        "School meals are free",
        f"Editor's note: This story contains descriptions of medical errors that some readers may find upsetting.\n\n{STORY}",
    ),
    article("School meals are free", f"{STORY}\n\nThis story was updated to reflect the council's vote on Wednesday evening."),
    article("School meals are free", f"{STORY}\n\nAn earlier version of this article appeared in the spring issue of the Harbour Review."),
    article(
        "Department of Correction hires 40 guards",
        "The Department of Correction is to hire 40 guards. Correction officers have worked double shifts since "
        "May.\n\nCorrections: the state's largest employer\n\nNo other department has grown so fast.",
    ),
    article(
        "The Ledger withdraws from press council",
        "The Ledger has withdrawn from the press council, which had asked it to retract an article on the harbour. The paper "
        "stands by its report.",
        source="The Ledger",
    ),
    article(
        "Supermarket withdraws cheese",
        "This article has been removed from the shelves of all 40 shops, the chain said, and customers will get their money back.",
    ),
    article(
        "Poet's lost story found",
        "This story was withdrawn from the school reader in 1951 and forgotten. A librarian in Port Asel has found the proofs.",
    ),
    article(
        "Bank statement",
        "The bank's notice said: This report was updated to correct two errors in the balance sheet. Shares fell by 3 percent.",
    ),
    article(
        "Wire service retracts quake alert",
        "Coast Wire retracted an alert on Monday about a strong earthquake off Hallin. The alert had been sent in error during "
        "a drill, the agency said.",
    ),
    article(
        "How we correct our mistakes",
        "When we make a mistake we correct it. A correction is printed on page two, and online the article says at its foot "
        "that it was amended. Readers may write to us.",
    ),
    article(
        "Clarification sought on ferry fares",
        "The islands asked for clarification on Tuesday: will the fare rise in May or not? The line would not say.",
    ),
    article(
        "Gazette corrects itself over sheep theft",
        "The Port Asel Ledger printed a correction on Tuesday. It had said that a postman stole a sheep. “We regret the "
        "error,” its editor wrote.",
    ),
    article(
        "Retraction: how a hoax about gold ended a career",
        "When the assay turned out to be false, the geologist left the island. Her old colleagues still speak of her with warmth.",
    ),
    article(
        "Court tells blog to withdraw post",
        "A blogger must withdraw a post on the harbour, a court ruled. “This post has been removed,” the page now says.",
    ),
    article(
        "Ministry withdraws report",
        "The ministry has withdrawn a report on sheep after farmers found errors in it. A corrected version will follow in May.",
    ),
    article("Ferry fares to rise", f"{STORY}\n\nEditor's note: Pim Astor is a relative of the author of this article."),
    article("Ferry fares to rise", f"{STORY}\n\nThis is a developing story and has been updated throughout."),
    article(
        "Ferry fares to rise",
        f"{STORY}\n\nThis article was first published in the spring and was amended in May to include the new timetable.",
    ),
    article(
        "Map of the week", "This map was corrected by sailors for 200 years, and still it was wrong. Now the navy has drawn a new one."
    ),
    article(
        "Letter to the editor", "Sir, your report was mistaken. An earlier version of the timetable had the 8.15 boat. Please correct this."
    ),
    article(
        "Clarification: a history of butter",
        "Butter is clarified by slow heat. In Orvane this has been done for a thousand years, and not only in kitchens.",
    ),
    article("Ferry fares to rise", f"{STORY}", metadata={"status": "published", "corrections": ""}),
    article(
        "This story was withdrawn",
        "The novel's last chapter was withdrawn by its author in 1911. This story has been told many times since, wrongly as a rule.",
    ),
]


@pytest.mark.parametrize("one", CORRECTS_ITSELF, ids=title_of)
def test_an_article_that_corrects_itself(one: Article) -> None:
    """A note in the text, a corrected headline, or the source's own word."""
    assert kind_and_subject(one) == (NoticeKind.CORRECTION, "a")


@pytest.mark.parametrize("one", CORRECTS_ANOTHER, ids=title_of)
def test_a_correction_of_another_article(one: Article) -> None:
    """Which one is not known from the notice alone."""
    assert kind_and_subject(one) == (NoticeKind.CORRECTION, None)


@pytest.mark.parametrize("one", RETRACTS_ITSELF, ids=title_of)
def test_an_article_that_is_retracted_where_it_stands(one: Article) -> None:
    """By its headline, in its text, or by the status that its source gives."""
    assert kind_and_subject(one) == (NoticeKind.RETRACTION, "a")


@pytest.mark.parametrize("one", RETRACTS_ANOTHER, ids=title_of)
def test_a_retraction_of_another_article(one: Article) -> None:
    """In a notice of its own."""
    assert kind_and_subject(one) == (NoticeKind.RETRACTION, None)


@pytest.mark.parametrize("one", NEWS, ids=title_of)
def test_what_is_no_notice(one: Article) -> None:
    """News of corrections and withdrawals, what somebody is quoted as saying, other notes of editors, updates without an error."""
    assert notice_of(one) is None


@pytest.mark.parametrize(
    ("title", "text", "said"),
    [
        ("Correction", "Corrections.\n\nAn article of 9 March gave a wrong cost. It said 112.", "An article of 9 March gave a wrong cost."),
        ("Rain", f"{STORY}\n\n(This article was corrected on 5 June. It had said ten.)", "This article was corrected on 5 June."),
        ("Rain", f"{STORY}\n\nCORRECTION\n\nThe  captain\tis not Ida but Ada.", "CORRECTION The captain is not Ida but Ada."),
        ("RETRACTED: Rain", STORY, "RETRACTED: Rain"),
    ],
)
def test_the_sentence_that_says_so(title: str, text: str, said: str) -> None:
    """On one line; with the next where it is only a label; the headline where nothing else says so."""
    notice = notice_of(article(title, text))
    assert notice is not None
    assert (notice.said, notice.article_id, notice.published_at) == (said, "a", PRINTED_AT)


def test_a_long_sentence_is_cut_at_a_word() -> None:
    """At most so many characters are kept."""
    notice = notice_of(article("Rain", "This article has been retracted because " + "of rain and " * 90 + "snow."))
    assert notice is not None
    assert len(notice.said) <= MAX_SAID
    assert notice.said.endswith(("rain…", "of…", "and…"))


def test_a_retraction_goes_before_a_correction() -> None:
    """An article that was corrected first and retracted later is retracted."""
    one = article("Rain", f"{STORY}\n\nCorrection: it rained for ten days, not nine.\n\nThis article has been retracted.")
    assert kind_and_subject(one) == (NoticeKind.RETRACTION, "a")


@pytest.mark.parametrize(
    "text", ["Correction:\n", "Editor's note: error\n", "this story and ", "The Courier has ", ". An earlier version of this story", "\n"]
)
def test_a_text_made_of_labels_is_read_to_an_end(text: str) -> None:
    """However often a label is repeated, only so many places are looked at, and none of these is a notice."""
    assert notice_of(article("Rain", text * 50_000)) is None
