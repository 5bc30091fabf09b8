"""A real headless Chromium, spoken to through two pipes: no driver, no socket, no network."""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

VARIABLE = "DDAL_JAX_CHROMIUM"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--remote-debugging-pipe",
)  # fmt: skip


def executable():
    """Returns the path of a Chromium, or None."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get(VARIABLE) or next((path for path in found if path), None)


class Page:
    """One page: what it logs and asks the network for is kept."""

    def __init__(self, into, out):
        self._into, self._out, self._rest, self._number, self._session = into, out, b"", 0, None
        self.logged, self.requested = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """Calls a method of the developer tools' protocol and waits for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self):
        while b"\0" not in self._rest:
            more = os.read(self._out, 1 << 20)
            assert more, "the browser has gone"
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        if event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.logged.append(event["params"])
        if event["method"] == "Network.requestWillBeSent":
            self.requested.append(event["params"]["request"]["url"])

    def value(self, expression):
        """Evaluates an expression on the page; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, path: Path, *, width=1280, height=800, dark=False):
        """Opens a file and waits until it says that it is ready."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=path.resolve().as_uri())
        give_up = time.monotonic() + 60
        while self.value("document.documentElement?.dataset.ready") != "yes":
            assert time.monotonic() < give_up, self.logged
            time.sleep(0.05)
        self.frame()

    def frame(self):
        """Waits until what was asked for is painted."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def key(self, key):
        """Presses a key."""
        text = {"text": key} if len(key) == 1 else {}
        text = {"text": "\r"} if key == "Enter" else text
        code = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **text if kind == "keyDown" else {},
            )
        self.frame()

    def mouse(self, kind, x, y, **more):
        """Moves, presses or releases the mouse, or turns its wheel."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def picture(self, path: Path):
        """Saves what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def page(profile: Path):
    """Opens a browser with an empty profile, and closes it."""
    to_browser, into = os.pipe()
    out, from_browser = os.pipe()
    # It reads descriptor 3 and writes 4, whatever numbers the pipes have here.
    script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    command = ["bash", "-c", script, "bash", executable(), *_FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Page(into, out)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        os.close(into)
        os.close(out)
