"""How much memory a call takes, as the system counts it."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_FORGET_PEAK = "5"


class Memory(NamedTuple):
    """What a process held in main memory while a function ran; None where the system does not tell.

    Attributes:
      peak_bytes: the most, arrays and libraries from before included.
      grown_bytes: by how much that is above what it held when the call began.
    """

    peak_bytes: int | None
    grown_bytes: int | None


def watched(run: Callable[[], Any]) -> tuple[Any, Memory]:
    """Calls a function and watches the memory of this process, on the host.

    Where the peak cannot be forgotten, as on systems other than Linux, it is that of the whole process so far.
    """
    try:
        _RESET.write_text(_FORGET_PEAK)
        before = _status("VmRSS")
    except OSError:
        before = None
    answer = run()
    if before is None:
        return answer, Memory(_peak_of_process(), None)
    peak = _status("VmHWM")
    return answer, Memory(peak, max(0, peak - before))


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} tells no {field}")
    return 1024 * int(found[1])


def _peak_of_process() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
