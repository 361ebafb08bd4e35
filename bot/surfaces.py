"""The surfaces on which replies are asked for, each with its traits: one table, which all rooms read.

if SURFACES[request.surface].fills_in_place: …
"""

from dataclasses import dataclass
from typing import Final

from storage.records import Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceTraits:
    """The traits of a surface. Without any of them, nobody sees candidates there in Slack.

    `is_in_channel`: it is in a conversation, where its channel must be allowed, and replies are posted.
    `is_private`: it is in Slack, between the agent and the bot alone; what is told there is a direct message.
    `fills_in_place`: each candidate is shown as soon as it is done, in a place drawn before.
    `reads_thread`: the thread is read for the model.
    `is_terminal`: it belongs to one process, and has no Undo.
    `is_unattended`: nobody waits for a reply to choose (`storage/queries/reports.py` leaves it out).
    """

    is_in_channel: bool = False
    is_private: bool = False
    fills_in_place: bool = False
    reads_thread: bool = False
    is_terminal: bool = False
    is_unattended: bool = False


SURFACES: Final[dict[Surface, SurfaceTraits]] = {
    "slash": SurfaceTraits(is_in_channel=True),
    "shortcut": SurfaceTraits(is_in_channel=True, fills_in_place=True, reads_thread=True),
    "mention": SurfaceTraits(is_in_channel=True, reads_thread=True),
    "dm": SurfaceTraits(is_private=True, fills_in_place=True),
    "global": SurfaceTraits(is_private=True, fills_in_place=True),
    "home": SurfaceTraits(is_private=True, fills_in_place=True),
    "cli": SurfaceTraits(is_terminal=True),
    "batch": SurfaceTraits(is_unattended=True),
    "compare": SurfaceTraits(is_unattended=True),
    "import": SurfaceTraits(),
}
