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

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import browser
import history
import silicon_rows
import peers
import report_page
import report_picture
from measuring import WORKLOADS
from samples import sample

PAGES = [Path(name).resolve() for name in sys.argv[1:]]
sys.argv[1:] = []
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


class Page:
    """A page in the browser, drawn."""

    def __init__(self, window, path):
        self.window = window
        for kind in ("browser", "performance"):
            window.get_log(kind)  # of pages before
        self.error = browser.open_page(window, path)

    def run(self, script):
        return self.window.execute_script(script)

    def choose(self, name, value):
        Select(self.window.find_element(By.ID, name)).select_by_visible_text(value)
        self.settle()

    def click(self, selector):
        self.window.find_element(By.CSS_SELECTOR, selector).click()
        self.settle()

    def settle(self):
        self.window.execute_async_script("Promise.resolve(window.report.applied).then(arguments[0])")

    def count(self, chart, mark):
        """Shapes that a picture has drawn."""
        return self.run(f"return document.querySelectorAll('#{chart} .{mark} path').length")

    def cells(self, table, column):
        rows = f"[...document.querySelectorAll('#{table} tbody tr')]"
        return self.run(f"return {rows}.map((row) => row.cells[{column}].textContent)")

    def mistakes(self):
        return [entry["message"] for entry in self.window.get_log("browser") if entry["level"] == "SEVERE"]

    def requests(self):
        """URLs that were asked for outside of the file."""
        events = (json.loads(entry["message"])["message"] for entry in self.window.get_log("performance"))
        urls = (event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent")
        return [url for url in urls if not url.startswith(("file:", "data:"))]


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name) / "index.html"
        cls.path.write_text(sample_page())
        cls.window = browser.start()

    @classmethod
    def tearDownClass(cls):
        cls.window.quit()
        cls.folder.cleanup()

    def open(self, path=None):
        return Page(self.window, path or self.path)

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

    def test_a_dot_tells_its_figures_under_the_mouse(self):
        page = self.open()
        dot = self.window.find_elements(By.CSS_SELECTOR, "#tradeoff .dots path")[0]
        self.window.execute_script("arguments[0].scrollIntoView({block: 'center'})", dot)
        ActionChains(self.window).move_to_element(dot).perform()
        told = page.run("return document.getElementById('vg-tooltip-element').innerText")
        for wanted in ("rv32-", "flash", "RAM", "slowdown", "empty call"):
            self.assertIn(wanted, told)

    def test_the_picture_depends_on_the_page_only(self):
        paths = [Path(self.folder.name) / name for name in ("a.svg", "b.svg")]
        for path in paths:
            report_picture.draw(self.path, path)
        self.assertEqual(paths[0].read_text(), paths[1].read_text())
        self.assertIn("rv32-switch", paths[0].read_text())

    def test_workload_and_speed_can_be_chosen(self):
        page = self.open()
        page.choose("workload", "sort")
        number = WORKLOADS.index("sort") + 1
        self.assertEqual(sorted(page.cells("figures", 7)), [f"{number * factor}.0" for factor in (10, 20, 30)])
        self.assertEqual(page.count("tradeoff", "peer-dots"), 0)  # theirs are means
        page.choose("workload", "geometric mean")
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
