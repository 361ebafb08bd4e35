"""`suggest playbook check --json`."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.commands.playbook_check import UsablePlaybook


def render_playbook(checked: "UsablePlaybook") -> str:
    """Render the styles and the patterns to redact."""
    playbook = checked.playbook
    styles = [
        {"name": style.name, "label": style.label, "temperature": style.temperature, "model": style.model}
        for style in playbook.styles
    ]
    redact = [{"name": rule.name, "pattern": rule.pattern.pattern} for rule in playbook.redact]
    found = {
        "playbook": checked.name,
        "prompt_version": playbook.prompt_version,
        "styles": styles,
        "redact": redact,
    }
    return json.dumps(found, ensure_ascii=False)
