"""Invented customers with their messages in the support channel, for the demo.

Their surnames say in their own languages that they are made up. They come from another team, through Slack Connect, as
customers do.
"""

from typing import Final

from playground.slack.objects import Message, User
from playground.slack.people.directory import OTHER_TEAM_ID, Channels, People
from playground.slack.workspace import Workspace


def _customer(name: str, real_name: str, locale: str) -> User:
    return User(
        id=f"U0{name.upper()}",
        team_id=OTHER_TEAM_ID,
        name=f"{name}.invented",
        real_name=real_name,
        locale=locale,
        is_stranger=True,
    )


PAULA: Final = _customer("paula", "Paula Imaginary", "en-GB")
EMIL: Final = _customer("emil", "Emil Ausgedacht", "de-DE")
CAMILLE: Final = _customer("camille", "Camille Fictive", "fr-FR")
INES: Final = _customer("ines", "Inés Inventada", "es-ES")
HANAKO: Final = _customer("hanako", "架空 花子", "ja-JP")
XIAOMEI: Final = _customer("xiaomei", "虚构 小梅", "zh-CN")
YIJUN: Final = _customer("yijun", "杜撰 怡君", "zh-TW")

CUSTOMERS: Final = (PAULA, EMIL, CAMILLE, INES, HANAKO, XIAOMEI, YIJUN)

MESSAGES: Final[tuple[tuple[float, User, str], ...]] = (
    (58, HANAKO, "昨日荷物が届きました。とても早くて助かりました。ありがとうございます :blush:"),
    (
        51,
        EMIL,
        "Guten Tag, ich kann mich seit gestern nicht mehr anmelden. Das Passwort habe ich schon zweimal geändert.",
    ),
    (39, CAMILLE, "Bonjour, où est ma commande ? Elle devait arriver lundi et le suivi ne bouge plus."),
    (33, YIJUN, "請問智慧燈泡 Flick 一直連不上家裡的 Wi-Fi，該怎麼辦？"),  # noqa: RUF001 - Chinese marks
    (27, INES, "He recibido la factura dos veces. ¿Me pueden devolver uno de los pagos, por favor?"),
    (19, XIAOMEI, "你们的客服已经三天没有回复我了，我很生气。请马上处理！"),  # noqa: RUF001 - Chinese marks
    (11, People.stranger, "*THIRD* time I ask: where is my refund?? This is a joke :rage:"),
    (4, PAULA, "My parcel arrived broken and I need it by Friday :cry:"),
)
"""Minutes ago, who, what; oldest first."""

_THREAD: Final[tuple[tuple[float, User, str], ...]] = (
    (47, People.agent, "Guten Tag, Herr Ausgedacht! Welche Meldung sehen Sie, wenn Sie sich anmelden?"),
    (44, EMIL, "„Konto gesperrt“ steht da. Ich brauche den Zugang heute noch."),
)
"""What followed in the thread under Emil's message."""


def add_customers(workspace: Workspace) -> None:
    """Add the customers and their messages to the support channel, and the admin's direct messages with the bot."""
    state, support = workspace.state, workspace.state.channels[Channels.support.id]
    state.users.update((customer.id, customer) for customer in CUSTOMERS)
    state.open_direct_channel(People.admin.id)
    workspace.change_channel(support, members=support.members | {customer.id for customer in CUSTOMERS})
    now = workspace.clock.now()

    def post(minutes_ago: float, user: User, text: str, thread_ts: str | None = None) -> Message:
        ts = f"{now - minutes_ago * 60:.6f}"
        written = Message(ts=ts, channel_id=support.id, user_id=user.id, text=text, thread_ts=thread_ts)
        return state.put_message(written)

    for minutes_ago, user, text in MESSAGES:
        first = post(minutes_ago, user, text)
        if user is EMIL:
            for minutes_later, who, reply in _THREAD:
                post(minutes_later, who, reply, first.ts)
