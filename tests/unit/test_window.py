"""Time windows read out of questions."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Window
from service.retrieval.window import combined, find_as_of, find_windows

ASKED_AT = datetime(2026, 5, 20, 15, 30, tzinfo=UTC)  # a Wednesday

DAYS = """
What happened today?                                   | 2026-05-20 | 2026-05-21
What happened yesterday?                               | 2026-05-19 | 2026-05-20
What happened yesterday evening?                       | 2026-05-19 | 2026-05-20
Yesterday, who resigned?                               | 2026-05-19 | 2026-05-20
What was yesterday's result?                           | 2026-05-19 | 2026-05-20
What happened the day before yesterday?                | 2026-05-18 | 2026-05-19
What will happen tomorrow?                             | 2026-05-21 | 2026-05-22
What will happen the day after tomorrow?               | 2026-05-22 | 2026-05-23
Who speaks tonight?                                    | 2026-05-20 | 2026-05-21
What happened this morning?                            | 2026-05-20 | 2026-05-21
What burnt down last night?                            | 2026-05-19 | 2026-05-21
What happened on 3 March?                              | 2026-03-03 | 2026-03-04
What happened on March 3?                              | 2026-03-03 | 2026-03-04
What happened on November 16th?                        | 2025-11-16 | 2025-11-17
What happened on the 3rd of March 2026?                | 2026-03-03 | 2026-03-04
What happened on the third of March 2026?              | 2026-03-03 | 2026-03-04
What happened on March 3, 2026?                        | 2026-03-03 | 2026-03-04
What happened on march 3, 2026?                        | 2026-03-03 | 2026-03-04
What happened on 4 Oct 2023?                           | 2023-10-04 | 2023-10-05
What happened on Oct. 4, 2023?                         | 2023-10-04 | 2023-10-05
What happened on Sept. 4, 2023?                        | 2023-09-04 | 2023-09-05
What happened on Wednesday, October 4, 2023?           | 2023-10-04 | 2023-10-05
What happened on Monday 3 March 2025?                  | 2025-03-03 | 2025-03-04
What happened on 3 March last year?                    | 2025-03-03 | 2025-03-04
What happened on the night of 3 March 2025?            | 2025-03-03 | 2025-03-04
What got through yesterday?                            | 2026-05-19 | 2026-05-20
Which loss to a rival published on 3 March 2025 hurt?  | 2025-03-03 | 2025-03-04
Who was hit by yesterday's storm?                      | 2026-05-19 | 2026-05-20
What happened on the last Friday of May 2025?          | 2025-05-30 | 2025-05-31
What happened on the first Monday in May?              | 2026-05-04 | 2026-05-05
What happened on the fifth of November, 2024?          | 2024-11-05 | 2024-11-06
What happened on Thursday, 3 April?                    | 2026-04-03 | 2026-04-04
What happened on 2026-03-03?                           | 2026-03-03 | 2026-03-04
What happened on 2026/03/03?                           | 2026-03-03 | 2026-03-04
What happened on 13/04/2023?                           | 2023-04-13 | 2023-04-14
What happened on 04/13/2023?                           | 2023-04-13 | 2023-04-14
What happened on 05/05/2023?                           | 2023-05-05 | 2023-05-06
Who wrote 'the article' published at '2022-11-08T21:05:00+00:00'? | 2022-11-08 | 2022-11-09
Who wrote what was published on "2023-10-04"?          | 2023-10-04 | 2023-10-05
Which report of 2023-10-04T23:30:00-05:00 says so?     | 2023-10-05 | 2023-10-06
Which report of 12 March 2024 says so?                 | 2024-03-12 | 2024-03-13
What does the December 5, 2023 article say?            | 2023-12-05 | 2023-12-06
What was open on New Year's Eve?                       | 2025-12-31 | 2026-01-01
What was open on New Year’s Day?                       | 2026-01-01 | 2026-01-02
Who spoke at Christmas?                                | 2025-12-25 | 2025-12-26
Who spoke on Christmas Eve 2023?                       | 2023-12-24 | 2023-12-25
Who spoke on Christmas Day last year?                  | 2025-12-25 | 2025-12-26
What happened on Boxing Day?                           | 2025-12-26 | 2025-12-27
What happened on Halloween?                            | 2025-10-31 | 2025-11-01
What was said on the eve of the vote of 12 March 2024? | 2024-03-11 | 2024-03-12
How high was the water three days ago?                 | 2026-05-17 | 2026-05-18
How high was the water a year ago today?               | 2025-05-20 | 2025-05-21
"""

WEEKDAYS = """
What happened on Monday?                               | 2026-05-18 | 2026-05-19
What happened on Wednesday?                            | 2026-05-20 | 2026-05-21
What happened on Thursday?                             | 2026-05-14 | 2026-05-15
what happened on monday?                               | 2026-05-18 | 2026-05-19
What happened on Monday night?                         | 2026-05-18 | 2026-05-19
What happened on Fri?                                  | 2026-05-15 | 2026-05-16
What happened last Friday?                             | 2026-05-15 | 2026-05-16
What happened last Wednesday?                          | 2026-05-13 | 2026-05-14
What happens this Friday?                              | 2026-05-22 | 2026-05-23
What happens next Friday?                              | 2026-05-29 | 2026-05-30
What happens this coming Monday?                       | 2026-05-25 | 2026-05-26
What happened this past Monday?                        | 2026-05-18 | 2026-05-19
What happened on Monday this week?                     | 2026-05-18 | 2026-05-19
What happened on Friday of last week?                  | 2026-05-15 | 2026-05-16
What happened last week on Tuesday?                    | 2026-05-12 | 2026-05-13
Where did the lorry get stuck Tuesday?                 | 2026-05-19 | 2026-05-20
Trams stood still for hours Monday in which district?  | 2026-05-18 | 2026-05-19
Who won Tuesday's vote?                                | 2026-05-19 | 2026-05-20
What has changed since Monday?                         | 2026-05-18 | -
What happened from Monday to Wednesday?                | 2026-05-18 | 2026-05-21
What happened between Friday and Tuesday?              | 2026-05-15 | 2026-05-20
"""

WEEKS = """
What was decided this week?                            | 2026-05-18 | 2026-05-25
What was this week's surprise?                         | 2026-05-18 | 2026-05-25
What was decided last week?                            | 2026-05-11 | 2026-05-18
Last week, what was decided?                           | 2026-05-11 | 2026-05-18
What was decided in the previous week?                 | 2026-05-11 | 2026-05-18
What was decided the week before last?                 | 2026-05-04 | 2026-05-11
What is planned for next week?                         | 2026-05-25 | 2026-06-01
What was decided early this week?                      | 2026-05-18 | 2026-05-20
What was decided late last week?                       | 2026-05-15 | 2026-05-18
Who won last weekend?                                  | 2026-05-16 | 2026-05-18
Who won at the weekend?                                | 2026-05-16 | 2026-05-18
Who won over the weekend?                              | 2026-05-16 | 2026-05-18
Who won this past weekend?                             | 2026-05-16 | 2026-05-18
Who plays this weekend?                                | 2026-05-23 | 2026-05-25
Who plays next weekend?                                | 2026-05-30 | 2026-06-01
What happened two weeks ago?                           | 2026-05-04 | 2026-05-11
What happened a couple of weeks ago?                   | 2026-05-04 | 2026-05-11
What happened a fortnight ago?                         | 2026-05-04 | 2026-05-11
What happened in the week of 3 March 2025?             | 2025-03-03 | 2025-03-10
What happened in the week of 6 March 2025?             | 2025-03-03 | 2025-03-10
What happened in the week ending 7 March 2025?         | 2025-03-01 | 2025-03-08
What happened in the first week of May?                | 2026-05-01 | 2026-05-08
What happened in the last week of March 2025?          | 2025-03-25 | 2025-04-01
What happened in the second week of March 2025?        | 2025-03-08 | 2025-03-15
"""

MONTHS = """
What did the bank do in April?                         | 2026-04-01 | 2026-05-01
what did the bank do in april?                         | 2026-04-01 | 2026-05-01
What did the bank do in May?                           | 2026-05-01 | 2026-06-01
What did the bank do in September?                     | 2025-09-01 | 2025-10-01
What did the bank do in December?                      | 2025-12-01 | 2026-01-01
What did the bank do in Sept.?                         | 2025-09-01 | 2025-10-01
What did the bank do in March 2026?                    | 2026-03-01 | 2026-04-01
What did the bank do in march 2026?                    | 2026-03-01 | 2026-04-01
What did the bank do in Sept 2025?                     | 2025-09-01 | 2025-10-01
What did the bank do in 2025-04?                       | 2025-04-01 | 2025-05-01
Who opposed the January 2026 cut?                      | 2026-01-01 | 2026-02-01
What did the bank do during the month of April 2025?   | 2025-04-01 | 2025-05-01
What did the bank do in April last year?               | 2025-04-01 | 2025-05-01
What did the bank do in December of last year?         | 2025-12-01 | 2026-01-01
What did the bank do in January this year?             | 2026-01-01 | 2026-02-01
What did the bank do last April?                       | 2026-04-01 | 2026-05-01
What did the bank do last May?                         | 2025-05-01 | 2025-06-01
What does the bank do next June?                       | 2026-06-01 | 2026-07-01
Which houses were lost in January's storm?             | 2026-01-01 | 2026-02-01
What did the bank do this month?                       | 2026-05-01 | 2026-06-01
Which part was demolished last month?                  | 2026-04-01 | 2026-05-01
Which part was demolished the month before last?       | 2026-03-01 | 2026-04-01
Whose debate is next month?                            | 2026-06-01 | 2026-07-01
What did the bank do a month ago?                      | 2026-04-01 | 2026-05-01
What did the bank do six months ago?                   | 2025-11-01 | 2025-12-01
What did the bank do half a year ago?                  | 2025-11-01 | 2025-12-01
What did the bank do in early April 2025?              | 2025-04-01 | 2025-04-11
What did the bank do in mid-April 2025?                | 2025-04-11 | 2025-04-21
What did the bank do in mid April 2025?                | 2025-04-11 | 2025-04-21
What did the bank do in late April 2025?               | 2025-04-21 | 2025-05-01
What did the bank do late in April 2025?               | 2025-04-21 | 2025-05-01
What did the bank do at the end of September?          | 2025-09-21 | 2025-10-01
What did the bank do at the beginning of March 2026?   | 2026-03-01 | 2026-03-11
What did the bank do in the middle of August 2025?     | 2025-08-11 | 2025-08-21
What did the bank do in the first half of March 2025?  | 2025-03-01 | 2025-03-16
What did the bank do at the end of last month?         | 2026-04-21 | 2026-05-01
"""

QUARTERS_AND_SEASONS = """
How did exports do in Q1 2026?                         | 2026-01-01 | 2026-04-01
How did exports do in Q3 of 2025?                      | 2025-07-01 | 2025-10-01
How did exports do in 2025 Q3?                         | 2025-07-01 | 2025-10-01
How did exports do in Q3?                              | 2025-07-01 | 2025-10-01
How did exports do in the third quarter of 2025?       | 2025-07-01 | 2025-10-01
How did exports do in third-quarter 2025?              | 2025-07-01 | 2025-10-01
How did exports do in the first quarter of the year?   | 2026-01-01 | 2026-04-01
How did exports do in the last quarter of last year?   | 2025-10-01 | 2026-01-01
How did exports do this quarter?                       | 2026-04-01 | 2026-07-01
How did exports do last quarter?                       | 2026-01-01 | 2026-04-01
How did exports do in the first half of 2025?          | 2025-01-01 | 2025-07-01
How did exports do in the second half of last year?    | 2025-07-01 | 2026-01-01
How did exports do in H1 2025?                         | 2025-01-01 | 2025-07-01
How did exports do in H2 2025?                         | 2025-07-01 | 2026-01-01
How did exports do in the first nine months of 2025?   | 2025-01-01 | 2025-10-01
How did exports do in the last three months of 2025?   | 2025-10-01 | 2026-01-01
How hot was summer 2025?                               | 2025-06-01 | 2025-09-01
How hot was it in the summer of 1987?                  | 1987-06-01 | 1987-09-01
How wet was it in the autumn of 1994?                  | 1994-09-01 | 1994-12-01
How wet was it in fall 2024?                           | 2024-09-01 | 2024-12-01
How cold was the winter of 2024-25?                    | 2024-12-01 | 2025-03-01
How hot was it last summer?                            | 2025-06-01 | 2025-09-01
How dry was it last spring?                            | 2025-03-01 | 2025-06-01
How dry was it this spring?                            | 2026-03-01 | 2026-06-01
How cold was it this winter?                           | 2025-12-01 | 2026-03-01
How wet was it in the autumn of last year?             | 2025-09-01 | 2025-12-01
How wet will it be next autumn?                        | 2026-09-01 | 2026-12-01
How hot was late summer 2025?                          | 2025-08-01 | 2025-09-01
"""

YEARS = """
Who was mayor in 1994?                                 | 1994-01-01 | 1995-01-01
Who was mayor in the year 1994?                        | 1994-01-01 | 1995-01-01
Who was mayor throughout 1994?                         | 1994-01-01 | 1995-01-01
Who was mayor during 1994?                             | 1994-01-01 | 1995-01-01
In 2019, who was mayor?                                | 2019-01-01 | 2020-01-01
Who lands there in 2030?                               | 2030-01-01 | 2031-01-01
Who won this year?                                     | 2026-01-01 | 2027-01-01
Who won this year's cup?                               | 2026-01-01 | 2027-01-01
Who won last year?                                     | 2025-01-01 | 2026-01-01
Who plays next year?                                   | 2027-01-01 | 2028-01-01
Who won the year before last?                          | 2024-01-01 | 2025-01-01
Who won two years ago?                                 | 2024-01-01 | 2025-01-01
Who won a decade ago?                                  | 2010-01-01 | 2020-01-01
Who won in early 2025?                                 | 2025-01-01 | 2025-05-01
Who won in mid-2025?                                   | 2025-05-01 | 2025-09-01
Who won in late 2025?                                  | 2025-09-01 | 2026-01-01
Who won late last year?                                | 2025-09-01 | 2026-01-01
Who won at the start of the year?                      | 2026-01-01 | 2026-05-01
Who won at the end of 2025?                            | 2025-09-01 | 2026-01-01
Who ruled in the 1990s?                                | 1990-01-01 | 2000-01-01
Who ruled in the nineties?                             | 1990-01-01 | 2000-01-01
Who ruled in the '90s?                                 | 1990-01-01 | 2000-01-01
Who ruled in the late 1990s?                           | 1997-01-01 | 2000-01-01
Who ruled in the early 2020s?                          | 2020-01-01 | 2024-01-01
Who ruled in the 19th century?                         | 1801-01-01 | 1901-01-01
Who ruled this decade?                                 | 2020-01-01 | 2030-01-01
"""

RANGES = """
What happened between January and March 2026?          | 2026-01-01 | 2026-04-01
What happened between January and March?               | 2026-01-01 | 2026-04-01
What happened between November and February?           | 2025-11-01 | 2026-03-01
What happened between November and February 2025?      | 2024-11-01 | 2025-03-01
What happened from 3 March 2026 to 5 March 2026?       | 2026-03-03 | 2026-03-06
What happened from 3 to 7 May 2025?                    | 2025-05-03 | 2025-05-08
What happened between 3 and 7 May 2025?                | 2025-05-03 | 2025-05-08
What happened on 3-7 May 2025?                         | 2025-05-03 | 2025-05-08
What happened on March 3-5, 2025?                      | 2025-03-03 | 2025-03-06
What happened on March 3–5?                            | 2026-03-03 | 2026-03-06
What happened from March 3 to March 5, 2025?           | 2025-03-03 | 2025-03-06
What happened between 3 March and 5 April 2025?        | 2025-03-03 | 2025-04-06
What happened from 2019 to 2022?                       | 2019-01-01 | 2023-01-01
What happened between 2019 and 2022?                   | 2019-01-01 | 2023-01-01
What happened from 2019 through 2022?                  | 2019-01-01 | 2023-01-01
What happened in 2019-2022?                            | 2019-01-01 | 2023-01-01
What happened in 2019–20?                              | 2019-01-01 | 2021-01-01
What happened in April and May 2025?                   | 2025-04-01 | 2025-06-01
What happened in March, April and May 2025?            | 2025-03-01 | 2025-06-01
What happened in March–May 2025?                       | 2025-03-01 | 2025-06-01
What happened from early April to mid-May 2025?        | 2025-04-01 | 2025-05-21
What happened between yesterday and today?             | 2026-05-19 | 2026-05-21
"""

OPEN = """
What has changed since February?                       | 2026-02-01 | -
What has changed since 2019?                           | 2019-01-01 | -
What has changed since last week?                      | 2026-05-11 | -
What has changed since yesterday?                      | 2026-05-19 | -
What has changed since early 2023?                     | 2023-01-01 | -
What has changed since the start of the year?          | 2026-01-01 | -
What has changed since the election on 5 November?     | 2025-11-05 | -
What has changed since the crash of March 2025?        | 2025-03-01 | -
What has changed since the October 7 attack?           | 2025-10-07 | -
What has changed ever since 3 March 2025?              | 2025-03-03 | -
What has changed since at least March 2025?            | 2025-03-01 | -
What has changed since a strike by pilots began in March last year? | 2025-03-01 | -
What has changed from 3 March 2025 onwards?            | 2025-03-03 | -
What was published in 2019 or later?                   | 2019-01-01 | -
What was published on or after 3 March 2025?           | 2025-03-03 | -
What was published on or before 3 March 2025?          | -          | 2025-03-04
What happened after 5 March 2026?                      | 2026-03-06 | -
What happened after the vote of 12 March 2024?         | 2024-03-13 | -
What happened after the vote in March 2024?            | 2024-03-01 | -
What happened after last year's election?              | 2025-01-01 | -
What happened following the quake of 3 March 2025?     | 2025-03-04 | -
What changed after the report published on 3 March 2025? | 2025-03-03 | -
What was known before 5 March 2026?                    | -          | 2026-03-05
What was known before the election on 5 November?      | -          | 2025-11-05
What was known before the vote in March 2024?          | -          | 2024-04-01
What was known prior to 2019?                          | -          | 2019-01-01
What was known before Christmas?                       | -          | 2025-12-25
What was known before the end of April?                | -          | 2026-05-01
What changed after the start of 2025?                  | 2025-01-01 | -
What was known until 3 March?                          | -          | 2026-03-04
What was known by 3 March 2026?                        | -          | 2026-03-04
What was known by the end of 2025?                     | -          | 2026-01-01
What was known by the middle of August 2025?           | -          | 2025-08-21
What was known no later than 3 March?                  | -          | 2026-03-04
What was known up to 3 March?                          | -          | 2026-03-04
What was known by September?                           | -          | 2025-10-01
"""

NONE = """
May the minister resign?
May 5 people enter?
How late may shops open?
Who will March in the parade?
How many people may march?
Who joined the March on Washington?
Who won March Madness?
What did August Berg say?
What did April Jones say in April Jones's letter?
Who wrote to Theresa May before May resigned?
Which book was written by June?
How many people were evacuated?
What is the interest rate now?
What is the latest figure?
How has demand developed recently?
How long is the 24 hour strike?
Who pays the fine of 2000 orrans?
Which village of 1800 people was flooded?
Did the power fail in 2000 homes?
Did prices rise from 1900 to 2010?
Did it fall by 2000?
Were between 1500 and 2000 people there?
Did one in 2000 fall ill?
Did it grow by up to 2000?
Who crashed on Wall Street in 1929 Street?
What became of the Class of 2012?
What happened ten days before 8 February?
What was said in the week before the vote on 3 March?
What happened in the hours after the quake of 12 May?
What changed within three days of 8 February?
Will Line 4 open on 12 December?
Will the market open at Christmas?
Who hosts World Cup 2026?
Who won the 2024 election?
Who left the 2024 US presidential race?
Who won in the 2024 election?
Who won in 2024 presidential elections?
Who won the election of 2010?
What is the Tree of the Year for 2026?
Whose 2022 album is it?
Who stormed it in the January 6, 2021, attack?
Who was behind the October 7 attacks?
Who is a 1970s movie star?
Who was born in 1994?
Which firm founded in late 2009 failed?
What was on sale on Black Friday?
Who signed the Good Friday Agreement?
What does the Sunday Times say?
Who starred in Friday Night Lights?
Who starred in Saturday Night Live?
Who played on Friday the 13th?
Who starred in 7 Days?
Who directed 12 Monkeys?
Who directed “Since Yesterday”?
Who sang 'Last Friday' there?
Who wrote "The Summer of 1987"?
Who is on USA Today?
Who is on Last Week Tonight?
What is the Monday deadline?
What is shown every Friday?
Is it open on Mondays?
Which day is May Day?
What happened on 10/04/2023?
What happened on 31 April 2025?
What happened on 29 February 2025?
How cold was winter 2025?
What is the fiscal year 2025 budget?
What happened in 2011-12?
How will it be in two weeks?
How long has it been closed for years?
What will close by 2032?
What must be signed by Friday?
Who won the third quarter?
Who led in the first half?
What was eaten after Christmas dinner?
Whose Christmas tree fell?
Which tower was built in the last year of his life?
What grew more than two years ago?
What will the parliament decide in November?
What happened between May 2026 and March 2026?
Who is in his forties?
Who was Sportsman of the Year?
Who led the Arab Spring 2011?
Which plane fell 2000 feet?
"""


def rows(table: str) -> list[tuple[str, str | None, str | None]]:
    """Question, start and end of every line; a dash is an open side."""
    cells = ([cell.strip() for cell in line.split("|")] for line in table.splitlines() if line)
    return [(question, None if start == "-" else start, None if end == "-" else end) for question, start, end in cells]


def shown(moment: datetime | None) -> str | None:
    """A midnight as its date, another moment as an instant."""
    return moment.isoformat().replace("T00:00:00+00:00", "").replace("+00:00", "Z") if moment else None


def only(question: str, asked_at: datetime = ASKED_AT) -> Window:
    """The one window of the question."""
    (window,) = find_windows(question, asked_at)
    return window


def sides(question: str, asked_at: datetime = ASKED_AT) -> tuple[str | None, str | None]:
    """Both sides of the one window of the question."""
    window = only(question, asked_at)
    return shown(window.start), shown(window.end)


@pytest.mark.parametrize(
    ("question", "start", "end"),
    rows("".join((DAYS, WEEKDAYS, WEEKS, MONTHS, QUARTERS_AND_SEASONS, YEARS, RANGES, OPEN))),
)
def test_expressions_become_half_open_intervals(question: str, start: str | None, end: str | None) -> None:
    """Each expression means the interval a reader would say, in UTC, against the moment of asking."""
    assert sides(question) == (start, end)
    window = only(question)
    assert window.span is not None
    assert question[slice(*window.span)] == window.phrase


@pytest.mark.parametrize("question", NONE.strip().splitlines())
def test_what_may_mean_something_else_is_no_window(question: str) -> None:
    """A name, a quantity, a title or an event limits nothing, and neither does a wish for news."""
    assert find_windows(question, ASKED_AT) == ()


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What changed in the past three weeks?", "2026-04-29", "now"),
        ("What changed over the last 10 days?", "2026-05-10", "now"),
        ("What changed in the last week?", "2026-05-13", "now"),
        ("What changed in the past month?", "2026-04-20", "now"),
        ("What changed in the past year?", "2025-05-20", "now"),
        ("What changed in the past two decades?", "2006-05-20", "now"),
        ("What changed within the past 48 hours?", "2026-05-18T15:30:00Z", "now"),
        ("What changed in the last hour?", "2026-05-20T14:30:00Z", "now"),
        ("What changed in the past 30 minutes?", "2026-05-20T15:00:00Z", "now"),
        ("What changed earlier this week?", "2026-05-18", "now"),
        ("What changed earlier this month?", "2026-05-01", "now"),
        ("What changed earlier this year?", "2026-01-01", "now"),
        ("What changed earlier today?", "2026-05-20", "now"),
        ("What has changed so far this year?", "2026-01-01", "now"),
        ("What changed from January to date?", "2026-01-01", "now"),
        ("What changed from 2019 until now?", "2019-01-01", "now"),
        ("What changes later this week?", "now", "2026-05-25"),
        ("What changes in the next two weeks?", "now", "2026-06-04"),
        ("What changes in the next six months?", "now", "2026-11-21"),
        ("What changes in the next 12 hours?", "now", "2026-05-21T03:30:00Z"),
    ],
)
def test_what_is_counted_from_now_begins_or_ends_just_after_it(question: str, start: str, end: str) -> None:
    """Days and longer are whole on their far side, so that articles dated by day are in; hours are exact. "Now" itself is in."""
    now = "2026-05-20T15:30:00.000001Z"
    assert sides(question) == tuple(now if side == "now" else side for side in (start, end))


@pytest.mark.parametrize(
    ("asked", "question", "start", "end"),
    [
        ("2026-01-01", "Who spoke yesterday?", "2025-12-31", "2026-01-01"),
        ("2026-01-01", "Who spoke this year?", "2026-01-01", "2027-01-01"),
        ("2026-01-01", "Who spoke last month?", "2025-12-01", "2026-01-01"),
        ("2026-01-01", "Who spoke this week?", "2025-12-29", "2026-01-05"),
        ("2026-01-01", "Who spoke last quarter?", "2025-10-01", "2026-01-01"),
        ("2026-01-01", "Who spoke on New Year's Day?", "2026-01-01", "2026-01-02"),
        ("2026-01-01", "Who spoke on New Year's Eve?", "2025-12-31", "2026-01-01"),
        ("2026-01-01", "Who spoke in January?", "2026-01-01", "2026-02-01"),
        ("2026-01-01", "Who spoke this winter?", "2025-12-01", "2026-03-01"),
        ("2026-01-01", "Who spoke last winter?", "2024-12-01", "2025-03-01"),
        ("2028-02-29", "Who spoke today?", "2028-02-29", "2028-03-01"),
        ("2028-02-29", "Who spoke a year ago today?", "2027-02-28", "2027-03-01"),
        ("2028-02-29", "Who spoke last month?", "2028-01-01", "2028-02-01"),
        ("2028-02-29", "Who spoke in February?", "2028-02-01", "2028-03-01"),
        ("2028-02-29", "Who spoke on 29 February?", "2028-02-29", "2028-03-01"),
        ("2026-05-20", "Who spoke on 29 February?", "2024-02-29", "2024-03-01"),
        ("2026-03-31", "Who spoke last month?", "2026-02-01", "2026-03-01"),
        ("2026-03-31", "Who spoke a month ago?", "2026-02-01", "2026-03-01"),
        ("2026-05-18", "Who spoke this week?", "2026-05-18", "2026-05-25"),
        ("2026-05-18", "Who spoke on Monday?", "2026-05-18", "2026-05-19"),
        ("2026-05-18", "Who spoke last Monday?", "2026-05-11", "2026-05-12"),
        ("2026-05-18", "Who spoke on Sunday?", "2026-05-17", "2026-05-18"),
        ("2026-05-24", "Who spoke this week?", "2026-05-18", "2026-05-25"),
        ("2026-05-24", "Who spoke at the weekend?", "2026-05-23", "2026-05-25"),
        ("2026-05-24", "Who spoke last weekend?", "2026-05-16", "2026-05-18"),
        ("2026-05-24", "Who spoke on Sunday?", "2026-05-24", "2026-05-25"),
        ("2026-05-24", "Who spoke on Saturday?", "2026-05-23", "2026-05-24"),
    ],
)
def test_edges_of_years_and_weeks(asked: str, question: str, start: str, end: str) -> None:
    """New Year's Day, a leap day, a Monday and a Sunday are no exceptions."""
    assert sides(question, datetime.fromisoformat(asked).replace(hour=9, tzinfo=UTC)) == (start, end)


