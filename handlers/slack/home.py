"""Home tabs: published for one user each."""

from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import translate_errors

HASH_CONFLICT: Final = "hash_conflict"


async def publish_view(client: AsyncWebClient, user_id: str, view: dict[str, Any], *, seen: str | None = None) -> None:
    """Publish a Home; with the hash of the view `seen`, only while that is still the newest.

    Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled.
    """
    async with translate_errors():
        await client.views_publish(user_id=user_id, view=view, hash=seen)
