"""Faults on demand, which the next calls of a Web API method or a response_url meet."""

from dataclasses import dataclass, replace

RESPONSE_URL = "response_url"
ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """429 with a Retry-After header; the call is not carried out."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """A 5xx page that is not JSON; the call is not carried out."""

    status: int = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class SpuriousServerError:
    """The call is carried out, but its caller gets a 5xx."""

    status: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """`{"ok": false, "error": error}`; the call is not carried out."""

    error: str = "internal_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowResponse:
    """The call is carried out and answered, `seconds` later."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoResponse:
    """No answer, ever; the call is not carried out. Ends when the workspace closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedConnection:
    """The connection breaks before the call is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostResponse:
    """The call is carried out, and then the connection breaks: its caller cannot know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedResponse:
    """The call is carried out, but its caller gets a 200 that is not Slack's: a proxy's page, a body cut off."""

    body: str
    content_type: str = "text/html"


Fault = (
    MalformedResponse
    | RateLimited
    | ServerError
    | SpuriousServerError
    | ErrorResponse
    | SlowResponse
    | NoResponse
    | DroppedConnection
    | LostResponse
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedFault:
    name: str
    fault: Fault
    left: int
    channel_id: str | None


class FaultInjector:
    """Planned faults, used up in the order they were planned; each call uses at most one."""

    def __init__(self) -> None:
        self._plans: list[_PlannedFault] = []
        self.refused_sockets = 0

    def plan(self, name: str, fault: Fault, *, times: int = 1, channel_id: str | None = None) -> None:
        """Plan `fault` for the next `times` calls of `name`: a method, `RESPONSE_URL` or `ANY`.

        With a `channel_id`, only calls for that channel count.
        """
        self._plans.append(_PlannedFault(name=name, fault=fault, left=times, channel_id=channel_id))

    def refuse_sockets(self, times: int = 1) -> None:
        """Refuse the next `times` connections to a fresh Socket Mode URL."""
        self.refused_sockets += times

    def clear(self) -> None:
        self._plans.clear()
        self.refused_sockets = 0

    def take(self, name: str, channel_id: object = None) -> Fault | None:
        """Return the fault that this call meets, and count it as used."""
        for index, plan in enumerate(self._plans):
            if plan.name not in {name, ANY} or plan.channel_id not in {None, channel_id}:
                continue
            if plan.left == 1:
                del self._plans[index]
            else:
                self._plans[index] = replace(plan, left=plan.left - 1)
            return plan.fault
        return None

    def take_refused_socket(self) -> bool:
        if not self.refused_sockets:
            return False
        self.refused_sockets -= 1
        return True
