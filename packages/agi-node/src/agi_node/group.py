"""The worker's process group: everything that user code started and did not take elsewhere, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import NoReturn

GRACE_SECONDS = 2
"""How long a process may ignore SIGTERM, and the author's own clean-up may take."""


def leave(status: int) -> NoReturn:
    """End this process at once, whatever its other threads do."""
    os._exit(status)


def end_group(status: int = 1) -> NoReturn:
    """End this process at once, and with it everything that user code started and that stayed in the group."""
    group = os.getpid()
    if hasattr(os, "killpg") and os.getpgid(0) == group:
        try:
            # Whatever ignores SIGTERM has two seconds, counted by a process outside the group: this one is about to go.
            subprocess.Popen(
                ["/bin/sh", "-c", f"sleep {GRACE_SECONDS}; kill -9 -{group} 2>/dev/null"],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.killpg(group, signal.SIGTERM)
        except OSError:  # no shell, or no memory for one
            os.killpg(group, signal.SIGKILL)
        # The signal ends this process too, once the kernel gets to it; the status should not depend on who is first.
        time.sleep(0.2)
    leave(status)


def leave_in_order() -> None:
    """Send children that were left behind away, and give the author's own clean-up two seconds."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpid(), signal.SIGTERM)
    deadline = threading.Timer(GRACE_SECONDS, leave, args=(0,))
    deadline.daemon = True
    deadline.start()
