"""A year at a made-up house, told through the verbs: what the pictures of the site show."""

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db import transaction

from clients.lifecycle import create_client, set_active as set_clients_active
from clients.models import Client
from config.audit.events import Event
from config.audit.origin import Door, Origin, coming_from
from config.audit.trail import record
from tests.factories import DIGEST, PASSWORD
from users.admission import redeem
from users.imports import bring_in, run_next
from users.lifecycle import create_user, end_session, open_session, update_user
from users.links import INVITATION
from users.mail.delivery import send_due
from users.managers import save_new
from users.models import Import, Session, User

NOW = datetime(2026, 3, 18, 14, 20, tzinfo=UTC)  # a Wednesday
BEGAN = NOW - timedelta(days=420)
DAYS = 30  # of log-ins
LIFETIME = timedelta(days=14)  # of a session

ADMINISTRATORS = ("Ingrid Solberg", "Tomás Herrera", "Mei-Ling Chen", "Samuel Okonkwo")
CLIENTS = {  # with how many users of a hundred
    "Aurora Shipping": 19,
    "Halvorsen & Søn": 14,
    "Northgate Logistics": 12,
    "Mirador Hoteles": 11,
    "Kestrel Analytics": 9,
    "Brightwater Dental": 8,
    "Café Lumière": 7,
    "Polar Research Institute": 6,
    "Sakura Instruments": 5,
    "Okafor Foundation": 4,
    "Tessera Architects": 3,
    "Quillfeather Press": 2,
}
NAMES = (  # given names and family names that go together
    ("Amelia Oliver Grace Henry Isla", "Whitfield Ashworth Pemberton Lockwood Hale"),
    ("Élodie Mathis Camille Hugo Zoé", "Lefèvre Garnier Moreau Bélanger Roussel"),
    ("Jürgen Annika Lukas Friederike Matthias", "Weiß Schröder Köhler Brandt Vogel"),
    ("Björn Åsa Freja Søren Linnea", "Lindqvist Sjöberg Østergaard Dahl Nygård"),
    ("Agnieszka Wojciech Łucja Stanisław Zofia", "Kowalczyk Wiśniewska Nowak Zając Lis"),
    ("Chiara Lorenzo Giulia Matteo Beatrice", "Bianchi Ferraro Conti Marchetti Greco"),
    ("Lucía Joaquín Inês Mateus Ximena", "Fernández Carvalho Ibáñez Monteiro Quiroga"),
    ("Yuki Haruto Aoi Ren Sakura", "Tanaka Kobayashi Sato Fujimoto Ueda"),
    ("Adaeze Chinedu Amara Kwame Folasade", "Okafor Mensah Adeyemi Nwosu Boateng"),
    ("Priya Arjun Ananya Rohan Kavya", "Sharma Iyer Banerjee Patel Reddy"),
    ("Leyla Emre Defne Kerem Şirin", "Güneş Demir Öztürk Çelik Yavaş"),
    ("Hana Tomáš Jiří Petra Ondřej", "Nováková Dvořák Svoboda Procházka Černý"),
)
BROWSERS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/136.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3) Mobile Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64) Chrome/133.0",
)
LETTERS = str.maketrans("øØłŁßđıŞşæ", "oOlLsdiSsa")
HEAD = "email,name,client,active,invite\n"


def address(name: str, host: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS))
    letters = "".join(c for c in plain.lower() if c.isascii() and (c.isalnum() or c in " -"))
    return f"{letters.replace(' ', '.')}@{host}.example"


def host_of(client: str) -> str:
    return address(client, "").partition("@")[0].split(".")[0]


