"""Convert requests between their three forms.

- **masked**: with placeholders, as the model sees and writes it (`MaskedRequest`);
- **recorded**: as the tables keep it, by SUGGEST_STORE_TEXT: `redacted` (the masked form), `full` (the originals) or
  `off` (no text at all);
- **original**: with the originals in, as the agent sees it.

Secrets are masked in all three: what is not kept cannot come back.

What the recorded form lacks for the others is kept in the vault, encrypted, as long as the request is open. A choice
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
from bot.privacy.encryption import ONCE, DecryptionError, TextCipher, decrypt_once, encrypt_once, generate_key
from bot.privacy.placeholders import (
    NO_PLACEHOLDERS,
    FilledText,
    Placeholders,
    fill,
    is_secret,
    mask_messages,
    mask_replies,
)
from bot.surfaces import SURFACES
from storage.records import Candidate, Delivery, LogEntry, Request, TextKept, Turn, VaultEntry, bind_delivery
from storage.repositories.vault import Vault

StoreText = Literal["redacted", "full", "off"]

TEXT_KEPT: Final[dict[StoreText, TextKept]] = {"redacted": "redacted", "full": "full", "off": "none"}

VAULT_RETENTION: Final = timedelta(hours=25)
"""How long the vault holds what belongs to an open request, or can be undone: requests expire after 24 hours."""

MIN_THREADED_CHARACTERS: Final = 2_000
"""Characters from which texts are searched in a thread, so that no text holds up what others wait for."""

_Result = TypeVar("_Result")
_Text = TypeVar("_Text", Turn, Candidate)

MaskingResult = tuple[tuple[str, ...], Placeholders]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedRequest:
    """A request as a model sees it.

    `texts` are its candidates', by id; `previous` those of the request before it.
    """

    conversation: tuple[Turn, ...] = field(default=(), repr=False)
    hint: str | None = field(default=None, repr=False)
    placeholders: Placeholders = NO_PLACEHOLDERS
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)

    @property
    def context(self) -> str:
        """The texts of the conversation and the hint, joined."""
        return "\n".join([*(turn.text for turn in self.conversation), self.hint or ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedChoice:
    """The text to record for a choice, and what its Undo needs, under a key that only Undo has."""

    final_text: str | None
    undo_key: str | None = field(default=None, repr=False)
    sealed: VaultEntry | None = None


class PrivacyService:
    """Converts requests between the masked, the recorded and the original form.

    `store_text` decides what new requests keep of their texts. Methods that return a `VaultEntry` return None in its
    place where the vault needs none.
    """

    def __init__(
        self,
        *,
        vault: Vault,
        recogniser: Recogniser,
        cipher: TextCipher | None = None,
        store_text: StoreText = "redacted",
    ) -> None:
        self._vault = vault
        self._recogniser = recogniser
        self._cipher = cipher or TextCipher()
        self._store_text = store_text

    def use_recogniser(self, recogniser: Recogniser) -> None:
        """Search with this from now on."""
        self._recogniser = recogniser

    # --- a new request --------------------------------------------------------------------------------

    async def mask_request(self, request: Request) -> tuple[Request, VaultEntry | None]:
        """Convert a new request, which has the originals in, to its recorded form and its vault entry."""
        masked = await self._mask(request.conversation, request.hint)
        marked = replace(request, text_kept=TEXT_KEPT[self._store_text])
        return self.to_recorded_request(marked, masked), self._seal(marked, masked, since=request.created_at)

    async def mask_redraft(
        self, parent: Request, child: Request, *, seen: Sequence[Candidate]
    ) -> tuple[Request, VaultEntry | None]:
        """Convert `child`, a redraft of the recorded `parent`, to its recorded form and its vault entry.

        `seen` are the recorded candidates in view of which it is drafted.
        """
        masked = await self.load_masked(parent)
        previous = tuple(masked.texts[each.id] for each in seen if each.id in masked.texts)
        masked = replace(masked, texts={}, previous=previous)
        return self.to_recorded_request(child, masked), self._seal(child, masked, since=child.created_at)

    async def mask_conversation(self, request: Request, turns: tuple[Turn, ...]) -> tuple[Request, VaultEntry | None]:
        """Put another conversation, which has the originals in, into a recorded request.

        Returns the recorded form and the changed vault entry, None if it is as before.
        """
        before = await self.load_masked(request)
        texts, placeholders = await self._run(mask_messages, [turn.text for turn in turns], before.placeholders)
        masked = replace(before, conversation=_replace_texts(turns, texts), placeholders=placeholders)
        return self.to_recorded_request(request, masked), self.seal_changes(before, masked, request)

    # --- drafting -------------------------------------------------------------------------------------

    async def mask_turns(self, turns: tuple[Turn, ...]) -> MaskedRequest:
        """Mask a conversation that has the originals in."""
        return await self._mask(turns, None)

    async def load_masked(self, request: Request, *, seen: Sequence[Candidate] = ()) -> MaskedRequest:
        """Load the masked form of a recorded request; what cannot be known any more is missing in it.

        `seen` are the recorded candidates in view of which it is drafted.
        """
        if request.text_kept == "full":
            masked = await self._mask(request.conversation, request.hint)
        else:
            masked = self._unseal(request, await self._vault.get(request.id))
        texts = [each.text for each in seen if each.text]
        if masked.previous or not texts:
            return masked
        if request.text_kept == "redacted":
            return replace(masked, previous=tuple(texts))
        previous, placeholders = await self._run(mask_messages, texts, masked.placeholders)
        return replace(masked, previous=previous, placeholders=placeholders)

    def to_masked_request(self, request: Request, masked: MaskedRequest) -> Request:
        """Put the masked conversation and hint into a request."""
        return replace(request, conversation=masked.conversation, hint=masked.hint)

    def to_masked_entry(self, entry: LogEntry, masked: MaskedRequest) -> LogEntry:
        """Put the masked texts, as far as they are known, into a recorded entry."""
        candidates = _replace_texts(
            entry.candidates, [masked.texts.get(each.id, each.text) for each in entry.candidates]
        )
        return replace(entry, request=self.to_masked_request(entry.request, masked), candidates=candidates)

    async def mask_candidates(
        self, masked: MaskedRequest, candidates: Sequence[Candidate]
    ) -> tuple[MaskedRequest, tuple[Candidate, ...]]:
        """Mask candidates as models wrote them, and add what was found in them to the masked request."""
        written = [each for each in candidates if each.text is not None]
        texts, placeholders = await self._run(mask_replies, [each.text or "" for each in written], masked.placeholders)
        by_id = {each.id: text for each, text in zip(written, texts, strict=True)}
        masked_candidates = _replace_texts(candidates, [by_id.get(each.id) for each in candidates])
        return replace(masked, placeholders=placeholders, texts={**masked.texts, **by_id}), masked_candidates

    async def to_recorded_candidates(
        self, request: Request, candidates: Sequence[Candidate], masked: MaskedRequest
    ) -> tuple[Candidate, ...]:
        """Convert masked candidates to their recorded form."""
        if request.text_kept == "redacted":
            return tuple(candidates)
        if request.text_kept == "none":
            return _replace_texts(candidates, [None] * len(candidates))
        texts = [each.text or "" for each in candidates]
        filled = await _run_in_thread_if_long(texts, lambda: [self._fill(each.text, masked) for each in candidates])
        return _replace_texts(candidates, filled)

    def seal_changes(self, before: MaskedRequest, after: MaskedRequest, request: Request) -> VaultEntry | None:
        """Make the vault entry for a changed masked request; None if the vault would hold the same as before."""
        if _encode(request, before) == _encode(request, after):
            return None
        return self._seal(request, after, since=request.created_at)

    # --- for the agent --------------------------------------------------------------------------------

    async def unmask_entry(self, entry: LogEntry, masked: MaskedRequest) -> LogEntry:
        """Fill the originals into a masked or recorded entry; `unfilled` tells which were not to be had."""
        texts = [*(each.text or "" for each in entry.candidates), *masked.texts.values(), masked.context]
        return await _run_in_thread_if_long(texts, lambda: self._unmask(entry, masked))

    def _unmask(self, entry: LogEntry, masked: MaskedRequest) -> LogEntry:
        filled = {each.id: self._fill_candidate(entry.request, each, masked) for each in entry.candidates}
        candidates = tuple(
            each if each.text is None and each.id not in masked.texts else replace(each, text=filled[each.id].text)
            for each in entry.candidates
        )
        request = replace(entry.request, conversation=self._fill_turns(masked), hint=self._fill(masked.hint, masked))
        unfilled = {key: text.unfilled for key, text in filled.items() if text.unfilled}
        return replace(entry, request=request, candidates=candidates, unfilled=unfilled)

    async def unmask_recorded_entry(self, entry: LogEntry) -> LogEntry:
        """Fill the originals into a recorded entry, as far as the vault still holds them."""
        return await self.unmask_entry(entry, await self.load_masked(entry.request))

    async def unmask_recorded_request(self, request: Request) -> Request:
        """Fill the originals into a recorded request, as far as the vault still holds them."""
        return (await self.unmask_recorded_entry(LogEntry(request=request, candidates=(), choice=None))).request

    def unmask_previous(self, masked: MaskedRequest) -> tuple[str, ...]:
        """Fill the originals into the texts of the request before, as far as they are known."""
        return tuple(self._fill(text, masked) or "" for text in masked.previous)

    # --- choices --------------------------------------------------------------------------------------

    async def seal_choice(
        self, request: Request, masked: MaskedRequest, *, candidate: Candidate | None, text: str | None, at: datetime
    ) -> SealedChoice:
        """Close a recorded request: convert the final text to its recorded form, and seal the rest for Undo.

        `text` has the originals in, `candidate` is as recorded.
        """
        if request.text_kept == "full":
            return SealedChoice(final_text=text)
        final_text = None
        if request.text_kept != "none" and text is not None:
            final_text = await self._mask_final_text(candidate, text, masked)
        if SURFACES[request.surface].is_terminal or not (masked.placeholders or masked.texts):
            return SealedChoice(final_text=final_text)
        key = generate_key()
        sealed = encrypt_once(_encode(request, masked), key, bound_to=request.id)
        entry = VaultEntry(request_id=request.id, sealed=sealed, expires_at=at + VAULT_RETENTION)
        return SealedChoice(final_text=final_text, undo_key=key, sealed=entry)

    async def reopen_request(
        self, request: Request, key: str | None, *, at: datetime
    ) -> tuple[MaskedRequest, VaultEntry | None]:
        """Load the masked form of a request whose choice is undone, and make its vault entry anew.

        `key` is the one from its Undo; without it, placeholders stay what they are.
        """
        if request.text_kept == "full":
            return await self.load_masked(request), None
        sealed = await self._vault.get(request.id)
        if sealed is not None and key is not None:
            try:
                masked = _decode(request, decrypt_once(sealed, key, bound_to=request.id))
            except DecryptionError:
                _log.warning("the originals cannot be brought back", extra={"request_id": request.id})
            else:
                return masked, self._seal(request, masked, since=at)
        return _decode(request, None), None

    async def to_recorded_note(self, entry: LogEntry, text: str) -> str | None:
        """Convert what an agent notes on a closed request, recorded as `entry`, to its recorded form.

        Its placeholders are its own: the originals of the others are sealed.
        """
        request = entry.request
        if request.text_kept == "none":
            return None
        beside = [*(turn.text for turn in request.conversation), *(each.text or "" for each in entry.candidates)]
        (*_, masked), placeholders = await self._run(mask_replies, [*beside, text], NO_PLACEHOLDERS)
        if request.text_kept == "redacted":
            return masked
        return self._fill(masked, MaskedRequest(placeholders=placeholders))

    # --- deliveries -----------------------------------------------------------------------------------

    def encrypt_delivery(self, part: Delivery) -> Delivery:
        """Encrypt the text of a part of a reply, as it is kept until it is posted."""
        if part.text is None:
            return part
        return replace(part, text=self._cipher.encrypt(part.text, bound_to=bind_delivery(part.id)))

    def decrypt_delivery(self, part: Delivery) -> Delivery:
        """Decrypt the text of a part of a reply; it becomes None if its key is gone."""
        if part.text is None:
            return part
        text = self._decrypt(part.text, part.request_id, bind_delivery(part.id), "a reply on its way")
        return replace(part, text=text)

    def find_unfilled(self, request: Request, text: str | None) -> tuple[str, ...]:
        """Find the placeholders in a recorded text whose originals are gone."""
        if request.text_kept != "redacted" or text is None:
            return ()
        return fill(text, NO_PLACEHOLDERS, self._recogniser, context=text).unfilled

    async def mask_apart(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Mask recorded texts that belong to no request at hand, in whatever form they were recorded."""
        masked, _ = await self._run(mask_replies, texts, NO_PLACEHOLDERS)
        return masked

    # --- the forms ------------------------------------------------------------------------------------

    async def _run(
        self,
        mask: Callable[[Sequence[str], Placeholders, Recogniser], MaskingResult],
        texts: Sequence[str],
        known: Placeholders,
    ) -> MaskingResult:
        """Call `mask_messages` or `mask_replies` on texts, in a thread if they are long."""
        return await _run_in_thread_if_long(texts, lambda: mask(texts, known, self._recogniser))

    async def _mask(self, conversation: tuple[Turn, ...], hint: str | None) -> MaskedRequest:
        said = [*(turn.text for turn in conversation), hint or ""]
        (*texts, masked_hint), placeholders = await self._run(mask_messages, said, NO_PLACEHOLDERS)
        turns = _replace_texts(conversation, texts)
        return MaskedRequest(conversation=turns, hint=hint and masked_hint, placeholders=placeholders)

    def to_recorded_request(self, request: Request, masked: MaskedRequest) -> Request:
        """Convert a masked request to its recorded form."""
        if request.text_kept == "redacted":
            return self.to_masked_request(request, masked)
        if request.text_kept == "none":
            turns = _replace_texts(masked.conversation, [""] * len(masked.conversation))
            return replace(request, conversation=turns, hint=None)
        return replace(request, conversation=self._fill_turns(masked), hint=self._fill(masked.hint, masked))

    def _seal(self, request: Request, masked: MaskedRequest, *, since: datetime) -> VaultEntry | None:
        """Make the vault entry of a request; None if it needs none."""
        if request.text_kept == "full" or (request.text_kept == "redacted" and not masked.placeholders):
            return None
        sealed = self._cipher.encrypt(_encode(request, masked), bound_to=request.id)
        return VaultEntry(request_id=request.id, sealed=sealed, expires_at=since + VAULT_RETENTION)

    def _unseal(self, request: Request, sealed: str | None) -> MaskedRequest:
        """Decrypt what the vault holds, as far as that is possible."""
        if sealed is None or sealed.startswith(ONCE):  # gone, or decided: only Undo has its key
            return _decode(request, None)
        return _decode(request, self._decrypt(sealed, request.id, request.id, "the originals of a request"))

    def _decrypt(self, sealed: str, request_id: str, bound_to: str, what: str) -> str | None:
        """Decrypt a text of a request; None, and a line in the log, if its key is gone or it is another row's."""
        try:
            return self._cipher.decrypt(sealed, bound_to=bound_to)
        except DecryptionError:
            _log.warning("%s cannot be read: %s", what, _OTHER_KEY, extra={"request_id": request_id})
            return None

    def _fill_candidate(self, request: Request, candidate: Candidate, masked: MaskedRequest) -> FilledText:
        """Fill the originals into a candidate, and find the placeholders that stay."""
        text = masked.texts.get(candidate.id)
        if text is None and request.text_kept == "full":  # the originals are in already
            context = "\n".join([*(turn.text for turn in request.conversation), request.hint or ""])
            text = candidate.text or ""
            missing = fill(text, NO_PLACEHOLDERS, self._recogniser).unfilled
            return FilledText(
                text=text, unfilled=tuple(each for each in missing if is_secret(each) or each not in context)
            )
        return fill(text or candidate.text or "", masked.placeholders, self._recogniser, context=masked.context)

    def _fill_turns(self, masked: MaskedRequest) -> tuple[Turn, ...]:
        return _replace_texts(masked.conversation, [self._fill(turn.text, masked) for turn in masked.conversation])

    def _fill(self, text: str | None, masked: MaskedRequest) -> str | None:
        return None if text is None else fill(text, masked.placeholders, self._recogniser).text

    async def _mask_final_text(self, candidate: Candidate | None, text: str, masked: MaskedRequest) -> str:
        """Mask a final text; one that the agent left as it was becomes exactly its recorded candidate's."""
        if candidate is not None and self._fill(candidate.text, masked) == text:
            return candidate.text or ""
        (masked_text,), _ = await self._run(mask_replies, [text], masked.placeholders)
        return masked_text


