"""A page to play on: trained models in plain JavaScript, one HTML file that opens from disk.

What a model is made of is written as JSON with arrays (`export`), the arrays as bytes (`arrays`), and all of it into
one page (`page`). The page's scripts, an idea a file, lie in `page/`.
"""

from zoo.play.export import Playable, export
from zoo.play.page import LARGEST, LeftOut, Written, write_page

__all__ = ["LARGEST", "LeftOut", "Playable", "Written", "export", "write_page"]
