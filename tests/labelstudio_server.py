"""A real Label Studio server on a free port of this machine, with a data base of its own, spoken to over HTTP."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

VARIABLE = "DDAL_JAX_LABEL_STUDIO"
_TOKEN = "0123456789abcdef0123456789abcdef01234567"
_SETTINGS = {
    "LABEL_STUDIO_USERNAME": "first@example.org",
    "LABEL_STUDIO_PASSWORD": "not-a-secret-of-anyone",
    "LABEL_STUDIO_USER_TOKEN": _TOKEN,
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # else only tokens that a person makes in the browser
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
}


def executable():
    """Returns the path of `label-studio`, or None."""
    return os.environ.get(VARIABLE) or shutil.which("label-studio")


class Server:
    """Calls on a running server."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"

    def raw(self, method, path, body=None):
        """Sends JSON and returns the bytes of the answer."""
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {_TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error

    def call(self, method, path, body=None):
        """Sends JSON and returns JSON."""
        return json.loads(self.raw(method, path, body))

    def is_up(self):
        """Tells whether the server answers yet."""
        with contextlib.suppress(OSError, AssertionError):
            return self.call("GET", "/health")["status"] == "UP"
        return False


@contextlib.contextmanager
def running(folder: Path):
    """Starts a server that keeps everything in `folder`, and ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [executable(), "start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    environment = os.environ | _SETTINGS | {"LABEL_STUDIO_BASE_DATA_DIR": str(folder)}
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        server = Server(port)
        give_up = time.monotonic() + 300
        while not server.is_up():
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < give_up, log.read_text()[-2000:]
            time.sleep(0.5)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
