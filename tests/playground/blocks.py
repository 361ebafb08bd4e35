"""Small valid blocks, to be made wrong in one place at a time."""

from typing import Any

Json = dict[str, Any]


def plain(text: str = "text") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "text") -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "text", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id: str = "use_candidate", value: str = "c1", **more: Any) -> Json:
    return {"type": "button", "text": plain("Use"), "action_id": action_id, "value": value, **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def option(value: str = "v", text: str = "text", **more: Any) -> Json:
    return {"text": plain(text), "value": value, **more}


def options(count: int) -> list[Json]:
    return [option(f"v{index}") for index in range(count)]


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "pick", "options": options(2), **more}


def overflow(count: int = 2) -> Json:
    return {"type": "overflow", "action_id": "more", "options": options(count)}


def text_input(block_id: str = "reply", **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "text", **more}
    return {"type": "input", "block_id": block_id, "label": plain("Reply"), "element": element}


def confirm(title: str = "t", text: str = "t", yes: str = "y", no: str = "n") -> Json:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(no)}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def modal(*blocks: Json, **more: Any) -> Json:
    view = {"type": "modal", "title": plain("Edit"), "submit": plain("Send"), "blocks": list(blocks or [text_input()])}
    return view | {"callback_id": "edit_reply"} | more
