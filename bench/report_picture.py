"""The main picture of the page as a file of its own, for report.md and the README."""

import browser
from measuring import MeasuringError
from selenium.common.exceptions import WebDriverException

WIDTH_PIXELS = 860
SVG = """
const done = arguments[arguments.length - 1], view = window.report.views.tradeoff;
view.signal("width", arguments[0]).runAsync().then(() => view.toSVG()).then(done);
"""


def draw(page, path):
    """Writes an SVG file, by the browser that draws the page."""
    try:
        window = browser.start()
        try:
            if error := browser.open_page(window, page):
                raise MeasuringError(f"{page}: {error}")
            path.write_text(window.execute_async_script(SVG, WIDTH_PIXELS) + "\n")
        finally:
            window.quit()
    except WebDriverException as error:
        raise MeasuringError(f"Chromium: {str(error).splitlines()[0]}") from error
