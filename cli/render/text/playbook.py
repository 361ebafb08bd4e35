"""`suggest playbook check` on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.commands.playbook_check import UsablePlaybook


def render_playbook(checked: "UsablePlaybook") -> str:
    """Render the styles and the patterns to redact."""
    playbook = checked.playbook
    lines = [f"{checked.name} can be used: {len(playbook.styles)} styles, prompt_version {playbook.prompt_version}"]
    for style in playbook.styles:
        model = f", model {style.model}" if style.model else ""
        lines.append(f"  {style.name:<12} {style.label}, temperature {style.temperature:g}{model}")
    lines += [f"  [{rule.kind}_1]  in the place of {rule.pattern.pattern}" for rule in playbook.redact]
    return "\n".join(lines)
