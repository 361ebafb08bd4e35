"""Refusals of use cases, which the edge puts in words.

Refusal
├── MessageTooLong    the customer's message is over the limit
├── LimitReached      the agent asks too often, the day's tokens are spent, or too many drafts wait already
├── DraftingPaused    an admin has stopped drafting
├── AdminRequired     only admins may do this
├── AccessDenied      this person may not use the bot, or nobody may in this channel
├── UnknownRequest    no such request or candidate
├── NotOwner          another agent asked for these replies
├── StaleConversation the conversation has moved on since the replies were drafted
└── EmptyReply        an edit with nothing in it

UsageError            what an operator asked for is wrong
OperationFailed       what an operator asked for did not work
└── NotUsable         a server, a token or a model that is needed cannot be used

`storage.errors` adds what only the database knows: RequestClosed, NothingToUndo, DeliveryInProgress, DuplicateDelivery,
DatabaseUnavailable.
"""

from typing import Final, Literal

from storage.records import Candidate, Request

REFERENCE_LENGTH: Final = 8
"""Characters of a reference that a person reads out to whoever runs the bot: enough to find it in the log."""


class Refusal(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """The base of all refusals; the tree is drawn above."""


class UsageError(Exception):
    """A wrong request of an operator; the message says why and what to do, in one line."""


class OperationFailed(Exception):  # noqa: N818 - it is told, and ends the command, as an outcome
    """A request of an operator that did not work; the message says why and what to do, in one line."""


class NotUsable(OperationFailed):
    """Something that is needed cannot be used; the message says why, and what to do."""


class MessageTooLong(Refusal):
    """The message has `length` characters, of at most `limit`."""

    def __init__(self, *, length: int, limit: int) -> None:
        super().__init__(f"{length} of at most {limit} characters")
        self.length = length
        self.limit = limit


class LimitReached(Refusal):
    """A limit is reached: `which`, and the seconds until it allows more."""

    def __init__(self, which: Literal["agent_per_minute", "tokens_per_day", "queue"], *, retry_after_s: int) -> None:
        super().__init__(which)
        self.which = which
        self.retry_after_s = retry_after_s


class DraftingPaused(Refusal):
    """Drafting is stopped on all replicas until an admin resumes it."""


class AdminRequired(Refusal):
    """The user is no admin. `helpers` are user ids of those whom they can ask, besides the workspace's admins."""

    def __init__(self, *, helpers: tuple[str, ...] = ()) -> None:
        super().__init__("no admin")
        self.helpers = helpers


AccessDeniedReason = Literal["guest", "stranger", "deactivated", "usergroup", "unknown", "scope", "place"]


class AccessDenied(Refusal):
    """The user may not use the bot, or not in this `place`; `unknown`: Slack did not say who they are,
    and for want of a `scope` never will.

    `helpers` are user ids of those whom they can ask, besides the workspace's admins.
    """

    def __init__(self, reason: AccessDeniedReason, *, helpers: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason: AccessDeniedReason = reason
        self.helpers = helpers


class UnknownRequest(Refusal):
    """No such request or candidate is recorded."""


class NotOwner(Refusal):
    """Another agent asked for these replies."""


class StaleConversation(Refusal):
    """The thread of `request` has `newer` messages that the model did not see when it drafted `candidate`."""

    def __init__(self, request: Request, candidate: Candidate, *, newer: int) -> None:
        super().__init__(f"{newer} newer messages")
        self.request = request
        self.candidate = candidate
        self.newer = newer


class EmptyReply(Refusal):
    """The edited reply is empty: there is nothing to send."""
