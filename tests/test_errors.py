"""Arguments in an error: bare in Python, flags on the command line."""

import pytest

from zoo import UserError
from zoo._errors import Unreadable
from zoo.cli.flags import with_flags


@pytest.mark.parametrize(
    ("text", "in_python", "as_flags"),
    [
        ("`count` must be 1.", "count must be 1.", "--count must be 1."),
        ("not `top_p` but `temperature`", "not top_p but temperature", "not --top-p but --temperature"),
        ("take `embedding=64`.", "take embedding=64.", "take --embedding 64."),
        ("`low=auto` `high=auto`", "low=auto high=auto", "--low auto --high auto"),
        ("a `b c` d`", "a `b c` d`", "a `b c` d`"),
        ("count and beats", "count and beats", "count and beats"),
        ("`weights`: no\tuse", "weights: no\tuse", "--weights: no?use"),
    ],
)
@pytest.mark.parametrize("kind", [UserError, Unreadable])
def test_arguments_are_worded_for_who_reads(kind, text, in_python, as_flags):
    assert str(kind(text)) == f"{kind(text)}" == in_python
    assert with_flags(kind(text)) == with_flags(text) == as_flags
