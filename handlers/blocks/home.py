"""Home: a greeting, open requests, replies used lately, figures, settings; and the modal to change these."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, get_args

from bot.i18n.texts import Texts, get_texts, load_languages
from bot.stats.cluster_intervals import Estimate
from bot.suggesting.home import OWN_PERIOD, TEAM_PERIOD, HomeOverview, TeamOverview
from handlers.blocks.action_ids import (
    CHANNEL_VIEW,
    HINT_BLOCK,
    LANGUAGE_BLOCK,
    OPEN_CHANNEL,
    OPEN_SETTINGS,
    PAUSE,
    RESUME,
    SETTINGS_VIEW,
    SHOW,
)
from handlers.blocks.elements import (
    Block,
    actions,
    button,
    context,
    input_block,
    modal,
    option,
    plain_text,
    section,
    select,
    text_input,
)
from handlers.blocks.limits import HINT_LIMIT
from handlers.blocks.messages import BlockMessage, escape, shorten, shorten_lines
from storage.queries.home import UsedReply
from storage.records import AgentSettings, ChannelDefaults, OnUse, Request

CANDIDATES_BLOCK: Final = "candidates"
ON_USE_BLOCK: Final = "on_use"
STYLES_BLOCK: Final = "styles"
"""As LANGUAGE_BLOCK, each also the id of the element in it."""

DEFAULT: Final = "default"
AS_IN_SLACK: Final = "slack"
COUNTS: Final = tuple(str(count) for count in range(1, 11))
ON_USE: Final[tuple[OnUse, ...]] = get_args(OnUse)

CHANNEL_BLOCK: Final = "channel"
NEW_CHANNEL: Final = "new"

_MOST_CHANNELS: Final = 10
_MOST_CHECKBOXES: Final = 10
_MOST_OPTIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeDefaults:
    """The settings where an agent has set nothing; `styles` are the labels of the playbook's styles, by name."""

    candidates: int
    on_use: OnUse
    styles: Mapping[str, str]


def list_languages() -> tuple[str, ...]:
    """List the locales that there are texts for."""
    return tuple(load_languages())


def list_styles(defaults: HomeDefaults) -> dict[str, str]:
    """List the styles that can be switched off, with their labels: as many as Slack takes options."""
    return dict(islice(defaults.styles.items(), _MOST_OPTIONS))


def build_home_notice(message: BlockMessage) -> Block:
    """Build a Home that only says something."""
    return {"type": "home", "blocks": list(message.blocks)}


def build_home(overview: HomeOverview, texts: Texts, defaults: HomeDefaults) -> Block:
    """Build an agent's Home."""
    return {
        "type": "home",
        "blocks": [
            _mrkdwn(texts("home-greeting")),
            *_build_open(overview.open, texts),
            *_build_used(overview.used, texts, defaults),
            _build_header(texts("home-figures", days=OWN_PERIOD.days)),
            section(_word_share(overview.accepted, texts)),
            *_build_settings(overview.settings, texts, defaults),
            *(() if overview.team is None else _build_team(overview.team, texts, defaults)),
        ],
    }


def _build_header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text)}


def _mrkdwn(text: str) -> Block:
    """A section of the bot's own words."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _quote(text: str) -> Block:
    """A section of what people wrote: its emoji show, nothing else in it has a meaning."""
    return {**section(text), "text": {**plain_text(text), "emoji": True}}


def _build_open(requests: tuple[Request, ...], texts: Texts) -> Iterator[Block]:
    """Build the open requests, each with a button that shows its candidates again."""
    yield _build_header(texts("home-open"))
    if not requests:
        yield section(texts("home-none-open"))
    for request in requests:
        said = next((turn.text for turn in reversed(request.conversation) if turn.role == "customer"), "")
        show = button(texts("button-show-request"), SHOW, request.id)
        yield {**_quote(shorten_lines(said) or texts("home-no-text")), "accessory": show}
        yield _build_time(request.created_at)


def _build_used(replies: tuple[UsedReply, ...], texts: Texts, defaults: HomeDefaults) -> Iterator[Block]:
    """Build the replies that the agent used lately."""
    yield _build_header(texts("home-used"))
    if not replies:
        yield section(texts("home-none-used"))
    for reply in replies:
        yield _quote(shorten_lines(reply.text or "") or texts("home-no-text"))
        yield _build_time(reply.at, defaults.styles.get(reply.style, reply.style))


def _build_time(at: datetime, *more: str) -> Block:
    """Small print with a time, which Slack words in the reader's zone and language."""
    date = f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": date}, *map(plain_text, more)]}


