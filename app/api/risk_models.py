"""What the API says and takes about an account's risk, as types: the source of the document."""

from typing import Annotated

from pydantic import Field

from app.api.models import HeadView
from app.api.plan_models import GreeksView, MarginView, SnapshotView, View
from solver.intents.wire import Amount, Name, SignedAmount, Wire

LEGS_MAX = 20


class NamedAmount(View):
    """A part of a requirement, or what a scenario wins, in settlement units."""

    name: str
    amount: str


class RequirementView(View):
    """What one engine asks and why. `rows` are scenarios by name, `parts` the charges that no
    scenario holds; `worst` names what asks for most."""

    engine: str
    equity: str
    initial: str
    maintenance: str
    worst: str
    rows: list[NamedAmount]
    parts: list[NamedAmount]


class BreachView(View):
    """Where the price of one market alone breaches maintenance; null: nowhere in sight."""

    underlying: str
    falls_to: str | None
    rises_to: str | None


class RungView(View):
    """The account if every price moved so far at once. `move` is a ratio, -0.15 for -15 %."""

    move: str
    equity: str
    initial: str
    maintenance: str
    state: str


class ProfileView(View):
    """An account's risk. `engine` is in force; both engines' requirements are told.
    `breachProbability`: of equity below maintenance within the hour, 0 where it is below 0.5 %."""

    engine: str
    requirements: list[RequirementView]
    breaches: list[BreachView]
    breach_probability: str
    ladder: list[RungView]


class AccountMargin(View):
    """`available` is the initial margin that may be spent, null while open intents reserve some."""

    margin: MarginView
    available: str | None
    risk: ProfileView
    snapshot: SnapshotView
    head: HeadView


class WhatifLeg(Wire):
    """A trade that is only thought of: quantity signed from the account's side, contracts or whole
    tokens of base collateral. Without `price` it trades at its mark; base costs nothing."""

    instrument: Name
    quantity: SignedAmount
    price: Amount | None = None


class WhatifRequest(Wire):
    """Trades, and cash deposited (or withdrawn: negative), at the newest prices."""

    legs: Annotated[list[WhatifLeg], Field(max_length=LEGS_MAX, default_factory=list)]
    cash: SignedAmount = "0"


class WhatifSide(View):
    """The account before or after."""

    cash: str
    risk: ProfileView
    greeks: list[GreeksView]


class WhatifView(View):
    """Nothing is changed, and nothing promised: makers' prices and fees are not asked."""

    before: WhatifSide
    after: WhatifSide
    snapshot: SnapshotView
    head: HeadView


class StressView(View):
    """What each scenario of PORTFOLIO margin wins, and the ladder of prices."""

    rows: list[NamedAmount]
    worst: str
    ladder: list[RungView]
    snapshot: SnapshotView
    head: HeadView