@pytest.mark.parametrize(
    ("instant", "zone", "question", "start", "end"),
    [
        # Half past midnight in Berlin is still the day before in UTC.
        ("2026-05-20T22:30Z", "Europe/Berlin", "Who spoke yesterday?", "2026-05-20", "2026-05-21"),
        ("2026-05-20T22:30Z", "UTC", "Who spoke yesterday?", "2026-05-19", "2026-05-20"),
        # Evening in Los Angeles is the day after in UTC.
        ("2026-05-21T03:00Z", "America/Los_Angeles", "Who spoke today?", "2026-05-20", "2026-05-21"),
        ("2026-05-21T03:00Z", "America/Los_Angeles", "Who spoke on Wednesday?", "2026-05-20", "2026-05-21"),
        ("2026-06-01T03:00Z", "America/Los_Angeles", "Who spoke this week?", "2026-05-25", "2026-06-01"),
        ("2026-06-01T03:00Z", "America/Los_Angeles", "Who spoke this month?", "2026-05-01", "2026-06-01"),
        ("2026-01-01T03:00Z", "America/Los_Angeles", "Who spoke this year?", "2025-01-01", "2026-01-01"),
        # A day that has begun in Auckland and not yet in UTC begins at Auckland's midnight.
        ("2026-05-20T20:00Z", "Pacific/Auckland", "Who spoke today?", "2026-05-20T12:00:00Z", "2026-05-22"),
        ("2026-05-20T20:00Z", "Pacific/Auckland", "Who spoke yesterday?", "2026-05-20", "2026-05-21"),
        ("2026-05-24T20:00Z", "Pacific/Auckland", "Who spoke this week?", "2026-05-24T12:00:00Z", "2026-06-01"),
        # Dates are the same for everybody, and so are hours.
        ("2026-05-20T20:00Z", "Pacific/Auckland", "Who spoke on 3 March 2025?", "2025-03-03", "2025-03-04"),
        ("2026-05-20T20:00Z", "America/Los_Angeles", "Who spoke on 3 March 2025?", "2025-03-03", "2025-03-04"),
        ("2026-05-20T20:00Z", "Asia/Kolkata", "Who spoke in the past 48 hours?", "2026-05-18T20:00:00Z", "2026-05-20T20:00:00.000001Z"),
        # The night in which clocks go forward, or back.
        ("2026-03-29T12:00Z", "Europe/Berlin", "Who spoke in the past 24 hours?", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00.000001Z"),
        ("2026-03-29T12:00Z", "Europe/Berlin", "Who spoke today?", "2026-03-29", "2026-03-30"),
        ("2026-10-25T12:00Z", "Europe/Berlin", "Who spoke today?", "2026-10-25", "2026-10-26"),
        ("2026-11-01T12:00Z", "America/New_York", "Who spoke yesterday?", "2026-10-31", "2026-11-01"),
    ],
)
def test_days_are_those_of_the_asker(instant: str, zone: str, question: str, start: str, end: str) -> None:
    """The zone decides which date today is; the window then is UTC days, in which articles dated by day lie."""
    asked_at = datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))
    assert sides(question, asked_at) == (start, end)