async def _run_in_thread_if_long(texts: Sequence[str], work: Callable[[], _Result]) -> _Result:
    return work() if sum(map(len, texts)) < MIN_THREADED_CHARACTERS else await asyncio.to_thread(work)


def _replace_texts(records: Sequence[_Text], texts: Sequence[Any]) -> tuple[_Text, ...]:
    """Put other texts, None for those of no candidate, into turns or candidates."""
    pairs = zip(records, texts, strict=True)
    return tuple([each if each.text == text else replace(each, text=text) for each, text in pairs])


_OTHER_KEY: Final = (
    "it was sealed with another SUGGEST_SECRET_KEY, or for another row; "
    "where the key changed, put the old one behind the new one, after a comma"
)


def _encode(request: Request, masked: MaskedRequest) -> str:
    """Write as JSON what the vault is to hold: the originals; where the tables keep no text, the texts too."""
    content: dict[str, Any] = {"placeholders": dict(masked.placeholders.originals)}
    if request.text_kept == "none":
        content |= {
            "conversation": [[turn.role, turn.text] for turn in masked.conversation],
            "hint": masked.hint,
            "texts": dict(masked.texts),
            "previous": list(masked.previous),
        }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _decode(request: Request, encoded: str | None) -> MaskedRequest:
    """Build the masked form from the recorded one and what the vault holds, None if that is gone."""
    recorded = MaskedRequest(conversation=request.conversation, hint=request.hint)
    if encoded is None:
        return recorded
    content = json.loads(encoded)
    placeholders = Placeholders(originals=content["placeholders"])
    if "conversation" not in content:
        return replace(recorded, placeholders=placeholders)
    return MaskedRequest(
        conversation=tuple(Turn(role=role, text=text) for role, text in content["conversation"]),
        hint=content["hint"],
        placeholders=placeholders,
        texts=content["texts"],
        previous=tuple(content["previous"]),
    )
