"""The playbook: who the team is, what it may say, and the styles it writes in. Read from one TOML file.

    playbook = load_playbook(None)                      # the built-in one
    playbook = load_playbook(Path("playbook.toml"))     # PlaybookError: file, line and reason, in one sentence

Knows no model and no prompt; `bot/drafting/prompts.py` turns a playbook into messages.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WrapValidator,
    model_validator,
)

from bot.experiments.plan import ExperimentError, ExperimentPlan, make_plan
from bot.i18n.texts import DEFAULT_LOCALE, Label, translate_label
from bot.privacy.detectors import KINDS, REGIONS, Recogniser, RedactionRule
from bot.privacy.user_patterns import PatternError, compile_pattern
from bot.templates import Template, TemplateError
from bot.toml_files import TomlError, TomlFile, TomlTable
from storage.records import Arm, Task

PROMPT_SCAFFOLD_VERSION = 4
"""The version of the fixed words in `bot/drafting/prompts.py`. A test asks for a new one when those words change."""

MAX_BYTES = 64 * 1024
MAX_NAME = 40
MAX_LABEL = 40
MAX_REDACT = 20
DEFAULT_TEMPERATURE = 0.7
MAX_TOKENS = 1_000_000

PlaybookKind = Literal["support", "posts", "copy"]

_BUILT_IN = "playbook.toml"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_EFFORT = re.compile(r"[A-Za-z]{2,20}")
_REDACT_NAME = re.compile(r"[a-z]{2,20}")
# Invisible characters that could hide words from the person who reads the file, or break a button's label.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A named way of writing. `temperature` is 0 to 2; `model` None means the default model.

    `max_tokens` and `reasoning_effort` None mean the settings'; `max_tokens` 0 that none is sent. Without `knowledge`
    it is given no passages.
    """

    name: str
    label: str
    instruction: str
    temperature: float = DEFAULT_TEMPERATURE
    model: str | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    knowledge: bool = True

    @property
    def version(self) -> str:
        """A hash of the instruction."""
        return hashlib.sha256(self.instruction.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRules:
    """The use of knowledge: if drafts get passages, and of which collections; `channels` has others by channel id."""

    use: bool = True
    earlier_replies: bool = False
    collections: tuple[str, ...] = ()
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get_collections(self, channel_id: str) -> tuple[str, ...] | None:
        """Return the collections for a channel; None for all."""
        return self.channels.get(channel_id, self.collections) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """The instructions that every draft of a team shares.

    `text` is the file as it was read; `prompt_version` is a hash of it and of the version of the prompt's fixed words.
    `redact` is what no model sees besides the usual personal data, `phone_regions` the countries whose national phone
    numbers are recognised. `task` is what is drafted: replies to customers, or texts by a brief (`write`). `message`
    is the template of the messages of `suggest batch`.
    """

    persona: str
    facts: tuple[str, ...]
    rules: tuple[str, ...]
    styles: tuple[Style, ...]
    text: str
    prompt_version: str
    redact: tuple[RedactionRule, ...] = ()
    phone_regions: tuple[str, ...] = REGIONS
    knowledge: KnowledgeRules = field(default_factory=KnowledgeRules)
    task: Task = "reply"
    markdown: bool = False
    message: str | None = None
    experiment: ExperimentPlan | None = None

    def get_style(self, name: str) -> Style:
        """Return the style of that name. Raises KeyError if there is none."""
        for style in self.styles:
            if style.name == name:
                return style
        raise KeyError(name)


PlaybookError = TomlError


def join_redaction(playbook: Playbook, *others: Playbook) -> Playbook:
    """Join playbooks' rules for personal data into the first: what one of them hides, no model sees."""
    every = (playbook, *others)
    rules = {rule.pattern.pattern: rule for each in every for rule in each.redact}
    regions = dict.fromkeys(region for each in every for region in each.phone_regions)
    return replace(playbook, redact=tuple(rules.values()), phone_regions=tuple(regions))


def make_recogniser(playbook: Playbook, *others: Playbook) -> Recogniser:
    """Make the search for what any of the playbooks names. Their own text is the team's, and masked nowhere."""
    joined, text = join_redaction(playbook, *others), "\n".join(each.text for each in (playbook, *others))
    return Recogniser(rules=joined.redact, regions=joined.phone_regions, allowed_text=text)


def load_playbook(path: Path | None = None) -> Playbook:
    """Read the playbook at `path`, or the built-in one. Raises PlaybookError, also when there is no such file."""
    if path is None:
        return parse_playbook(read_built_in(), source=_BUILT_IN)
    return parse_playbook(_read_file(path), source=str(path))


def read_built_in(kind: PlaybookKind = "support") -> str:
    """Return the text of a playbook that comes with the product, with its remarks; `support` is the built-in one."""
    file = _BUILT_IN if kind == "support" else f"playbooks/{kind}.toml"
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")


def parse_playbook(text: str, *, source: str) -> Playbook:
    """Return the playbook that `text` describes. `source` names it in errors. Raises PlaybookError."""
    file = TomlFile(source, text, title="the playbook")
    table = file.read(_PlaybookTable)
    _refuse_duplicates(file, "styles", "name", [each.name for each in table.styles], 'styles named "{}": rename one')
    styles = tuple(_build_style(each) for each in table.styles)
    for locale in _list_locales(styles):  # agents know a style by its label
        labels = [translate_label(each.label, locale) for each in styles]
        _refuse_duplicates(file, "styles", "label", labels, 'styles labelled "{}": rename one')
    names = [each.name for each in table.redact]
    _refuse_duplicates(
        file, "redact", "name", names, '[[redact]] tables named "{}": rename one, or use | in one pattern'
    )
    return Playbook(
        persona=table.persona,
        facts=table.facts,
        rules=table.rules,
        styles=styles,
        text=text,
        prompt_version=_hash_version(text),
        redact=tuple(RedactionRule(name=each.name, pattern=compile_pattern(each.pattern)) for each in table.redact),
        phone_regions=table.phone_regions,
        knowledge=KnowledgeRules(**dict(table.knowledge)),
        task=table.task,
        markdown=table.markdown,
        message=table.message,
        experiment=None if table.experiment is None else _plan_experiment(table.experiment),
    )


def _plan_experiment(table: "_ExperimentTable") -> ExperimentPlan:
    arms = [Arm(name=arm.name, share=math.nan, playbook=arm.playbook, model=arm.model) for arm in table.arms]
    said = [arm.share for arm in table.arms if arm.share is not None]
    return make_plan(table.name, by=table.by, arms=arms, shares=said or None)


def _list_locales(styles: Sequence[Style]) -> list[str]:
    """List the languages that labels are in, English first."""
    tables = [style.label.by_locale for style in styles if isinstance(style.label, Label)]
    return list(dict.fromkeys([DEFAULT_LOCALE, *(locale for table in tables for locale in table)]))


def _build_style(table: "_StyleTable") -> Style:
    label = table.label or table.name.replace("_", " ").replace("-", " ").capitalize()
    return Style(**{**dict(table), "label": label})


def _refuse_duplicates(file: TomlFile, tables: str, key: str, values: Iterable[str], told: str) -> None:
    """Raise PlaybookError if two tables have one value, in whatever capitals."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value.casefold() in seen:
            raise file.build_error((tables, index, key), "there are two " + told.format(value))
        seen.add(value.casefold())


def _hash_version(text: str) -> str:
    return hashlib.sha256(f"{PROMPT_SCAFFOLD_VERSION}\n{text}".encode()).hexdigest()[:16]


def _read_file(path: Path) -> str:
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PlaybookError(source, None, "no such file: `suggest playbook init` writes one to start from") from error
    except OSError as error:
        raise PlaybookError(source, None, f"cannot be read: {error.strerror or type(error).__name__}") from error
    if len(raw) > MAX_BYTES:
        raise PlaybookError(source, None, f"larger than {MAX_BYTES // 1024} KiB: all of it goes into every prompt")
    try:
        # Some editors on Windows put a byte order mark first, which TOML does not know.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlaybookError(source, line, "not UTF-8 text: save the file with the encoding UTF-8") from error


# --- the file's tables --------------------------------------------------------------------------------


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("{name} of {title} is empty")
    if _CONTROL.search(text):
        raise ValueError("{name} of {title} holds an invisible control character: remove it")
    return text.strip()


def _check_tables(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("{key} must be tables: begin each one with a line [[{key}]]")
    return value


def _check_styles(value: object) -> object:
    if value == []:
        raise ValueError("there is no style: add a [[styles]] table")
    return _check_tables(value)


def _check_redact(value: object) -> object:
    if isinstance(value, list) and len(value) > MAX_REDACT:
        raise ValueError(f"there are {len(value)} [[redact]] tables: have at most {MAX_REDACT}")
    return _check_tables(value)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        reason = f"is no usable name: a small letter, then small letters, digits, - or _, at most {MAX_NAME} in all"
        raise ValueError(f'"{name}" {reason}')
    return name


def _check_label(label: str) -> str:
    if len(label) > MAX_LABEL or "\n" in label:
        raise ValueError(f"the label of {{title}} must be one line of at most {MAX_LABEL} characters")
    return label


def _check_labels(label: object, check: Callable[[object], str]) -> str:
    """Check a label, or a table of them by locale."""
    if not isinstance(label, dict):
        return check(label)
    if not label:
        raise ValueError("the label of {title} is an empty table: write a text, or one for each language")
    if unknown := next((locale for locale in label if not _LOCALE.fullmatch(locale)), None):
        raise ValueError(f'the label of {{title}} has "{unknown}", which is no language: write it like en-US')
    return Label.of({locale: check(text) for locale, text in label.items()})


def _check_temperature(value: float) -> float:
    if math.isnan(value) or not 0 <= value <= 2:
        raise ValueError("the temperature of {title} must be between 0 and 2")
    return value


def _check_max_tokens(value: int) -> int:
    if not 0 <= value <= MAX_TOKENS:
        raise ValueError(
            f"the max_tokens of {{title}} must be a whole number from 1 to {MAX_TOKENS}, or 0 to send none"
        )
    return value


def _check_effort(value: str) -> str:
    if not _EFFORT.fullmatch(value):
        raise ValueError("the reasoning_effort of {title} must be one word that the server knows, such as low")
    return value


def _check_redact_name(name: str) -> str:
    if not _REDACT_NAME.fullmatch(name):
        raise ValueError(f'"{name}" is no usable name: 2 to 20 small letters, such as order')
    if name.upper() in KINDS:
        raise ValueError(f'"{name}" is a name of our own: choose another')
    return name


def _check_pattern(pattern: str) -> str:
    try:
        compile_pattern(pattern)
    except PatternError as error:
        raise ValueError(f"the pattern of {{title}} {error}") from error
    return pattern


def _check_region(region: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if region not in SUPPORTED_REGIONS:
        raise ValueError(f'"{region}" is no country of phone_regions: use codes such as DE or US')
    return region


def _check_task(task: object) -> object:
    if task not in get_args(Task):
        raise ValueError('task must be "reply", for replies to customers, or "write", for texts by a brief')
    return task


def _check_arms(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError('arms must be a list of tables: arms = [{ name = "a" }, { name = "b", playbook = "b.toml" }]')
    if any("playbook" in each and "model" in each for each in value):
        raise ValueError("an arm has a playbook or a model, not both: the styles of a playbook may name models")
    return value


def _check_template(text: str) -> str:
    try:
        Template.parse(text)
    except TemplateError as error:
        raise ValueError(f"message {error}") from error
    return text


_Text = Annotated[StrictStr, AfterValidator(_check_text)]


class _StyleTable(TomlTable):
    name: Annotated[_Text, AfterValidator(_check_name)]
    label: Annotated[_Text, AfterValidator(_check_label), WrapValidator(_check_labels)] | None = None
    instruction: _Text
    temperature: Annotated[StrictFloat, AfterValidator(_check_temperature)] = DEFAULT_TEMPERATURE
    model: _Text | None = None
    max_tokens: Annotated[StrictInt, AfterValidator(_check_max_tokens)] | None = None
    reasoning_effort: Annotated[_Text, AfterValidator(_check_effort)] | None = None
    knowledge: StrictBool = True


class _KnowledgeTable(TomlTable):
    use: StrictBool = True
    earlier_replies: StrictBool = False
    collections: tuple[_Text, ...] = ()
    channels: dict[str, tuple[_Text, ...]] = Field(default_factory=dict)


class _RedactTable(TomlTable):
    name: Annotated[_Text, AfterValidator(_check_redact_name)]
    pattern: Annotated[_Text, AfterValidator(_check_pattern)]


class _ArmTable(TomlTable):
    name: StrictStr
    share: StrictFloat | None = None
    playbook: _Text | None = None
    model: _Text | None = None


class _ExperimentTable(TomlTable):
    name: StrictStr
    by: StrictStr = "request"
    arms: Annotated[tuple[_ArmTable, ...], BeforeValidator(_check_arms)] = Field([], validate_default=True)

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        try:
            _plan_experiment(self)
        except ExperimentError as error:
            raise ValueError(str(error)) from error
        return self


class _PlaybookTable(TomlTable):
    persona: _Text
    facts: tuple[_Text, ...] = ()
    rules: tuple[_Text, ...] = ()
    styles: Annotated[tuple[_StyleTable, ...], BeforeValidator(_check_styles)] = Field([], validate_default=True)
    redact: Annotated[tuple[_RedactTable, ...], BeforeValidator(_check_redact)] = ()
    phone_regions: tuple[Annotated[_Text, AfterValidator(_check_region)], ...] = REGIONS
    knowledge: _KnowledgeTable = _KnowledgeTable()
    task: Annotated[Any, AfterValidator(_check_task)] = "reply"
    markdown: StrictBool = False
    message: Annotated[_Text, AfterValidator(_check_template)] | None = None
    experiment: _ExperimentTable | None = None
