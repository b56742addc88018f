"""One invented agency text and what outlets make of it, for the tests of stories."""

AGENCY = [
    "The harbour authority of Port Asel will close the eastern quay for eleven weeks from 4 May, it said on Monday, after divers "
    "found that shipworm had eaten through 212 of the 640 oak piles on which it stands.",
    "The quay, built in 1891 and last strengthened in 1964, carries a third of the town's grain trade. Ships bound for it will be "
    "sent to the deeper western basin, where the authority has rented two floating cranes from a yard in Kelmar.",
    "“Nobody is in danger today, but a lorry with a full load has no business on that timber,” said Ilse Vantor, who heads the "
    "authority's works department. She put the cost of new steel piles at 18 million orrans.",
    "Grain merchants said that they had not been asked. Their association fears queues of up to nine days at harvest time and wants "
    "the work put off until November, when most of the wheat has been shipped.",
    "Shipworm, a clam that bores into wood, has spread along the coast as the sea has grown warmer. The harbour of Lune lost a pier "
    "to it two years ago, and the fishing port of Ostrel replaced its moorings last winter.",
]
INSERTED = "The town's mayor, Per Haldane, told this newspaper that he would ask the government in Merrin for half of that sum."
FOLLOW_UP = (
    "Two floating cranes from Kelmar arrived in Port Asel on Tuesday, a day after the harbour closed its eastern quay to lorries, and "
    "the first grain ship, the Lodestar, was unloaded in the western basin without delay. Dockers said that the work had gone better "
    "than they had feared, although one crane stood idle for two hours because its cable was too short. The union has asked for a "
    "bonus for night shifts. " + AGENCY[4]
)
REWRITTEN = (
    "Repairs to Port Asel's eastern quay will take fourteen weeks and cost 23 million orrans, the harbour authority admitted on "
    "Thursday, raising both figures after a second inspection. Divers now count 287 rotten piles out of 640. "
    "“We looked deeper and found more,” Ilse Vantor, its head of works, told reporters beside the fenced-off timber. Merchants, who "
    "ship a third of their grain from there, called the new timetable a disaster for the harvest and demanded talks this week. " + AGENCY[1]
)
APART = (
    "Lorries have vanished from the oldest part of Port Asel's harbour. Since divers reported that clams had hollowed out more than "
    "two hundred of its oak piles, the eastern quay has been judged too weak for heavy loads, and for eleven weeks from the fourth of "
    "May it will be shut altogether. Grain, a third of which used to leave from here, must now queue in the western basin. Exporters "
    "are furious. New steel legs for the structure, which dates from 1891, will cost eighteen million orrans."
)


def joined(*paragraphs: str) -> str:
    """An article of these paragraphs."""
    return "\n\n".join(paragraphs)


WHOLE = joined(*AGENCY)
CUT = joined(*AGENCY[:4])
WIDENED = joined(*AGENCY[:3], INSERTED, *AGENCY[3:])
BRIEF = AGENCY[0]
EDITED = WHOLE.replace("Monday", "13 April").replace("“", '"').replace("”", '"').replace("town's", "town’s").replace("The quay", "THE QUAY")
"""Other quotation marks, a date for a weekday, capitals."""