@dataclass
class Story:
    """What is to happen when, in the order of time; the same each time it is told."""

    chance: random.Random = field(default_factory=lambda: random.Random(18))  # noqa: S311 # no secret
    acts: list[tuple[datetime, int, Origin, Callable[[], Any]]] = field(default_factory=list)

    def at(self, when: datetime, act: Callable[[], Any], door: Door = Door.API) -> None:
        origin = Origin(door, f"198.51.100.{self.chance.randrange(2, 250)}", "")
        self.acts.append((when, len(self.acts), origin, act))

    def tell(self) -> None:
        for when, _, origin, act in sorted(self.acts, key=lambda act: act[:2]):
            with time_machine.travel(when, tick=False), coming_from(origin):
                act()

    def day(self, first: int, last: int) -> datetime:
        """Return a moment in office hours, from `first` to `last` days ago; today before NOW."""
        when = NOW - timedelta(days=self.chance.randint(last, first))
        minutes = self.chance.randrange(7 * 60, 13 * 60 if when.date() == NOW.date() else 19 * 60)
        return when.replace(hour=0, minute=0) + timedelta(
            minutes=minutes, seconds=self.chance.randrange(60)
        )

    def names(self, number: int) -> list[str]:
        whole = [
            f"{given} {family}"
            for givens, families in NAMES
            for given in givens.split()
            for family in families.split()
        ]
        return self.chance.sample(whole, number)


def fill() -> User:
    """Fill the empty database and return who looks at it."""
    story = Story()
    operators = [User(name=name, email=address(name, "hq")) for name in ADMINISTRATORS]
    ingrid, tomas, meiling, _ = operators
    for place, operator in enumerate(operators):
        story.at(BEGAN + timedelta(hours=place), saver(operator, None), Door.COMMAND)
    clients = {name: Client(name=name) for name in CLIENTS}
    for place, client in enumerate(clients.values()):
        story.at(BEGAN + timedelta(days=place + 1), client_maker(client, ingrid), Door.ADMIN)
    users = _people(story, clients, operators)
    _log_ins(story, users, operators)
    _lately(story, users, clients, (ingrid, tomas, meiling))
    story.tell()
    return ingrid


def _people(story: Story, clients: dict[str, Client], operators: list[User]) -> list[User]:
    """Let people come over the year, some never come, and some go; return who is there."""
    here = []
    chosen = story.chance.choices([*CLIENTS], [*CLIENTS.values()], k=286)
    for place, (name, client) in enumerate(zip(story.names(286), chosen, strict=True)):
        user = User(name=name, email=address(name, host_of(client)), client=clients[client])
        actor = story.chance.choice(operators)
        if place % 22 == 5:  # invited lately
            story.at(story.day(20, 1), inviter(user, actor), Door.ADMIN)
            continue
        made = story.day(400, 100)
        story.at(made, saver(user, actor), Door.ADMIN)
        if place % 11 == 3:  # dormant
            story.at(max(story.day(300, 95), made + timedelta(hours=2)), opener(story, user))
        elif place % 14 == 2:
            story.at(story.day(90, 1), changer(user, actor, active=False), Door.ADMIN)
        else:
            here.append(user)
    return here


def _log_ins(story: Story, users: list[User], operators: list[User]) -> None:
    """Let people log in, more on workdays, and some of them mistype."""
    for user in users:
        story.at(story.day(80, DAYS + 1), opener(story, user))
    for ago in range(DAYS - 1, -1, -1):
        is_workday = (NOW - timedelta(days=ago)).weekday() < 5
        number = story.chance.randint(24, 37) if is_workday else story.chance.randint(5, 10)
        for user in story.chance.sample(users, number if ago else 22):
            story.at(story.day(ago, ago), opener(story, user))
        refused = 19 if ago == 8 else story.chance.randint(1, 6 if is_workday else 3)
        for user in story.chance.choices(users, k=refused):
            story.at(story.day(ago, ago), refuser(user))
        if is_workday:
            story.at(story.day(ago, ago), opener(story, story.chance.choice(operators)), Door.ADMIN)


