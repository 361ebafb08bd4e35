"""Interactive elements: find them, and build a payload's `actions` entry and `state.values`."""

from collections.abc import Iterator
from typing import Any

from playground.slack.errors import ImpossibleAction
from playground.slack.objects import Ephemeral, Json, Message, View
from playground.slack.state import find_interactive_elements

Surface = Message | Ephemeral | View
Values = dict[str, dict[str, Json]]

# Per element: the field that holds what is chosen, and the one that holds what was chosen from the start.
SLOTS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}


def list_elements(surface: Surface) -> Iterator[tuple[Json, Json]]:
    """Yield each interactive element with its block, from top to bottom."""
    for block in surface.blocks:
        for element in find_interactive_elements(block):
            yield block, element


def find_element(surface: Surface, action_id: str, *, value: str | None, block_id: str | None) -> tuple[Json, Json]:
    """Find the first element that fits, with its block. Raises ImpossibleAction, naming the elements that are there."""
    for block, element in list_elements(surface):
        fits = element["action_id"] == action_id and block_id in {None, block["block_id"]}
        if fits and value in {None, element.get("value")}:
            return block, element
    there = ", ".join(f"{e['action_id']}={e.get('value', '')}" for _, e in list_elements(surface)) or "nothing to click"
    raise ImpossibleAction(f"no {action_id} (value {value}, block {block_id}) here; there is: {there}")


def build_click(block: Json, element: Json, *, ts: str) -> Json:
    """Build the `actions` entry of a clicked button."""
    if element["type"] not in {"button", "icon_button"}:
        raise ImpossibleAction(f"{element['action_id']} is a {element['type']}: select, not click")
    kept: Json = {name: element[name] for name in ("value", "style", "url", "confirm") if name in element}
    return {**_identify(block, element), "text": {"emoji": True, **element["text"]}, **kept, "action_ts": ts}


def build_selection(block: Json, element: Json, chosen: Any, *, ts: str) -> Json:
    """Build the `actions` entry of any other element; `chosen` as for `build_state_entry`."""
    return {**_identify(block, element), **build_state_entry(element, chosen), "action_ts": ts}


def _identify(block: Json, element: Json) -> Json:
    return {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}


def build_state_entry(element: Json, chosen: Any) -> Json:
    """Build the element's `state.values` entry.

    `chosen` is a text, an id, a date, an option's value, or a list of those.
    """
    if element["type"] not in SLOTS:
        raise ImpossibleAction(f"a {element['type']} holds no value")
    slot, _ = SLOTS[element["type"]]
    if slot == "selected_option":
        chosen = None if chosen is None else _find_option(element, chosen)
    elif slot == "selected_options":
        chosen = [_find_option(element, value) for value in chosen]
    elif slot == "value":
        chosen = chosen or None
    return {"type": element["type"], slot: chosen}


def _find_option(element: Json, value: str) -> Json:
    options = [*element.get("options", ()), *(o for g in element.get("option_groups", ()) for o in g["options"])]
    for option in options:
        if option["value"] == value:
            return dict(option)
    raise ImpossibleAction(f"no option {value}; there is: {', '.join(option['value'] for option in options)}")


def read_values(surface: Surface, entered: Json) -> Values:
    """Read every input's value: the entered one (`{block: {action: entry}}`), else its initial one."""
    values: Values = {}
    for block, element in list_elements(surface):
        if element["type"] not in SLOTS or element["type"] == "overflow":
            continue
        slot, initial = SLOTS[element["type"]]
        empty: Any = [] if slot == "selected_options" else None
        held = entered.get(block["block_id"], {}).get(element["action_id"])
        start = {"type": element["type"], slot: element.get(initial, empty) or empty}
        values.setdefault(block["block_id"], {})[element["action_id"]] = held or start
    return values


def check_complete(view: View, values: Values) -> None:
    """Raise ImpossibleAction if Slack's client would refuse to submit: an input is empty, too short or too long."""
    for block in view.blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = values[block["block_id"]][element["action_id"]][SLOTS[element["type"]][0]]
        if not held and not block.get("optional", False):
            raise ImpossibleAction(f"the input {block['block_id']} is required")
        if isinstance(held, str) and not element.get("min_length", 0) <= len(held) <= element.get("max_length", 3000):
            raise ImpossibleAction(f"the input {block['block_id']} holds {len(held)} characters")
