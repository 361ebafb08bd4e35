"""The people and channels of the playground. All of them are invented, and named so that nobody takes them for real."""

from playground.slack.objects import Channel, User

TEAM_ID = "T0PLAYGROUND"
TEAM_DOMAIN = "playground"
TEAM_NAME = "Playground"
OTHER_TEAM_ID = "T0ELSEWHERE"
APP_ID = "A0SUGGEST"
BOT_ID = "B0SUGGEST"
BOT_USER_ID = "U0SUGGEST"
SLACKBOT_ID = "USLACKBOT"


class People:
    """The invented people. `agent` and `colleague` are members; `stranger` comes from another team."""

    admin = User(
        id="U0ADMIN",
        team_id=TEAM_ID,
        name="ada.invented",
        real_name="Ada Invented",
        is_admin=True,
        is_owner=True,
    )
    agent = User(id="U0AGENT", team_id=TEAM_ID, name="arthur.fictional", real_name="Arthur Fictional")
    colleague = User(
        id="U0COLLEAGUE",
        team_id=TEAM_ID,
        name="clara.erfunden",
        real_name="Clara Erfunden",
        locale="de-DE",
        tz="Europe/Berlin",
        tz_offset=3600,
    )
    guest = User(
        id="U0GUEST",
        team_id=TEAM_ID,
        name="gus.madeup",
        real_name="Gus Madeup",
        is_restricted=True,
    )
    stranger = User(
        id="U0STRANGER",
        team_id=OTHER_TEAM_ID,
        name="sol.elsewhere",
        real_name="Sol Elsewhere",
        is_stranger=True,
    )
    bot = User(id=BOT_USER_ID, team_id=TEAM_ID, name="suggest", real_name="Suggest", is_bot=True)
    slackbot = User(id=SLACKBOT_ID, team_id=TEAM_ID, name="slackbot", real_name="Slackbot")

    @classmethod
    def list_all(cls) -> tuple[User, ...]:
        return tuple(person for person in vars(cls).values() if isinstance(person, User))


_STAFF = frozenset({"U0ADMIN", "U0AGENT", "U0COLLEAGUE"})


class Channels:
    """The channels, one for each rule of membership and posting."""

    support = Channel(
        id="C0SUPPORT",
        name="support-invented",
        kind="public",
        members=_STAFF | {BOT_USER_ID, "U0GUEST", "U0STRANGER"},
        topic="Public, shared with another team; the bot is a member",
        is_shared=True,
    )
    lobby = Channel(
        id="C0LOBBY",
        name="lobby-invented",
        kind="public",
        members=_STAFF,
        topic="Public; the bot is no member",
    )
    backstage = Channel(
        id="G0BACKSTAGE",
        name="backstage-invented",
        kind="private",
        members=_STAFF | {BOT_USER_ID},
        topic="Private; the bot is a member",
    )
    vault = Channel(
        id="G0VAULT",
        name="vault-invented",
        kind="private",
        members=_STAFF,
        topic="Private; the bot is no member",
    )
    attic = Channel(
        id="C0ATTIC",
        name="attic-invented",
        kind="public",
        members=_STAFF | {BOT_USER_ID},
        topic="Archived",
        is_archived=True,
    )
    notices = Channel(
        id="C0NOTICES",
        name="notices-invented",
        kind="public",
        members=_STAFF | {BOT_USER_ID},
        topic="Only admins may post",
        is_read_only=True,
    )
    dm = Channel(
        id="D0AGENT",
        name="directmessage",
        kind="im",
        members=frozenset({"U0AGENT", BOT_USER_ID}),
    )

    @classmethod
    def list_all(cls) -> tuple[Channel, ...]:
        return tuple(place for place in vars(cls).values() if isinstance(place, Channel))


USERGROUPS: dict[str, frozenset[str]] = {"S0LEADS": frozenset({"U0ADMIN", "U0COLLEAGUE"})}