def test_an_article_dated_today_by_day_alone_is_in_todays_window_everywhere() -> None:
    """Midnight UTC of the asker's date lies in the window, from the date line to the date line."""
    for hours in range(-12, 15):
        asked_at = ASKED_AT.astimezone(timezone(timedelta(hours=hours)))
        window = only("What happened today?", asked_at)
        assert window.start is not None
        assert window.end is not None
        assert window.start <= datetime.combine(asked_at.date(), datetime.min.time(), UTC) < window.end
        assert window.start <= asked_at


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        (
            "Is the article published on October 4, 2023 at odds with the one on November 5, 2023?",
            ["on October 4, 2023", "on November 5, 2023"],
        ),
        ("What was it in December 2025, and what in September 2026?", ["in December 2025", "in September 2026"]),
        ("What was it on March 3 and on April 5, 2025?", ["on March 3", "on April 5, 2025"]),
        ("What was it in March and June 2025?", ["in March", "June 2025"]),
        ("What was known yesterday of the vote in April?", ["yesterday", "in April"]),
        ("Was it more in March 2025 than the previous month?", ["in March 2025"]),
        ("Was it more than the previous month?", ["the previous month"]),
    ],
)
def test_every_expression_is_found_in_reading_order(question: str, phrases: list[str]) -> None:
    """Each with the words that said so; beside another time, "the previous month" is the one before that."""
    assert [window.phrase for window in find_windows(question, ASKED_AT)] == phrases


