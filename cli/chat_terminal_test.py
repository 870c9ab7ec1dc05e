"""lluda on a pseudo-terminal: Ctrl-C while it answers, at the prompt and while it loads; newlines.

  chat_terminal_test.py LLUDA CHAT_MODEL STORY_MODEL

CHAT_MODEL must not end an answer by itself for some seconds.
"""
import os
import pty
import re
import select
import signal
import sys
import time
import unittest

LLUDA, CHAT_MODEL, STORY_MODEL = sys.argv[1:4]
SECONDS = 120  # on a machine that has much else to do
CTRL_C = b"\x03"


class Terminal:
    """A program whose stdin, stdout and stderr are a terminal of its own."""

    def __init__(self, *arguments):
        self.seen = b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever this test was started with
                signal.signal(number, signal.SIG_DFL)
            os.execv(LLUDA, [LLUDA, *arguments])

    def write(self, data):
        os.write(self.terminal, data)

    def until(self, pattern):
        """Reads until what came since the last call has the pattern; False if the program ended first."""
        text, end = b"", time.monotonic() + SECONDS
        while not re.search(pattern, text):
            if time.monotonic() > end:
                raise TimeoutError(f"no {pattern} in {text[-300:]}")
            if not select.select([self.terminal], [], [], 0.2)[0]:
                continue
            try:
                text += os.read(self.terminal, 65536)
            except OSError:  # the program has closed the other side
                return False
            self.seen = text
        return True

    def end(self):
        """Waits for the end; an exit code, or a signal's number below zero."""
        self.until(rb"(?!)")
        status = os.waitpid(self.child, 0)[1]
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


class TerminalTest(unittest.TestCase):
    def chat(self):
        return Terminal("chat", CHAT_MODEL, "--no-thinking", "--temperature", "0", "-n", "100000", "--ctx", "2048")

    def test_ctrl_c_ends_an_answer_and_at_the_prompt_the_program(self):
        chat = self.chat()
        self.assertTrue(chat.until(rb"> $"))
        for number in range(8):
            chat.write(b"Tell me story %d.\n" % number)
            self.assertTrue(chat.until(rb"\r\n[^\r\n]+"), number)  # behind the echo
            chat.write(CTRL_C)
            self.assertTrue(chat.until(rb"\r\n> $"), number)
        chat.write(CTRL_C)
        self.assertEqual(chat.end(), 130)

    def test_ctrl_c_at_the_first_prompt_ends_the_program(self):
        chat = self.chat()
        self.assertTrue(chat.until(rb"> $"))
        chat.write(CTRL_C)
        self.assertEqual(chat.end(), 130)

    def test_ctrl_c_behind_a_message_never_hangs_or_crashes(self):
        for _ in range(3):
            chat = self.chat()
            self.assertTrue(chat.until(rb"> $"))
            chat.write(b"Hi\n" + CTRL_C)
            if chat.until(rb"\^C(.|\n)*> $"):  # it had begun to answer
                chat.write(CTRL_C)
            self.assertEqual(chat.end(), 130)

    def test_the_end_of_input_ends_the_chat(self):
        chat = self.chat()
        self.assertTrue(chat.until(rb"> $"))
        chat.write(b"\x04")
        self.assertEqual(chat.end(), 0)

    def test_a_hangup_ends_the_chat(self):
        chat = self.chat()
        self.assertTrue(chat.until(rb"> $"))
        os.close(chat.terminal)
        status = os.waitpid(chat.child, 0)[1]
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGHUP)

    def test_a_text_ends_with_one_newline(self):
        for stop in ([], ["--stop", " there"]):
            story = Terminal("generate", STORY_MODEL, "-p", "Once upon a time", "-n", "3", "--temperature", "0", *stop)
            code = story.end()
            self.assertEqual(code, 0)
            text = story.seen.split(b"\x1b[K")[-1]  # behind the progress line
            self.assertEqual(text, b",\r\n" if stop else b", there was\r\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
