"""Three forms of one request, and the way between them.

- **masked**: with placeholders, as the model sees and writes it (`Masked`);
- **recorded**: as the tables keep it, by SUGGEST_STORE_TEXT: `redacted` (the masked form), `full` (the originals) or
  `off` (no text at all);
- **shown**: with the originals in, as the agent sees it.

Secrets are masked in all three: what is not kept cannot come back.

What the recorded form lacks for the others is kept in the vault, sealed, as long as the request is open. A choice
closes it: then the vault holds it under a key that travels in the confirmation, beside its Undo, and nowhere else.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from bot.privacy.detectors import Recogniser
from bot.privacy.encryption import ONCE, NotReadable, Sealer, one_time_key, open_once, seal_once
from bot.privacy.placeholders import NONE, Filled, Placeholders, fill, is_secret, mask, settle
from storage.records import Candidate, Delivery, LogEntry, Request, Sealed, TextKept, Turn
from storage.repositories.vault import Vault

StoreText = Literal["redacted", "full", "off"]

KEPT: Final[dict[StoreText, TextKept]] = {"redacted": "redacted", "full": "full", "off": "none"}

KEPT_FOR: Final = timedelta(hours=25)
"""How long the vault holds what belongs to an open request, or can be undone: requests expire after 24 hours."""

LONG: Final = 2_000
"""Characters from which texts are searched in a thread, so that no text holds up what others wait for."""

_Result = TypeVar("_Result")

Replaced = tuple[tuple[str, ...], Placeholders]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A request as a model sees it. `texts` are its candidates', by id; `previous` those of the request before it."""

    conversation: tuple[Turn, ...] = field(default=(), repr=False)
    hint: str | None = field(default=None, repr=False)
    placeholders: Placeholders = NONE
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)

    @property
    def said(self) -> str:
        return "\n".join([*(turn.text for turn in self.conversation), self.hint or ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a choice leaves: the text to record, and what its Undo needs, under a key that only Undo has."""

    final_text: str | None
    undo_key: str | None = field(default=None, repr=False)
    sealed: Sealed | None = None


class Privacy:
    """What is masked, what is kept, and how it comes back. `keeps` is what new requests keep of their texts."""

    def __init__(
        self, *, vault: Vault, recogniser: Recogniser, sealer: Sealer | None = None, keeps: StoreText = "redacted"
    ) -> None:
        self._vault = vault
        self._recogniser = recogniser
        self._sealer = sealer or Sealer()
        self._keeps = keeps

    # --- a new request --------------------------------------------------------------------------------

    async def taken(self, request: Request) -> tuple[Request, Sealed | None]:
        """Mask a request with the originals in: as it is to be recorded, and what is kept for it."""
        view = await self._masked(request.conversation, request.hint, NONE)
        recorded = replace(request, text_kept=KEPT[self._keeps])
        return self._recorded_request(recorded, view), self._kept(recorded, view, since=request.created_at)

    async def child(
        self, parent: Request, child: Request, *, seen: Sequence[Candidate]
    ) -> tuple[Request, Sealed | None]:
        """A redraft of `parent` in view of the candidates `seen`, all as recorded, and what is kept for it."""
        view = await self.view(parent)
        previous = tuple(view.texts[each.id] for each in seen if each.id in view.texts)
        view = replace(view, texts={}, previous=previous)
        return self._recorded_request(child, view), self._kept(child, view, since=child.created_at)

    async def conversed(self, request: Request, turns: tuple[Turn, ...]) -> tuple[Request, Sealed | None]:
        """A recorded request with another conversation, which has the originals in; and what is to be kept for it, if
        that is not kept already.
        """
        before = await self.view(request)
        texts, placeholders = await self._replace(mask, [turn.text for turn in turns], before.placeholders)
        conversation = tuple(replace(turn, text=text) for turn, text in zip(turns, texts, strict=True))
        view = replace(before, conversation=conversation, placeholders=placeholders)
        return self._recorded_request(request, view), self.kept_after(before, view, request)

    # --- drafting -------------------------------------------------------------------------------------

    async def view(self, request: Request, *, seen: Sequence[Candidate] = ()) -> Masked:
        """The masked form of a recorded request; what cannot be known any more is missing in it. `seen` are the
        recorded candidates that it is drafted in view of.
        """
        if request.text_kept == "full":
            view = await self._masked(request.conversation, request.hint, NONE)
        else:
            view = self._unsealed(request, await self._vault.sealed(request.id))
        texts = [each.text for each in seen if each.text]
        if view.previous or not texts:
            return view
        if request.text_kept == "redacted":
            return replace(view, previous=tuple(texts))
        previous, placeholders = await self._replace(mask, texts, view.placeholders)
        return replace(view, previous=previous, placeholders=placeholders)

    def masked(self, request: Request, view: Masked) -> Request:
        return replace(request, conversation=view.conversation, hint=view.hint)

    def masked_entry(self, entry: LogEntry, view: Masked) -> LogEntry:
        """A recorded entry in its masked form, as far as that is known."""
        candidates = tuple(replace(each, text=view.texts.get(each.id, each.text)) for each in entry.candidates)
        return replace(entry, request=self.masked(entry.request, view), candidates=candidates)

    async def settled(self, view: Masked, candidates: Sequence[Candidate]) -> tuple[Masked, tuple[Candidate, ...]]:
        """Mask candidates as models wrote them, and add what was found in them to the view."""
        written = [each for each in candidates if each.text is not None]
        texts, placeholders = await self._replace(settle, [each.text or "" for each in written], view.placeholders)
        by_id = {each.id: text for each, text in zip(written, texts, strict=True)}
        settled = tuple(replace(each, text=by_id.get(each.id)) for each in candidates)
        return replace(view, placeholders=placeholders, texts={**view.texts, **by_id}), settled

    async def recorded(self, request: Request, candidates: Sequence[Candidate], view: Masked) -> tuple[Candidate, ...]:
        """Return masked candidates as they are to be recorded."""
        if request.text_kept == "redacted":
            return tuple(candidates)
        if request.text_kept == "none":
            return tuple(replace(each, text=None) for each in candidates)
        texts = [each.text or "" for each in candidates]
        filled = await _work_beside(texts, lambda: [self._filled(each.text, view) for each in candidates])
        return tuple(replace(each, text=text) for each, text in zip(candidates, filled, strict=True))

    def kept_after(self, before: Masked, view: Masked, request: Request) -> Sealed | None:
        """What is to be kept for the request from now on, if that is not kept already."""
        return (
            None
            if _written(request, before) == _written(request, view)
            else self._kept(request, view, since=request.created_at)
        )

    # --- before the agent's eyes ----------------------------------------------------------------------

    async def shown(self, entry: LogEntry, view: Masked) -> LogEntry:
        """Fill the originals into a masked or recorded entry, and tell what could not be filled in."""
        texts = [*(each.text or "" for each in entry.candidates), *view.texts.values(), view.said]
        return await _work_beside(texts, lambda: self._show(entry, view))

    def _show(self, entry: LogEntry, view: Masked) -> LogEntry:
        filled = {each.id: self._filled_candidate(entry.request, each, view) for each in entry.candidates}
        candidates = tuple(
            each if each.text is None and each.id not in view.texts else replace(each, text=filled[each.id].text)
            for each in entry.candidates
        )
        shown = replace(entry.request, conversation=self._filled_turns(view), hint=self._filled(view.hint, view))
        unfilled = {key: text.unfilled for key, text in filled.items() if text.unfilled}
        return replace(entry, request=shown, candidates=candidates, unfilled=unfilled)

    async def opened(self, entry: LogEntry) -> LogEntry:
        """A recorded entry with the originals in."""
        return await self.shown(entry, await self.view(entry.request))

    async def opened_request(self, request: Request) -> Request:
        """A recorded request with the originals in."""
        return (await self.opened(LogEntry(request=request, candidates=(), choice=None))).request

    # --- choices --------------------------------------------------------------------------------------

    async def closing(
        self, request: Request, view: Masked, *, candidate: Candidate | None, text: str | None, at: datetime
    ) -> Closing:
        """What a choice leaves of a recorded request: `text` has the originals in, `candidate` is as recorded."""
        if request.text_kept == "full":
            return Closing(final_text=text)
        final_text = None if request.text_kept == "none" or text is None else await self._final(candidate, text, view)
        if request.surface == "cli" or not (view.placeholders or view.texts):  # a terminal has no Undo
            return Closing(final_text=final_text)
        key = one_time_key()
        sealed = Sealed(request_id=request.id, sealed=seal_once(_written(request, view), key), expires_at=at + KEPT_FOR)
        return Closing(final_text=final_text, undo_key=key, sealed=sealed)

    async def reopened(self, request: Request, key: str | None, *, at: datetime) -> tuple[Masked, Sealed | None]:
        """What a choice had closed, with the key from its Undo; without it, placeholders stay what they are."""
        if request.text_kept == "full":
            return await self.view(request), None
        sealed = await self._vault.sealed(request.id)
        if sealed is not None and key is not None:
            try:
                view = _read(request, open_once(sealed, key))
            except NotReadable:
                _log.warning("the originals cannot be brought back", extra={"request_id": request.id})
            else:
                return view, self._kept(request, view, since=at)
        return _read(request, None), None

    # --- replies on their way -------------------------------------------------------------------------

    def wrapped(self, part: Delivery) -> Delivery:
        """A part of a reply as it is kept until it is posted."""
        return part if part.text is None else replace(part, text=self._sealer.seal(part.text))

    def unwrapped(self, part: Delivery) -> Delivery:
        """The part with its text; None where that was sealed under a key that is gone."""
        if part.text is None:
            return part
        try:
            return replace(part, text=self._sealer.open(part.text))
        except NotReadable:
            _log.warning("a reply on its way cannot be read: %s", _OTHER_KEY, extra={"request_id": part.request_id})
            return replace(part, text=None)

    def unfilled(self, request: Request, text: str | None) -> tuple[str, ...]:
        """The placeholders in a recorded text, of which the originals are gone."""
        if request.text_kept != "redacted" or text is None:
            return ()
        return fill(text, NONE, self._recogniser, said=text).unfilled

    # --- the forms ------------------------------------------------------------------------------------

    async def _replace(
        self,
        work: Callable[[Sequence[str], Placeholders, Recogniser], Replaced],
        texts: Sequence[str],
        known: Placeholders,
    ) -> Replaced:
        """Mask or settle texts."""
        return await _work_beside(texts, lambda: work(texts, known, self._recogniser))

    async def _masked(self, conversation: tuple[Turn, ...], hint: str | None, known: Placeholders) -> Masked:
        texts, placeholders = await self._replace(mask, [*(turn.text for turn in conversation), hint or ""], known)
        turns = tuple(replace(turn, text=text) for turn, text in zip(conversation, texts[:-1], strict=True))
        return Masked(conversation=turns, hint=None if hint is None else texts[-1], placeholders=placeholders)

    def _recorded_request(self, request: Request, view: Masked) -> Request:
        if request.text_kept == "redacted":
            return self.masked(request, view)
        if request.text_kept == "none":
            return replace(request, conversation=wordless(view.conversation), hint=None)
        return replace(request, conversation=self._filled_turns(view), hint=self._filled(view.hint, view))

    def _kept(self, request: Request, view: Masked, *, since: datetime) -> Sealed | None:
        if request.text_kept == "full" or (request.text_kept == "redacted" and not view.placeholders):
            return None
        return Sealed(
            request_id=request.id, sealed=self._sealer.seal(_written(request, view)), expires_at=since + KEPT_FOR
        )

    def _unsealed(self, request: Request, sealed: str | None) -> Masked:
        if sealed is None or sealed.startswith(ONCE):  # gone, or decided: only Undo has its key
            return _read(request, None)
        try:
            return _read(request, self._sealer.open(sealed))
        except NotReadable:
            _log.warning("the originals of a request cannot be read: %s", _OTHER_KEY, extra={"request_id": request.id})
            return _read(request, None)

    def _filled_candidate(self, request: Request, candidate: Candidate, view: Masked) -> Filled:
        masked = view.texts.get(candidate.id)
        if masked is None and request.text_kept == "full":  # the originals are in already
            said = "\n".join([*(turn.text for turn in request.conversation), request.hint or ""])
            text = candidate.text or ""
            missing = fill(text, NONE, self._recogniser).unfilled
            return Filled(text=text, unfilled=tuple(each for each in missing if is_secret(each) or each not in said))
        return fill(masked or candidate.text or "", view.placeholders, self._recogniser, said=view.said)

    def _filled_turns(self, view: Masked) -> tuple[Turn, ...]:
        return tuple(replace(turn, text=self._filled(turn.text, view) or "") for turn in view.conversation)

    def _filled(self, text: str | None, view: Masked) -> str | None:
        return None if text is None else fill(text, view.placeholders, self._recogniser).text

    async def _final(self, candidate: Candidate | None, text: str, view: Masked) -> str:
        if candidate is not None and self._filled(candidate.text, view) == text:
            return candidate.text or ""
        (settled,), _ = await self._replace(settle, [text], view.placeholders)
        return settled


async def _work_beside(texts: Sequence[str], work: Callable[[], _Result]) -> _Result:
    """Do work on texts: in a thread if they are long."""
    return work() if sum(map(len, texts)) < LONG else await asyncio.to_thread(work)


def wordless(conversation: Sequence[Turn]) -> tuple[Turn, ...]:
    """Who spoke, without what they said."""
    return tuple(replace(turn, text="") for turn in conversation)


_OTHER_KEY: Final = "it was sealed with another SUGGEST_SECRET_KEY; put that one behind the new one, after a comma"


def _written(request: Request, view: Masked) -> str:
    """What the vault holds: the originals; where the tables keep no text, the texts too."""
    kept: dict[str, Any] = {"placeholders": dict(view.placeholders.originals)}
    if request.text_kept == "none":
        kept |= {
            "conversation": [[turn.role, turn.text] for turn in view.conversation],
            "hint": view.hint,
            "texts": dict(view.texts),
            "previous": list(view.previous),
        }
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _read(request: Request, written: str | None) -> Masked:
    """The masked form: the recorded one, with what the vault holds."""
    recorded = Masked(conversation=request.conversation, hint=request.hint)
    if written is None:
        return recorded
    kept = json.loads(written)
    placeholders = Placeholders(originals=kept["placeholders"])
    if "conversation" not in kept:
        return replace(recorded, placeholders=placeholders)
    return Masked(
        conversation=tuple(Turn(role=role, text=text) for role, text in kept["conversation"]),
        hint=kept["hint"],
        placeholders=placeholders,
        texts=kept["texts"],
        previous=tuple(kept["previous"]),
    )
