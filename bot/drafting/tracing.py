"""LangSmith, where somebody has switched it on by its own variables: what runs, when and how long, but nobody's words.

LangChain sends its traces through one client of the process. It is made here, before the first draft, and sends no
inputs, no outputs, and of an error its type alone: a provider's error may hold what was asked.
"""

import re
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def hide_texts() -> None:
    """From now on, no trace of this process holds a text. For where something is traced: it starts a thread."""
    import langsmith

    langsmith.configure(client=langsmith.Client(hide_inputs=True, hide_outputs=True, anonymizer=_without_texts))


def _without_texts(told: dict[str, Any]) -> dict[str, Any]:
    """An error by its type; metadata, which is ours and holds no text, as it is."""
    if set(told) != {"error"}:
        return told
    name = _NAME.match(str(told["error"]))
    return {"error": name[0] if name else "error"}
