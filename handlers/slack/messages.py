"""A message as a person reads it: its words, what is forwarded in it, its author, its kind.

Its words stand in `text`, in blocks, or in attachments, often in several of them at once. Bridges of helpdesks put a
heading in `text` and what the customer wrote elsewhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.text_limits import clean
from handlers.slack.markup import get_string, list_objects, read_block, to_plain_text

_DEEPEST: Final = 5
"""Messages forwarded within forwarded ones that are read."""

_HEADING: Final = 150
"""Characters of a heading; longer texts say something themselves."""

_SHORT: Final = 8
"""Letters of a text that may stand within another by chance."""

_MOST_COMPARED: Final = 300
"""Texts of a message that are compared with each other: Slack's own limits allow hardly more."""

WRITTEN: Final = frozenset({None, "file_share", "me_message", "thread_broadcast"})
"""Subtypes of what a person writes: with a file, with /me, or in a thread and its channel at once."""

# What Slack itself puts in the place of words that an app did not repeat as text.
_PLACEHOLDERS: Final = frozenset({"this content can't be displayed.", "[no preview available]"})

_FALLBACK_HEAD: Final = re.compile(r"\[[^\]\n]{1,60}\] [^:\n]{1,80}: ")
"""Who wrote a forwarded message and when, as its fallback begins."""

