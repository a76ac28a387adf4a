"""Pages in a browser, and models for the page to play on."""

import numpy as np
from machines import ready
from songs import TRAIN

import zoo
from zoo.play.arrays import quantised


class opened:
    """A page, opened from disk; whatever it complains of, or asks a network for, is a failure."""

    def __init__(self, chromium, report, width=1280, scheme="light"):
        self.page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.troubles = []
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append("a stranger's script ran") or dialog.dismiss())
        self.page.on("requestfailed", lambda request: self.troubles.append(f"{request.url} {request.failure}"))
        self.page.on("request", lambda request: self.troubles.extend([request.url] * request.url.startswith("http")))
        self.page.goto(report.as_uri())

    def __enter__(self):
        return self.page

    def __exit__(self, *exception):
        self.page.close()
        if exception == (None, None, None):
            # A player that is closed, or jumps, gives up what it was loading.
            assert [trouble for trouble in self.troubles if "ERR_ABORTED" not in trouble] == []


def made(name, preset, **hyperparameters):
    """A model with random weights, which are such as a page has them."""
    model = zoo.create(name, preset, **hyperparameters)
    ready(model, TRAIN)
    rng = np.random.default_rng(0)
    for weight in model.network.weights:
        values = rng.normal(0, 0.5, weight.shape).astype(np.float32)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else quantised(values))
    return model
