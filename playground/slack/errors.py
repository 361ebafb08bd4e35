"""Errors of the playground.

SlackError        Slack refuses a call: an error code, and perhaps reasons
ImpossibleAction  a person tries what Slack's own client would not let them do; a mistake in the test, not in the bot
"""

from playground.slack.objects import Json


class SlackError(Exception):
    """A refusal by Slack: `code` is the `error` of its answer, `details` are further fields of it."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details: Json = details

    @property
    def body(self) -> Json:
        return {"ok": False, "error": self.code, **self.details}

    @property
    def reasons(self) -> list[str]:
        metadata = self.details.get("response_metadata", {})
        return list(metadata.get("messages", ()))

    @classmethod
    def from_reasons(cls, code: str, reasons: list[str]) -> "SlackError":
        """Build the error with reasons in `response_metadata`, where Slack puts them."""
        return cls(code, response_metadata={"messages": reasons})


class ImpossibleAction(Exception):  # noqa: N818 - it names a situation, and is raised to a test's author
    """An action that Slack's client does not offer: no such button, another's message, a required field left empty."""