def test_a_year_belongs_to_every_month_of_a_list() -> None:
    """ "March and June 2025" is twice 2025."""
    first, second = find_windows("What was it in March and June 2025?", ASKED_AT)
    assert (shown(first.start), shown(second.start)) == ("2025-03-01", "2025-06-01")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What was it on 4 October 2023 and what on 5 November 2023?",
            ("2023-10-04", "2023-11-06", "on 4 October 2023 … on 5 November 2023"),
        ),
        ("What changed since January 2025, but before May 2025?", ("2025-01-01", "2025-05-01", "since January 2025 … before May 2025")),
        ("What was said since May 2025 of the fire on 3 March 2025?", ("2025-03-03", None, "since May 2025 … on 3 March 2025")),
        ("What was said before May 2025, and what since June 2025?", None),
        ("What was said?", None),
    ],
)
def test_several_windows_are_shown_as_what_spans_them(question: str, expected: tuple[str, str, str] | None) -> None:
    """Their hull; between "since" and "before" what lies between; none where that is all of time."""
    window = combined(find_windows(question, ASKED_AT))
    assert (window and (shown(window.start), shown(window.end), window.phrase)) == expected


@pytest.mark.parametrize(
    ("question", "end"),
    [
        ("How many were missing as of 3 March?", "2026-03-04"),
        ("How many were missing as at 3 March?", "2026-03-04"),
        ("As of March 3, 2026, how many were missing?", "2026-03-04"),
        ("How many were missing as of yesterday?", "2026-05-20"),
        ("How many were missing as of Monday?", "2026-05-19"),
        ("How many were missing as of this week?", "2026-05-25"),
        ("How many were missing as of the end of March?", "2026-04-01"),
        ("How many were missing as of the evening of Sept. 9?", "2025-09-10"),
        ("How many were missing as of 2025?", "2026-01-01"),
    ],
)
def test_as_of_is_everything_up_to_the_end_of_that_time(question: str, end: str) -> None:
    """ "As of 3 March" includes what was published on that day, and nothing after it; it is no other window besides."""
    window = find_as_of(question, ASKED_AT)
    assert window is not None
    assert (window.start, shown(window.end)) == (None, end)
    assert find_windows(question, ASKED_AT) == ()


