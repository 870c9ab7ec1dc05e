"""A server for tests: started with flags, asked, ended."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading


def give_markers(folder):
    """Makes four of the tokens of a model's vocabulary those that thoughts and calls stand between."""
    path = os.path.join(folder, "tokenizer.json")
    with open(path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    vocabulary = tokenizer["model"]["vocab"]
    # The last ones were merged last: no other token is made of them.
    last = sorted(vocabulary, key=vocabulary.get)[-4:]
    for token, marker in zip(last, ["<think>", "</think>", "<tool_call>", "</tool_call>"]):
        tokenizer["added_tokens"].append({"id": vocabulary.pop(token), "content": marker, "single_word": False, "lstrip": False,
                                          "rstrip": False, "normalized": False, "special": False})
    tokenizer["model"]["merges"] = [
        merge for merge in tokenizer["model"]["merges"]
        if "".join(merge.split(" ") if isinstance(merge, str) else merge) not in last]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    path = os.path.join(folder, "tokenizer_config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    # Tokens that the model has no logits for.
    config["additional_special_tokens"] = []
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


def make_chatty(folder, stories, token_config):
    """Makes a folder of the model in `stories`, with the chat template of a tokenizer_config.json and the markers."""
    os.mkdir(folder)
    for name in os.listdir(stories):
        if name.endswith(".json") or name == "model.safetensors":
            shutil.copyfile(os.path.join(stories, name), os.path.join(folder, name))
    with open(token_config, encoding="utf-8") as file:
        config = json.load(file)
    del config["added_tokens_decoder"]  # of a model with other ids
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    give_markers(folder)


class Server:
    """`lluda serve`, or another `command`, on a port of its own; `log` has what it wrote to stderr."""

    def __init__(self, *flags, model=None, environment=None, command=None):
        command = command or [os.environ["lluda"], "serve"] + ([model] if model else [])
        self.process = subprocess.Popen([*command, "--port", "0", *flags], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})
        self.log = []
        self.port = None
        for line in self.process.stderr:
            self.log.append(line)
            found = re.match(r"lluda(?:-serve)?: serving (\S+) at http://127\.0\.0\.1:(\d+)$", line)
            if found:
                self.model, self.port = found.group(1), int(found.group(2))
                break
        if self.port is None:
            raise RuntimeError("".join(self.log))
        self.reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,))
        self.reader.start()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.reader.join()
        self.process.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stderr.close()

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and text of the answer to one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        all_headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body, {**all_headers, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def post(self, path, body, headers=None):
        status, _, text = self.ask("POST", path, body, headers)
        return status, json.loads(text)

    def stream(self, path, body):
        """The events of a stream as JSON; the last one is the text [DONE] where it came."""
        status, headers, text = self.ask("POST", path, {**body, "stream": True})
        assert status == 200, text
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8", headers
        events = [event for event in text.split("\n\n") if not event.startswith(":")]
        assert events[-1] == "", events
        data = [event.removeprefix("data: ") for event in events[:-1]]
        return [json.loads(one) for one in data[:-1]] + [data[-1]]

    def raw(self, data, wait=10):
        """What comes back for these bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as client:
            client.sendall(data)
            read = b""
            while True:
                try:
                    some = client.recv(65536)
                except (ConnectionResetError, socket.timeout):
                    return read
                if not some:
                    return read
                read += some

    def resident(self):
        """Bytes of memory that are the process's own: pages of files are not, which others come to share and cease to."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as lines:
            return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Anonymous:"))
