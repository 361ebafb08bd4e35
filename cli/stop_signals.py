"""Ctrl-C and SIGTERM: told to what runs instead of ending it, or explained."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def call_at_stop_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` in the running loop at Ctrl-C or SIGTERM. Only a main thread has signals: elsewhere, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def explain_interrupt(describe: Callable[[], str]) -> Iterator[None]:
    """Say on Ctrl-C what is done, and how to go on; then the command ends as it would."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"suggest: stopped: {describe()}", file=sys.stderr)
        raise
