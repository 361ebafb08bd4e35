"""`suggest playbook check` on a terminal."""

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.printable import make_printable
from cli.render.text.tables import build_table

if TYPE_CHECKING:
    from cli.commands.playbook_check import UsablePlaybook


def render_playbook(checked: "UsablePlaybook") -> RenderableType:
    """Render the styles and the patterns to redact."""
    playbook = checked.playbook
    head = f"{checked.name} can be used: {len(playbook.styles)} styles, prompt_version {playbook.prompt_version}"
    styles = [
        (
            style.name,
            f"{style.label}, temperature {style.temperature:g}{f', model {style.model}' if style.model else ''}",
        )
        for style in playbook.styles
    ]
    redacted = [(f"[{rule.kind}_1]", f"in the place of {rule.pattern.pattern}") for rule in playbook.redact]
    return Group(
        Text(make_printable(head)), build_table("lw", styles), *([build_table("lw", redacted)] if redacted else [])
    )