def _lately(
    story: Story, users: list[User], clients: dict[str, Client], actors: tuple[User, User, User]
) -> None:
    """Tell of one user more closely, of a file, and of the last hours."""
    ingrid, tomas, meiling = actors
    chiara = User(
        name="Chiara Montanari", email="chiara.montanari@mirador.example",
        client=clients["Mirador Hoteles"],
    )  # fmt: skip

    def ago(days: int, hours: int = 0, minutes: int = 0) -> datetime:
        return NOW - timedelta(days=days, hours=hours, minutes=minutes)

    story.at(ago(34), inviter(chiara, tomas), Door.ADMIN)
    story.at(ago(34, -1), accepter(chiara), Door.PAGE)
    for when in (ago(34, -2), ago(9, 2), ago(2, 4)):
        story.at(when, opener(story, chiara))
    story.at(ago(12), changer(chiara, chiara, name="Chiara Montanari-Vidal"))
    story.at(ago(2, 5), refuser(chiara))
    story.at(ago(0, 1, 40), bringer(ingrid), Door.ADMIN)
    other, leaver, stray, new = users[7], users[11], users[13], "Beatrice Ferraro-Lund"
    story.at(ago(0, 1, 15), changer(other, meiling, name=f"{other.name}-Hale"), Door.ADMIN)
    story.at(
        ago(0, 1, 2),
        lambda: set_clients_active(
            Client.objects.filter(name="Quillfeather Press"), False, actor=tomas
        ),
        Door.ADMIN,
    )
    story.at(ago(0, 0, 51), refuser(stray))
    story.at(ago(0, 0, 50), opener(story, stray))
    story.at(ago(0, 0, 38), changer(leaver, meiling, active=False), Door.ADMIN)
    story.at(ago(0, 0, 24), ender(stray, ingrid), Door.ADMIN)
    host = host_of("Café Lumière")
    fresh = User(name=new, email=address(new, host), client=clients["Café Lumière"])
    story.at(ago(0, 0, 9), inviter(fresh, ingrid), Door.ADMIN)


def saver(user: User, actor: User | None) -> Callable[[], None]:
    user.password = DIGEST

    def save() -> None:
        user.client = user.client  # which has its id by now
        save_new(user, actor=actor)

    return save


def client_maker(client: Client, actor: User) -> Callable[[], None]:
    def make() -> None:
        client.pk = create_client({"name": client.name}, actor=actor).pk

    return make


def inviter(user: User, actor: User) -> Callable[[], None]:
    def invite() -> None:
        values = {"name": user.name, "email": user.email, "client": user.client}
        user.pk = create_user(values, actor=actor).pk
        send_due()

    return invite


def accepter(user: User) -> Callable[[], None]:
    def accept() -> None:
        token = INVITATION.token(fresh(user))
        redeem(INVITATION, token, PASSWORD)

    return accept


def changer(user: User, actor: User, **values: Any) -> Callable[[], None]:
    def change() -> None:
        update_user(fresh(user), values, actor=fresh(actor), session=None)

    return change


def opener(story: Story, user: User) -> Callable[[], None]:
    agent = story.chance.choice(BROWSERS)
    address = f"203.0.113.{story.chance.randrange(2, 250)}"

    def open_one() -> None:
        now = fresh(user)
        if now.is_active:
            digest = now.password
            open_session(now, digest=digest, lifetime=LIFETIME, user_agent=agent, address=address)

    return open_one


def refuser(user: User) -> Callable[[], None]:
    def refuse() -> None:
        with transaction.atomic():
            details = {"email": user.email}
            record(Event.LOGIN_REFUSED, actor=None, target=fresh(user), details=details)

    return refuse


def ender(user: User, actor: User) -> Callable[[], None]:
    def end() -> None:
        end_session(Session.objects.filter(user=user.pk).latest("pk"), actor=actor)

    return end


def bringer(actor: User) -> Callable[[], None]:
    def bring() -> None:
        lines = [
            f"{address(name, 'northgate')},{name},Northgate Logistics,true,true\n"
            for name in Story(random.Random(5)).names(24)  # noqa: S311 # no secret
        ]
        lines[6] = "amelia.hale(at)northgate.example,Amelia Hale,Northgate Logistics,true,true\n"
        lines[15] = "rohan.patel@northgate.example,Rohan Patel,Northgate Logistic,true,true\n"
        lines[20] = "zofia.lis@northgate.example,Zofia Lis,Northgate Logistics,perhaps,true\n"
        bring_in((HEAD + "".join(lines)).encode(), "northgate-spring-intake.csv", actor=actor)
        run_next()

    return bring


def fresh(user: User) -> User:
    found: User = User.objects.select_related("client").get(pk=user.pk)
    return found


def last_import() -> Import:
    return Import.objects.latest("pk")
