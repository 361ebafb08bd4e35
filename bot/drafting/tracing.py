"""Tracing by LangSmith, where its own variables switch it on: what runs, when and how long, but nobody's words.

LangChain sends its traces through one client of the process. It is made here, before the first draft, and sends no
inputs, no outputs, and of an error its type alone: a provider's error may hold what was asked.
"""

import re
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def hide_texts() -> None:
    """Keep texts out of all traces of this process from now on.

    It starts a thread: call it only where something is traced.
    """
    import langsmith

    langsmith.configure(client=langsmith.Client(hide_inputs=True, hide_outputs=True, anonymizer=_strip_texts))


def _strip_texts(traced: dict[str, Any]) -> dict[str, Any]:
    """Reduce an error to its type, and leave metadata, which is ours and holds no text."""
    if set(traced) != {"error"}:
        return traced
    name = _NAME.match(str(traced["error"]))
    return {"error": name[0] if name else "error"}
