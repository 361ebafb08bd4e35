"""An agent's own settings: kept in the database, they count from the next request on."""

from collections.abc import Iterable
from typing import Any

from bot.text_limits import clean
from handlers.blocks.action_ids import HINT_BLOCK, LANGUAGE_BLOCK
from handlers.blocks.home import (
    AS_IN_SLACK,
    CANDIDATES_BLOCK,
    COUNTS,
    DEFAULT,
    ON_USE,
    ON_USE_BLOCK,
    STYLES_BLOCK,
    list_languages,
    list_styles,
)
from handlers.blocks.limits import HINT_LIMIT
from handlers.context import Ack, Context, Services, build_context
from handlers.home_display import build_defaults, publish_home
from handlers.payloads import MalformedPayload, SubmissionPayload
from handlers.views.submissions import handle_submission, refuse, to_click
from storage.records import AgentSettings, ChannelDefaults, OnUse

_INPUTS = (CANDIDATES_BLOCK, LANGUAGE_BLOCK, ON_USE_BLOCK, STYLES_BLOCK, HINT_BLOCK)
_ON_USE: dict[str, OnUse] = {"post": "post", "copy": "copy"}


async def on_settings(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the settings."""
    await handle_submission(services, ack, body, inputs=_INPUTS, answer=_answer)


async def _answer(services: Services, context: Context[SubmissionPayload]) -> None:
    """Keep the settings, close the modal, and publish Home anew, in the language that was chosen."""
    submission = context.payload
    styles = list_styles(build_defaults(services, context.user.locale))
    if not submission.checked[STYLES_BLOCK]:
        await refuse(context, STYLES_BLOCK, context.texts("settings-no-style"))
        return
    await services.home.save_settings(
        context.owner_id,
        submission.sender.user_id,
        _parse_settings(submission, styles),
        idempotency_key=to_click(context).idempotency_key,
    )
    await context.ack()
    services.tasks.spawn(_publish(services, context), name="publish Home")


async def _publish(services: Services, context: Context[SubmissionPayload]) -> None:
    """Publish Home as the new settings have it."""
    await publish_home(services, await build_context(services, context.payload, context.ack))


def parse_defaults(submission: SubmissionPayload, styles: Iterable[str]) -> ChannelDefaults:
    """Read what agents and channels can both set. Raises MalformedPayload for what the modal does not offer."""
    count = submission.get_choice(CANDIDATES_BLOCK, (DEFAULT, *COUNTS))
    language = submission.get_choice(LANGUAGE_BLOCK, (AS_IN_SLACK, *list_languages()))
    checked = submission.checked[STYLES_BLOCK]
    return ChannelDefaults(
        candidates=None if count == DEFAULT else int(count),
        language=None if language == AS_IN_SLACK else language,
        styles_off=tuple(name for name in styles if name not in checked),
    )


def _parse_settings(submission: SubmissionPayload, styles: Iterable[str]) -> AgentSettings:
    """Read the settings. Raises MalformedPayload for what the modal does not offer."""
    shared = parse_defaults(submission, styles)
    on_use = submission.get_choice(ON_USE_BLOCK, (DEFAULT, *ON_USE))
    hint = clean(submission.values[HINT_BLOCK]).strip()
    if len(hint) > HINT_LIMIT:
        raise MalformedPayload(HINT_BLOCK)
    return AgentSettings(
        candidates=shared.candidates,
        language=shared.language,
        on_use=_ON_USE.get(on_use),
        hint=hint or None,
        styles_off=shared.styles_off,
    )
