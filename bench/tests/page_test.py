#!/usr/bin/python3
"""Does the report's page draw what the report says, do its filters work, and does it ask the network for nothing?

    bench/tests/page_test.py [PAGE.html]     looks at that page, too

In Chromium, without a window.
"""

import json
import sys
import tempfile
import unittest
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import history
import silicon_rows
import peers
import report_page
from measuring import WORKLOADS
from samples import sample

PAGES = [Path(name).resolve() for name in sys.argv[1:]]
sys.argv[1:] = []
SECONDS_MAX = 60
HOSTILE = "</script><b id='escaped'>why</b>"


def sample_page():
    """Three backends of two isas on two boards, one of which is real, too; figures are 10, 20 and 30 times the number of
    the workload."""
    whole = sample(factor=10)
    for other in (sample("rv32-goto", "rv32ec", "-O2", factor=20), sample("rv32-goto", "rv32emc", "-O2", factor=30),
                  sample(board="rp2040", factor=10)):
        whole["rows"] += other["rows"]
    for row in other["rows"]:
        silicon = dict(zip(silicon_rows.KEYS, (1.25, 0, "0" * 40, "0" * 40)))
        whole["rows"].append(row | {"source": "silicon:e6614103", "cycles": row["cycles"] and row["cycles"] + 1} | silicon)
    lines, before = [], {}
    for day, measured in enumerate((sample(), whole), 1):
        now = history.figures(measured)
        lines.append({"date": f"2026-01-0{day}", "why": HOSTILE, "rows": history.changes(before, now)})
        before = now
    drivers = [{"driver": "hello", "rv32ec": 12, "thumb": 10}, {"driver": "adxl345", "rv32ec": 300, "thumb": 290}]
    return report_page.page(whole, drivers, lines, "<p>method</p>", "<p>repeat</p>")


def start_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                     "--window-size=1250,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service("/usr/bin/chromedriver")
    return webdriver.Chrome(service=service, options=options)


class Page:
    """A page in the browser, drawn."""

    def __init__(self, browser, path):
        self.browser = browser
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # of pages before
        browser.get(path.as_uri())
        WebDriverWait(browser, SECONDS_MAX).until(
            lambda _: self.run("return window.report && (window.report.ready || window.report.error)"))
        self.error = self.run("return window.report.error")

    def run(self, script):
        return self.browser.execute_script(script)

    def choose(self, name, value):
        Select(self.browser.find_element(By.ID, name)).select_by_visible_text(value)
        self.settle()

    def click(self, selector):
        self.browser.find_element(By.CSS_SELECTOR, selector).click()
        self.settle()

    def settle(self):
        self.browser.execute_async_script("Promise.resolve(window.report.applied).then(arguments[0])")

    def count(self, chart, mark):
        """Shapes that a picture has drawn."""
        return self.run(f"return document.querySelectorAll('#{chart} .{mark} path').length")

    def cells(self, table, column):
        rows = f"[...document.querySelectorAll('#{table} tbody tr')]"
        return self.run(f"return {rows}.map((row) => row.cells[{column}].textContent)")

    def mistakes(self):
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]

    def requests(self):
        """URLs that were asked for outside of the file."""
        events = (json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance"))
        urls = (event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent")
        return [url for url in urls if not url.startswith(("file:", "data:"))]


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name) / "index.html"
        cls.path.write_text(sample_page())
        cls.browser = start_browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.folder.cleanup()

    def open(self, path=None):
        return Page(self.browser, path or self.path)

    def test_it_draws_everything_and_asks_for_nothing(self):
        for path in [self.path, *PAGES]:
            page = self.open(path)
            self.assertIsNone(page.error)
            for chart in page.run("return Object.keys(window.report.views)"):
                self.assertTrue(page.run(f"return document.querySelectorAll('#{chart} svg path').length") > 1, chart)
            self.assertEqual((page.mistakes(), page.requests()), ([], []))

    def test_a_request_would_be_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index.html"
            path.write_text(sample_page().replace("<header>", "<header><img src='http://127.0.0.1:9/a.png'>"))
            self.assertEqual(self.open(path).requests(), ["http://127.0.0.1:9/a.png"])

    def test_dots_follow_the_filters(self):
        page = self.open()
        known = [peer for peer in peers.MEASURED if peer.cycles_per_insn and peer.flash_bytes]
        self.assertEqual(page.count("tradeoff", "peer-dots"), len(known))
        self.assertEqual(page.count("tradeoff", "dots"), 3)
        page.click("#isas input[value=rv32emc]")
        self.assertEqual(page.count("tradeoff", "dots"), 2)
        self.assertEqual(sorted(page.cells("figures", 0)), ["rv32-goto", "rv32-switch"])
        page.choose("board", "rp2040 (emulated)")
        self.assertEqual(page.count("tradeoff", "dots"), 1)
        self.assertEqual(page.cells("figures", 0), ["rv32-switch"])
        page.choose("board", "rp2040 (silicon e6614103)")
        self.assertEqual(page.count("tradeoff", "dots"), 1)
        page.click("#others")
        self.assertEqual(page.count("tradeoff", "peer-dots"), 0)
        page.click("#isas input[value=rv32ec]")
        self.assertEqual(page.count("tradeoff", "dots"), 0)
        self.assertEqual(page.mistakes(), [])

    def test_workload_and_speed_can_be_chosen(self):
        page = self.open()
        page.choose("workload", "sort")
        number = WORKLOADS.index("sort") + 1
        self.assertEqual(sorted(page.cells("figures", 7)), [f"{number * factor}.0" for factor in (10, 20, 30)])
        page.choose("metric", "slowdown against native code")
        known = [peer for peer in peers.MEASURED if peer.slowdown and peer.flash_bytes]
        self.assertEqual(page.count("tradeoff", "peer-dots"), len(known))
        self.assertIn("slowdown", page.run("return document.querySelector('#tradeoff svg').textContent"))

    def test_the_table_sorts(self):
        page = self.open()
        self.assertEqual(page.cells("figures", 0)[0], "rv32-switch")
        page.click("#figures th:nth-child(8)")
        self.assertEqual(page.cells("figures", 1)[0], "rv32emc")

    def test_texts_stay_texts(self):
        page = self.open()
        self.assertEqual(page.cells("commits", 3), [HOSTILE, HOSTILE])
        self.assertIsNone(page.run("return document.getElementById('escaped')"))

    def test_the_trend_has_a_line_for_each_row(self):
        page = self.open()
        self.assertEqual(page.run("return window.report.views.trend.data('data_0').length"), 2 + 1 + 1)
        page.choose("trend-backend", "rv32-switch")
        self.assertEqual(page.run("return window.report.views.trend.data('data_0').length"), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
