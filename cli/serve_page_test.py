"""Uses the page of `lluda serve` in headless Chromium. Run by serve_test.sh; MODEL has a chat template."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serving import Server  # noqa: E402

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        cls.profile = tempfile.TemporaryDirectory()
        for flag in FLAGS + [f"--user-data-dir={cls.profile.name}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.profile.cleanup()

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def wait(self, condition):
        return WebDriverWait(self.browser, 60).until(lambda _: condition())

    def texts(self, selector):
        return [element.text for element in self.browser.find_elements(By.CSS_SELECTOR, selector)]

    def use(self, server):
        """Asks, replays and stops, as a reader would."""
        self.browser.get(f"http://127.0.0.1:{server.port}/")
        self.wait(lambda: self.find("#model").text == server.model)
        self.find("summary").click()
        self.find("#tokens").send_keys(Keys.CONTROL + "a", "24")
        self.find("#temperature").send_keys("1")
        self.find("#seed").send_keys("1")  # of a text that does not end at once
        self.find("#input").send_keys("Once upon a <b>time", Keys.ENTER)
        self.wait(lambda: self.texts("button.replay"))
        self.assertEqual(self.texts("article.user"), ["Once upon a <b>time"])
        self.assertTrue(self.texts("article.assistant .text")[0])
        self.assertRegex(self.texts(".facts")[0], r"first token \d+ ms · [\d.]+ tokens/s · seed \d+ · lluda-[0-9a-f]{16} · \w+")
        self.find("button.replay").click()
        self.wait(lambda: "bytes is the same" in "".join(self.texts(".result")))
        self.find("#tokens").send_keys(Keys.CONTROL + "a", "2000")
        self.find("#input").send_keys("And then", Keys.ENTER)
        self.wait(lambda: len(self.texts("article.assistant .text")) == 2 and self.texts("article.assistant .text")[1])
        self.find("#stop").click()
        self.wait(lambda: self.texts(".error") == ["stopped"] or len(self.texts("button.replay")) == 2)
        self.find("#clear").click()
        self.assertEqual(self.texts("article"), [])
        # The policy lets nothing else run, and all that the page needs.
        self.browser.execute_script("""
            const script = document.createElement('script');
            script.textContent = 'window.intruder = true';
            document.body.append(script);""")
        self.assertIsNone(self.browser.execute_script("return window.intruder"))
        severe = [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        return [message for message in severe if "intruder" not in message and "Content Security Policy" not in message]

    def test_a_conversation(self):
        with Server("--log", "off", model=os.environ["MODEL"]) as server:
            self.assertEqual(self.use(server), [])
            self.assertEqual(self.find("#mode").get_attribute("value"), "chat")

    def test_a_model_without_a_chat_template_continues_texts(self):
        with Server("--log", "off") as server:
            # The refusal that the page finds it out by.
            self.assertEqual(len(self.use(server)), 1)
            self.assertEqual(self.find("#mode").get_attribute("value"), "text")


if __name__ == "__main__":
    unittest.main(verbosity=1)