@pytest.mark.parametrize("question", ["How many were missing?", "How many are missing as of now?", 'Who wrote "As of 3 March"?'])
def test_without_as_of_nothing_is_cut(question: str) -> None:
    """No date, nothing to cut at."""
    assert find_as_of(question, ASKED_AT) is None


_WORDS = """
since before after until between and from to in on the of last next this past early late mid end week month year May March 3 31 2019
2025 29 February Monday Friday Q3 1990s ago two days hours weekend Christmas 2019-20 13/14/2025 as by " ' 999 decades first half
""".split()


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=200), st.lists(st.sampled_from(_WORDS), max_size=15).map(" ".join)),
    st.datetimes(datetime(1600, 1, 2), datetime(8998, 12, 30)),
    st.integers(-12, 14),
)
def test_any_text_at_any_time_is_read_without_an_error(text: str, moment: datetime, hours: int) -> None:
    """Whatever is asked, windows begin before they end, lie in order, and quote the question."""
    asked_at = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    windows = find_windows(text, asked_at)
    find_as_of(text, asked_at)
    reached = 0
    for window in windows:
        assert window.start is None or window.end is None or window.start < window.end
        assert window.start or window.end
        assert window.span is not None
        assert reached <= window.span[0] < window.span[1]
        assert text[slice(*window.span)] == window.phrase
        reached = window.span[1]


