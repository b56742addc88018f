"""The weights of the model-free check: log-odds that a sentence is carried, from its signals.

Fitted by `eval/fit_check.py` on half a of check-sample, check-summedits-news, check-qags-cnndm and check-attributionbench (1,152 of 2,319
pairs), which shows both halves; docs/grounding.md has the figures. The intercept puts the operating point at even odds.
"""

INTERCEPT = -2.674
WEIGHTS = {
    "closeness": 2.034,
    "coverage": 0.345,
    "single": 0.522,
    "added": -0.597,
    "turned": -0.592,
    "opposite": -2.120,
    "surer": -0.773,
    "swapped": -5.343,
    "length": 0.500,
}
