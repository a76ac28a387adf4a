"""The picture of the README: the published report on a desk and on a phone, side by side.

    python docs/screenshot.py

Needs Chromium on the PATH.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "reports/published/bach-chorales/index.html"
PICTURE = ROOT / "docs/report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HEIGHT, DESK, PHONE, GAP = 1400, 1180, 390, 24  # dots


def main() -> None:
    """Take the pictures and put them side by side."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser_path:
        sys.exit("no Chromium on the PATH; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        pictures = [taken(browser, width) for width in (DESK, PHONE)]
        browser.close()
    whole = Image.new("RGB", (DESK + GAP + PHONE, HEIGHT), "#888888")
    for picture, left in zip(pictures, (0, DESK + GAP), strict=True):
        whole.paste(picture, (left, 0))
    whole.quantize(128).save(PICTURE, optimize=True)


def taken(browser: Browser, width: int) -> Image.Image:
    """The top of the report in a window of that width."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHT})
    page.goto(REPORT.as_uri())
    page.wait_for_load_state("networkidle")
    return Image.open(io.BytesIO(page.screenshot()))


if __name__ == "__main__":
    main()