@pytest.mark.parametrize("asked_at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_no_error(asked_at: datetime) -> None:
    """A time before the first year or after the last is none; what is left begins before it ends."""
    for question in (
        "last year",
        "next year",
        "yesterday",
        "tomorrow",
        "in the past week",
        "in the next week",
        "last summer",
        "this decade",
    ):
        windows = find_windows(f"What happened {question}?", asked_at)
        assert len(windows) <= 1
        assert all(window.start is None or window.end is None or window.start < window.end for window in windows)


@pytest.mark.parametrize(
    "text",
    [
        "😀" * 2000,
        " " * 2000,
        "in the " * 285,
        "since the election " * 105,
        "from 1 to 2 " * 166,
        "'a " * 666,
        '"' * 2000,
        "20" * 1000,
        "since a " + "b " * 990,
        "2019-" * 400,
        "early " * 333,
    ],
)
def test_a_question_of_nothing_but_repetition_is_read_once_from_left_to_right(text: str) -> None:
    """Windows do not overlap and stand in reading order. A pattern that goes back and forth would not come to an end here."""
    spans = [window.span for window in find_windows(text, ASKED_AT) if window.span]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


@pytest.mark.parametrize("hour", ["noon on", "12:00 on", "5 p.m. on", "the close of trading on", "late on", "the morning of"])
def test_as_of_an_hour_cuts_at_its_day(hour: str) -> None:
    """Articles are dated by day as often as not: nothing of a later day is used."""
    window = find_as_of(f"How many had left as of {hour} 7 March 2026?", ASKED_AT)
    assert window is not None
    assert (window.start, window.end) == (None, datetime(2026, 3, 8, tzinfo=UTC))