_Kind = Literal["text", "heading", "body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedMessage:
    """A message forwarded or shared within another, and its author as far as Slack tells."""

    text: str
    author_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageText:
    """The words that a person reads in a message: its author's, with files by name, and those forwarded in it.

    `is_readable` is False where the words are elsewhere: here are a heading, the names of files, or a note on a
    forwarded message that Slack does not give. `lacks_forwarded`: there is such a message.
    """

    own: str = ""
    forwarded: tuple[ForwardedMessage, ...] = ()
    is_readable: bool = False
    lacks_forwarded: bool = False

    @property
    def forwarded_text(self) -> str:
        return "\n\n".join(each.text for each in self.forwarded)

    @property
    def whole(self) -> str:
        return "\n\n".join(filter(None, (self.own, self.forwarded_text)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text that stands somewhere in a message."""

    kind: _Kind
    text: str


def read_message(message: Mapping[str, Any], *, depth: int = 0) -> MessageText:
    """Read all that a person reads in a message, each thing once."""
    attachments = list(_list_attachments(message, depth=0))
    shared = [each for each in attachments if _is_shared(each)]
    others = [each for each in attachments if not _is_shared(each)]
    pieces = [
        _Piece("text", to_plain_text(get_string(message, "text"))),
        *_read_blocks(message),
        *(piece for each in others for piece in _read_attachment(each)),
        *(_Piece("body", _read_file(file)) for file in list_objects(message, "files")),
    ]
    pieces = [_Piece(piece.kind, clean(piece.text).strip()) for piece in pieces]
    pieces = [piece for piece in pieces if piece.text and piece.text.casefold() not in _PLACEHOLDERS]
    files = [f"[file: {_name_file(file)}]" for file in list_objects(message, "files")]
    forwarded = [_read_shared(each, depth=depth + 1) for each in shared if depth < _DEEPEST]
    found = tuple(each for each in forwarded if each.text)
    lacks_forwarded = bool(shared) and not found
    is_app = bool(message.get("bot_id"))  # a person who links to a page said what there was to say
    has_more = (
        lacks_forwarded
        or bool(list_objects(message, "blocks"))
        or any(is_app or not _is_unfurled(each) for each in others)
    )
    return MessageText(
        own="\n".join([*_drop_repeated([piece.text for piece in pieces]), *files]),
        forwarded=found,
        is_readable=bool(found) or _has_words(pieces, has_more=has_more),
        lacks_forwarded=lacks_forwarded,
    )


def _has_words(pieces: Sequence[_Piece], *, has_more: bool) -> bool:
    """Tell whether somebody's words are among the pieces, and not a heading alone of what cannot be read."""
    if any(piece.kind == "body" for piece in pieces):
        return True
    is_heading = has_more and all(_is_heading(piece.text) for piece in pieces)
    return bool(pieces) and not is_heading


def _is_heading(text: str) -> bool:
    """Tell whether a text may be a heading: one short line of one sentence that asks nothing."""
    asks_or_goes_on = re.search(r"[?？]|[.!。！…]\s*\S", text)  # noqa: RUF001 - as written in Chinese
    return len(text) <= _HEADING and "\n" not in text and asks_or_goes_on is None


def _list_attachments(parent: Mapping[str, Any], *, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield attachments, and those within them; a forwarded message's and a preview's are their own."""
    for each in list_objects(parent, "attachments"):
        yield each
        if depth < _DEEPEST and not _is_shared(each) and not _is_unfurled(each):
            yield from _list_attachments(each, depth=depth + 1)


def _read_blocks(parent: Mapping[str, Any]) -> Iterator[_Piece]:
    """Yield the texts of blocks."""
    for block in list_objects(parent, "blocks"):
        kind: _Kind = "heading" if block.get("type") == "header" else "body"
        yield from (_Piece(kind, text) for text in read_block(block))


def _read_attachment(attachment: Mapping[str, Any]) -> Iterator[_Piece]:
    """Yield the texts of an attachment; of a link's preview, which nobody in the conversation wrote, the title."""
    title = to_plain_text(get_string(attachment, "title")).strip()
    if _is_unfurled(attachment):
        if title:
            yield _Piece("heading", f"[link: {title}]")
        return
    read = [
        _Piece("body", to_plain_text(get_string(attachment, "pretext"))),
        _Piece("heading", title),
        _Piece("body", to_plain_text(get_string(attachment, "text"))),
        *(_Piece("body", _read_field(field)) for field in list_objects(attachment, "fields")),
        *_read_blocks(attachment),
    ]
    yield from read
    filled = {piece.kind for piece in read if piece.text.strip()}
    if "body" not in filled:
        yield _Piece("heading", to_plain_text(get_string(attachment, "footer")))  # mostly the name of an app
        yield _Piece("heading" if filled else "body", to_plain_text(get_string(attachment, "fallback")))


def _read_field(field: Mapping[str, Any]) -> str:
    """Read a field of an attachment, with its title before it."""
    title, value = (to_plain_text(get_string(field, name)).strip() for name in ("title", "value"))
    return f"{title}: {value}" if title and value else title or value


def _read_shared(attachment: Mapping[str, Any], *, depth: int) -> ForwardedMessage:
    """Read a forwarded message, which is an attachment with the message's own blocks, attachments and files."""
    originals = [each.get("message") for each in list_objects(attachment, "message_blocks")]
    blocks = [block for each in originals if isinstance(each, Mapping) for block in list_objects(each, "blocks")]
    inner = {**attachment, "blocks": [*blocks, *list_objects(attachment, "blocks")]}
    read = read_message(inner, depth=depth)
    text = read.whole if read.is_readable else ""
    if not read.whole:
        text = _FALLBACK_HEAD.sub("", to_plain_text(get_string(attachment, "fallback")), count=1).strip()
        text = "" if text.casefold() in _PLACEHOLDERS else text
    author = get_string(attachment, "author_id")
    return ForwardedMessage(text=clean(text), author_id=author or None)


def _is_shared(attachment: Mapping[str, Any]) -> bool:
    """Tell whether an attachment is a message, forwarded or shared or behind a link to it."""
    told = (attachment.get(name) for name in ("is_share", "is_msg_unfurl", "is_reply_unfurl", "is_thread_root_unfurl"))
    is_copy = bool(get_string(attachment, "channel_id") and get_string(attachment, "ts"))
    return is_copy or any(each is True for each in told) or bool(list_objects(attachment, "message_blocks"))


def _is_unfurled(attachment: Mapping[str, Any]) -> bool:
    """Tell whether an attachment is the preview of a link that stands in the text."""
    return bool(get_string(attachment, "from_url") or get_string(attachment, "original_url"))


def _read_file(file: Mapping[str, Any]) -> str:
    """Read what Slack shows of an e-mail that was sent to a channel, or of a snippet."""
    is_email, is_snippet = file.get("filetype") == "email", file.get("mode") == "snippet"
    names = ("plain_text", "preview_plain_text") if is_email else ("preview",) if is_snippet else ()
    return next(filter(None, (get_string(file, name) for name in names)), "")


def _name_file(file: Mapping[str, Any]) -> str:
    return clean(get_string(file, "name") or get_string(file, "title")).strip() or "unnamed"


def _drop_repeated(texts: Sequence[str]) -> list[str]:
    """Leave out texts whose words stand in the others: apps repeat their blocks as `text`, whole or cut off."""
    compared = [_fold(text) for text in texts[:_MOST_COMPARED]]
    kept: list[int] = []
    for index, own in enumerate(compared):
        before, later = [compared[each] for each in kept], compared[index + 1 :]
        head, _, last = own.rstrip().rpartition(" ")
        is_cut = bool(head.strip() and last) and texts[index].endswith(("…", "..."))  # perhaps within a word
        if not own.strip():
            is_repeated = texts[index] in (texts[each] for each in kept)
        else:
            is_repeated = _stands_in(own, before) or (
                own not in later and _stands_in(f"{head} " if is_cut else own, later)
            )
        if not is_repeated:
            kept.append(index)
    return [*(texts[index] for index in kept), *texts[_MOST_COMPARED:]]


def _stands_in(words: str, others: Sequence[str]) -> bool:
    """Tell whether folded words stand in the others, one after the other; a few letters only as words of their own."""
    letters = words.replace(" ", "")
    if len(letters) >= _SHORT:
        return letters in "".join(others).replace(" ", "")
    return any(words in other or letters == other.replace(" ", "") for other in others)


def _fold(text: str) -> str:
    """Fold a text to its words with a space on either side; mentions may be named in one place alone."""
    bare = re.sub(r"(?<!\w)[@#][^\W\d][\w-]*", "", to_plain_text(text).casefold())
    words = re.findall(r"[^\W_]+", bare)
    return f" {' '.join(words)} "


def find_author(message: Mapping[str, Any]) -> str | None:
    """Find the user who wrote a message, which may be an app's.

    What a person posts by an app with their own token is theirs. None for an app that gives no user, or that goes by
    a name of its own.
    """
    author = message.get("user")
    is_app = message.get("bot_id") and message.get("username")
    return author if isinstance(author, str) and author and not is_app else None


def get_subtype(message: Mapping[str, Any]) -> str | None:
    """A message's subtype; None for what somebody simply wrote."""
    subtype = message.get("subtype")
    return None if subtype is None else str(subtype)
