"""Figures that were drawn and not yet written."""

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg

from zoo.render.style import STYLE


def inside(figure):
    """Whether all that is drawn lies within the figure."""
    with matplotlib.rc_context(STYLE):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = figure.get_tightbbox(canvas.get_renderer())  # inches
    return min(drawn.x0, drawn.y0) >= 0 and drawn.x1 <= figure.get_figwidth() and drawn.y1 <= figure.get_figheight()
