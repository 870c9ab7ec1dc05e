"""Opens the report's page in headless Chromium and uses it as a reader would.

Run by report_test.sh in a folder with page.html (measured), hostile.html (names that look like
markup), dump.html (of a dump after all passes), bundle.html (of a bundle, measured), and what `lluda ir` says of the first one's model:
fuse_rope.diff, last.lluda.
"""

import json
import re
import tempfile
import unittest
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]

# Texts of one picture that are seen and cover each other.
OVERLAPS = """
const found = [];
for (const picture of document.querySelectorAll('svg')) {
  const texts = [...picture.querySelectorAll('text')]
      .filter((text) => text.textContent && getComputedStyle(text).display !== 'none')
      .map((text) => ({name: text.textContent, box: text.getBoundingClientRect()}))
      .filter(({box}) => box.width > 0)
      .sort((a, b) => a.box.left - b.box.left);
  texts.forEach((a, i) => {
    for (let j = i + 1; j < texts.length && texts[j].box.left < a.box.right - 1; ++j) {
      const b = texts[j];
      const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Boxes of text have room above and below the letters.
      if (height > 0.3 * Math.min(a.box.height, b.box.height)) found.push(a.name + ' | ' + b.name);
    }
  });
}
return found;
"""

# WCAG's contrast of each element's text with what is behind it.
CONTRASTS = """
const channels = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => channels(color).slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (channels(color)[3] !== 0) return color;
  }
};
return [...document.querySelectorAll('h1, h2, h3, p, dt, dd, th, td, li, a, code, .label, button:not(:disabled)')]
    .filter((element) => element.offsetParent && element.textContent.trim())
    .map((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort();
      return [element.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    }).filter(([, contrast]) => contrast < 4.5);
"""