def _word_share(share: Estimate, texts: Texts) -> str:
    """Say how many shown sets had a reply used, with the interval of that share, if there is enough to tell one."""
    counts = {"accepted": int(share.cases), "shown": int(share.of)}
    if share.value is None:
        return texts("home-no-figures")
    if share.low is None or share.high is None:
        return texts("home-few-figures", **counts)
    percents = {name: f"{value:.0%}" for name, value in zip(("low", "high"), (share.low, share.high), strict=True)}
    return texts("home-share", share=f"{share.value:.0%}", **percents, **counts)


def _build_settings(settings: AgentSettings, texts: Texts, defaults: HomeDefaults) -> Iterator[Block]:
    """Build the settings, a line each, and the button to change them."""
    language = texts("settings-as-in-slack") if settings.language is None else _name_language(settings.language)
    off = [label for name, label in defaults.styles.items() if name in settings.styles_off]
    values = {
        CANDIDATES_BLOCK: str(settings.candidates or texts("settings-default", value=str(defaults.candidates))),
        LANGUAGE_BLOCK: language,
        ON_USE_BLOCK: _word_on_use(settings.on_use, texts, defaults),
        HINT_BLOCK: shorten(settings.hint or "") or texts("settings-no-hint"),
        STYLES_BLOCK: _word_styles_off(off, texts) if off else texts("settings-all-on"),
    }
    yield _build_header(texts("home-settings"))
    yield _quote(_word_settings(values, texts))
    yield actions(button(texts("button-open-settings"), OPEN_SETTINGS, "open"))


def _build_team(team: TeamOverview, texts: Texts, defaults: HomeDefaults) -> Iterator[Block]:
    """Build what admins see: the team's share, gaps, defaults for channels, and whether drafting is paused."""
    yield _build_header(texts("home-team", days=TEAM_PERIOD.days))
    yield section(_word_share(team.accepted, texts))
    yield section(texts("home-paused" if team.is_paused else "home-drafting"))
    if team.experiment is not None:
        yield section(texts("home-experiment", name=team.experiment))
    label = texts("button-resume-drafting" if team.is_paused else "button-pause-drafting")
    yield actions(button(label, RESUME if team.is_paused else PAUSE, "drafting"))
    if team.gaps:
        yield _build_header(texts("home-gaps"))
        yield _quote("\n".join(texts("home-gap", question=shorten(gap.question), count=gap.count) for gap in team.gaps))
    yield from _build_channels(team.channels, texts, defaults)


def _build_channels(channels: Mapping[str, ChannelDefaults], texts: Texts, defaults: HomeDefaults) -> Iterator[Block]:
    """Build the channels that have defaults, each with a button to change them, and one to set others."""
    yield _build_header(texts("home-channels"))
    for channel_id, own in islice(channels.items(), _MOST_CHANNELS):
        off = [label for name, label in defaults.styles.items() if name in own.styles_off]
        values = {
            CANDIDATES_BLOCK: None if own.candidates is None else str(own.candidates),
            LANGUAGE_BLOCK: None if own.language is None else _name_language(own.language),
            STYLES_BLOCK: _word_styles_off(off, texts) if off else None,
        }
        told = _word_settings({name: escape(value) for name, value in values.items() if value}, texts)
        change = button(texts("button-change-channel"), OPEN_CHANNEL, channel_id)
        yield {**_mrkdwn(f"<#{channel_id}>\n{told}"), "accessory": change}
    if len(channels) > _MOST_CHANNELS:
        yield section(texts("home-more-channels", count=len(channels) - _MOST_CHANNELS))
    yield actions(button(texts("button-new-channel"), OPEN_CHANNEL, NEW_CHANNEL))


def _word_settings(values: Mapping[str, str], texts: Texts) -> str:
    """Word settings, a line each, by their blocks."""
    return "\n".join(f"{texts(f'settings-{name}')}{texts('colon')}{value}" for name, value in values.items())


