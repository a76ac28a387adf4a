"""What listeners are asked, and published intervals of what they answer."""

from zoo.report.blind import Question

ASKED = [
    Question(f"{name}.mp3", f"{name}.mp3", "s1", "m r", "m", "r", kind, "")
    for name, kind in {"a": "sample", "b": "real"}.items()
]
# Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
NEWCOMBE = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
# Student, "The probable error of a mean" (1908): hours of sleep gained, two more; R's t.test gives the interval.
SLEEP = [3.2, 4.4, 3.3, 3.3, 2.0, 3.0, 3.8, 2.8, 6.6, 3.4]
SLEEP_INTERVAL = (2.7001142, 4.4598858)