def open_browser():
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS + ["--user-data-dir=" + tempfile.mkdtemp(dir=".")]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = open_browser()
        # What the browser's own first page asked for.
        cls.browser.get("about:blank")
        cls.browser.get_log("performance")

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()

    def setUp(self):
        self.emulate(1280, "light")
        self.open("page.html")

    def tearDown(self):
        self.assertEqual(self.browser.get_log("browser"), [], "the console is empty")
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.assertRegex(message["params"]["request"]["url"], "^(file|data):")
        self.assertEqual(self.run_script("return performance.getEntriesByType('resource').length"), 0)

    def emulate(self, width, scheme):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme},
                         {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def open(self, name):
        self.browser.get(Path(name).resolve().as_uri())

    def run_script(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def click(self, selector):
        element = self.find(selector)
        self.run_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def go_to_last_step(self):
        self.find("#slider").send_keys(Keys.END)

    def scale(self, figure):
        moved = self.find(f"#{figure} svg > g").get_attribute("transform")
        return float(re.search(r"scale\(([\d.]+)\)", moved).group(1))

    def test_header_names_model_machine_and_versions(self):
        self.assertEqual(self.text("h1"), "stories")
        facts = self.text("#facts")
        for name in ["CPU", "ISA", "Threads", "Context\n2,048 tokens", "LLVM 19"]:
            self.assertIn(name, facts)
        self.assertEqual(self.browser.title, "stories – lluda report")

    def test_slider_goes_through_the_passes_by_keyboard(self):
        slider = self.find("#slider")
        self.assertEqual(self.text("#step-title"), "As imported")
        self.assertFalse(self.find("#before").is_displayed())
        for _ in range(4):
            slider.send_keys(Keys.ARROW_RIGHT)
        self.assertEqual(self.text("#step-title"), "4 fuse-rope")
        self.assertEqual(slider.get_attribute("aria-valuetext"), "4 fuse-rope")
        slider.send_keys(Keys.END)
        self.assertIn("plan-memory", self.text("#step-title"))
        self.assertFalse(self.find("#next").is_enabled())

    def test_keys_and_buttons_move_without_the_slider(self):
        self.click("#next")
        self.click("#next")
        self.find("body").send_keys(Keys.ARROW_RIGHT)
        self.assertEqual(self.text("#step-title"), "3 dce")
        self.click("#previous")
        self.assertEqual(self.text("#step-title"), "2 cse")
        self.click('.stop[data-step="7"] .label')
        self.assertEqual(self.text("#step-title"), "7 fuse-projection")

    def test_changes_are_those_of_ir_diff_and_marked_in_the_graphs(self):
        diff = Path("fuse_rope.diff").read_text().splitlines()
        expected = [line[0] + " ".join(line[1:].split()) for line in diff if line[0] in "-+"]
        self.click('.stop[data-step="4"] .label')
        lines = self.find_all('#changes [data-section="@attn"] .line:not(.note)')
        shown = [line.text.replace("−", "-").replace("\n", "", 1) for line in lines]
        self.assertEqual([line[0] + " ".join(line[1:].split()) for line in shown], expected)
        self.assertEqual(len(expected), 20)
        self.assertEqual(len(self.find_all("#before .node.removed")), 16)
        self.assertEqual(len(self.find_all("#before .node.changed")), 2)
        marked = self.find_all("#after .node.changed")
        self.assertEqual(sorted(node.get_attribute("data-name") for node in marked), ["%k3", "%q3"])
        self.assertEqual(len(self.find_all("#after .node.added, #after .node.removed")), 0)

    def test_clicking_an_op_shows_its_text_origin_and_weights(self):
        self.go_to_last_step()
        self.click('#functions [data-func="@mlp"]')
        self.click('#after .node[data-name="%m"]')
        line = re.search(r"^ *(%m = .*)$", Path("last.lluda").read_text(), re.M).group(1)
        self.assertEqual(" ".join(self.text("#statement .ir").split()), line)
        panel = self.text("#statement")
        for part in ["2 matmul, silu, mul, cast", "{gate_proj, up_proj}", "merge-matmul"]:
            self.assertIn(part, panel)
        weight = self.text('#statement [data-global="@wgu"]')
        for part in ["bf16", "ff2[1536] hid[256]", "@panel(16x2, hid)", "6 × 786 kB = 4.72 MB",
                     "@wg[layer] @wu[layer]"]:
            self.assertIn(part, weight)
        self.assertIn("selected", self.find('#after .node[data-name="%m"]').get_attribute("class"))
        self.assertGreater(len(self.find_all("#after .edge.lit")), 1)

    def test_a_statement_that_a_pass_removed_is_still_told_of(self):
        self.click('.stop[data-step="4"] .label')
        self.click('#changes .line[data-name="%qt0"]')
        self.assertIn("fuse-rope removed it", self.text("#statement"))
        self.assertIn("%qt0 = mul %qa %cos", self.text("#statement .ir"))

    def test_graphs_zoom_and_pan(self):
        first = self.scale("after")
        self.click('#after [aria-label="Zoom in"]')
        self.assertGreater(self.scale("after"), first * 1.2)
        self.click('#after [aria-label="Show all of it"]')
        fitted = self.scale("after")
        self.assertLess(fitted, first)
        picture = self.find("#after svg")
        ActionChains(self.browser).click(picture).scroll_by_amount(0, 0).perform()
        self.run_script("""arguments[0].dispatchEvent(new WheelEvent('wheel',
            {deltaY: -300, ctrlKey: true, bubbles: true, cancelable: true}))""", picture)
        self.assertGreater(self.scale("after"), fitted * 1.3)
        before = self.find("#after svg > g").get_attribute("transform")
        ActionChains(self.browser).move_to_element_with_offset(picture, 200, 200).click_and_hold() \
            .move_by_offset(40, 30).release().perform()
        after = self.find("#after svg > g").get_attribute("transform")
        moved = [[float(n) for n in re.findall(r"[-\d.]+", text)[:2]] for text in (before, after)]
        self.assertAlmostEqual(moved[1][0] - moved[0][0], 40, delta=2)
        self.assertAlmostEqual(moved[1][1] - moved[0][1], 30, delta=2)

    def test_times_select_the_op_in_the_graph(self):
        self.click('.kernels tr[data-name="mlp.m"]')
        self.assertIn("plan-memory", self.text("#step-title"))
        self.assertEqual(self.find("#after .node.selected").get_attribute("data-name"), "%m")
        self.assertIn("matmul_", self.text(".kernel-card"))
        self.assertIn("of the", self.text("#statement"))
        self.click('[data-run="1"]')
        self.assertIn("selected", self.find('.kernels tr[data-name="mlp.m"]').get_attribute("class"))
        point = self.find('.roofline .point[data-name="logits.l"]')
        self.run_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", point)
        self.assertEqual(self.text('#functions [aria-selected="true"]').split()[0], "@logits")

    def test_every_statement_has_a_row_and_the_machine_its_ceilings(self):
        rows = [row.get_attribute("data-name") for row in self.find_all(".kernels tbody tr")]
        asm = self.run_script("return report.runs[0].statements.map((row) => row.name)")
        self.assertEqual(sorted(rows), sorted(asm))
        self.assertIn("attn.o0", rows)
        labels = " ".join(label.text for label in self.find_all(".roof-label"))
        self.assertIn("DRAM read", labels)
        self.assertIn("f32", labels)

    def test_memory_shows_a_buffers_name_and_size(self):
        self.click("#plan-layer")
        labels = [label.text for label in self.find_all(".buffer-label") if label.text]
        self.assertIn("attn[1].q4", labels)
        ActionChains(self.browser).move_to_element(
            self.find('.plan [data-name="attn[1].q4"] rect')).perform()
        self.assertRegex(self.text(".plan-info"), r"^attn\[1\]\.q4 262 kB at byte [\d,]+, calls \d+ to \d+, by matmul_")
        for part in ["packed weights", "KV cache", "activations"]:
            self.assertIn(part, self.text("#memory"))

    def test_no_labels_overlap_at_any_step(self):
        for width in (1280, 1920):
            self.emulate(width, "light")
            self.open("page.html")
            for step in range(self.run_script("return report.steps.length")):
                for func in self.run_script("goTo(arguments[0]); return functionNames()", step):
                    self.run_script("update({func: arguments[0], selected: ''})", func)
                    self.assertEqual(self.run_script(OVERLAPS), [], f"step {step}, {func}, {width} px")
            for run in (0, 1):
                self.run_script("update({run: arguments[0]})", run)
                for view in ("#plan-layer", "#plan-all"):
                    self.click(view)
                    self.assertEqual(self.run_script(OVERLAPS), [], f"run {run}, {view}, {width} px")

    def test_nothing_is_wider_than_the_window(self):
        for width in (1920, 1280, 900, 480):
            self.emulate(width, "light")
            self.open("page.html")
            self.go_to_last_step()
            wide = self.run_script("return document.documentElement.scrollWidth - innerWidth")
            self.assertLessEqual(wide, 0, f"at {width} px")

    def test_text_has_contrast_in_light_and_dark(self):
        colors = set()
        for scheme in ("light", "dark"):
            self.emulate(1280, scheme)
            self.open("page.html")
            self.click('.stop[data-step="9"] .label')
            colors.add(self.run_script("return getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(self.run_script(CONTRASTS), [], scheme)
        self.assertEqual(len(colors), 2)

    def test_names_that_look_like_markup_are_text(self):
        self.open("hostile.html")
        self.assertEqual(self.text("h1"), "a<b>&\"c' · </script>")
        self.assertEqual(self.text("#step-title"), "As in the dump")
        self.assertEqual(self.text("#time-body"), "Nothing was run: this report was made with --no-measure.")

    def test_a_dump_of_the_last_step_has_nothing_to_slide_over(self):
        self.open("dump.html")
        self.assertEqual(len(self.find_all(".stop")), 1)
        self.assertFalse(self.find("#next").is_enabled())
        self.assertRegex(self.text("#figures"), r"^\d+ statements\nafter all passes")
        self.click('#after .node[data-name="%q4"]')
        self.assertIn("@wq_p", self.text("#statement"))

    def test_a_bundle_shows_its_module_times_and_memory(self):
        for width in (1280, 1920):
            self.emulate(width, "light")
            self.open("bundle.html")
            self.assertEqual(self.text("h1"), "stories")
            self.assertEqual(self.text("#step-title"), "As in the bundle")
            self.assertEqual([stop.text for stop in self.find_all(".stop")], ["bundle"])
            self.assertIn("is not in it", self.text("#changes"))
            self.assertNotIn("slider", self.text("#passes"))
            self.click('#functions [data-func="@attn"]')
            self.click('#after .node[data-name="%q4"]')
            statement = self.text("#statement")
            self.assertIn("{q_proj, q_norm}", statement)
            self.assertIn("made by\nfuse-epilogue", statement)
            self.assertNotIn("imported as", statement)
            self.click('.kernels tr[data-name="mlp.m"]')
            self.assertEqual(self.find("#after .node.selected").get_attribute("data-name"), "%m")
            self.assertIn("packed weights", self.text("#memory"))
            self.assertEqual(self.run_script(OVERLAPS), [], f"{width} px")


if __name__ == "__main__":
    unittest.main(verbosity=1)