def _word_styles_off(labels: Collection[str], texts: Texts) -> str:
    return texts("settings-styles-off", styles=shorten(texts("list-comma").join(labels)))


def _name_language(locale: str) -> str:
    """Name a language in itself."""
    return get_texts(locale)("language-name")


def _word_on_use(on_use: OnUse | None, texts: Texts, defaults: HomeDefaults) -> str:
    if on_use is None:
        return texts("settings-default", value=texts(f"on-use-{defaults.on_use}"))
    return texts(f"on-use-{on_use}")


def build_channel_view(channel_id: str | None, own: ChannelDefaults, texts: Texts, defaults: HomeDefaults) -> Block:
    """Build the modal with a channel's defaults; without one, it is to be chosen."""
    select_channel: Block = {
        "type": "conversations_select",
        "action_id": CHANNEL_BLOCK,
        "filter": {"include": ["public", "private"]},
    }
    if channel_id is not None:
        select_channel["initial_conversation"] = channel_id
    blocks = [
        input_block(CHANNEL_BLOCK, texts("channel-channel"), select_channel),
        _build_candidates_input(own.candidates, texts, defaults),
        _build_language_input(own.language, texts),
        _build_styles_input(own.styles_off, texts, defaults),
        context(texts("channel-what")),
    ]
    return modal(texts, texts("channel-title"), blocks, callback_id=CHANNEL_VIEW, submit=texts("settings-submit"))


def build_settings_view(settings: AgentSettings, texts: Texts, defaults: HomeDefaults) -> Block:
    """Build the modal with an agent's settings."""
    uses = [option(_word_on_use(None, texts, defaults), DEFAULT)]
    uses += [option(texts(f"on-use-{name}"), name) for name in ON_USE]
    on_use = 0 if settings.on_use is None else 1 + ON_USE.index(settings.on_use)
    blocks = [
        _build_candidates_input(settings.candidates, texts, defaults),
        _build_language_input(settings.language, texts),
        select(ON_USE_BLOCK, texts("settings-on_use"), uses, initial=on_use),
        _build_styles_input(settings.styles_off, texts, defaults),
        _build_hint_input(settings, texts),
        context(texts("settings-what")),
    ]
    return modal(texts, texts("settings-title"), blocks, callback_id=SETTINGS_VIEW, submit=texts("settings-submit"))


def _build_candidates_input(candidates: int | None, texts: Texts, defaults: HomeDefaults) -> Block:
    """Build the select of the number of replies; 10 at most, and the default first."""
    counts = [option(texts("settings-default", value=str(defaults.candidates)), DEFAULT)]
    counts += [option(count, count) for count in COUNTS]
    return select(CANDIDATES_BLOCK, texts("settings-candidates"), counts, initial=candidates or 0)


def _build_language_input(language: str | None, texts: Texts) -> Block:
    """Build the select of the language; the one of Slack first."""
    locales = (AS_IN_SLACK, *list_languages())
    languages = [option(texts("settings-as-in-slack"), AS_IN_SLACK)]
    languages += [option(_name_language(locale), locale) for locale in list_languages()]
    initial = locales.index(language) if language in locales else 0
    return select(LANGUAGE_BLOCK, texts("settings-language"), languages, initial=initial)


def _build_styles_input(styles_off: Collection[str], texts: Texts, defaults: HomeDefaults) -> Block:
    """Build the checkboxes of styles; a list to choose from where there are more than Slack takes."""
    styles = list_styles(defaults)
    options = [option(label, name) for name, label in styles.items()]
    # All of the styles may be gone from the playbook: then all count.
    on = [each for each in options if each["value"] not in styles_off] or options
    kind = "checkboxes" if len(options) <= _MOST_CHECKBOXES else "multi_static_select"
    element = {"type": kind, "action_id": STYLES_BLOCK, "options": options, "initial_options": on}
    return input_block(STYLES_BLOCK, texts("settings-styles"), element)


def _build_hint_input(settings: AgentSettings, texts: Texts) -> Block:
    """Build the input of the default hint."""
    initial = {"initial_value": settings.hint} if settings.hint else {}
    return {**text_input(HINT_BLOCK, texts("settings-hint"), limit=HINT_LIMIT, **initial), "optional": True}
