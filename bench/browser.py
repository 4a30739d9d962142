"""The report's page in Chromium, without a window: for its tests, and for the picture that other files show."""

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

SECONDS_MAX = 60


def start():
    """A browser, which has to be quit. Keeps what pages say and what they ask for in its logs."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # No sandbox, because it needs more than a container allows, and shows only what this project has made.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--window-size=1250,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def open_page(browser, path):
    """Opens the page and waits until all is drawn. Returns what went wrong, None: nothing did."""
    browser.get(path.resolve().as_uri())
    WebDriverWait(browser, SECONDS_MAX).until(
        lambda _: browser.execute_script("return window.report && (window.report.ready || window.report.error)"))
    return browser.execute_script("return window.report.error")
