"""A liquidator where it is needed: one more loop of the service, with a key of its own."""

from app.keeper.errand import Errand
from app.keystore import keys_of
from app.liquidator import telling
from app.liquidator.mandated import cures_of
from app.liquidator.reports import Reports
from app.liquidator.watch import Liquidator, Parts
from app.services import Services
from app.settlement.sender import Sender
from app.verify import address_of
from solver.domain.errors import NotFound, Refused
from solver.domain.ids import ZERO_ADDRESS

ROLE = "liquidator"


def inside(services: Services, reports: Reports) -> Liquidator:
    """Returns the service's liquidator. Without a key, or on a deployment without an auction, it
    wakes protection and quotes cures and sells nothing: anybody else may.

    Raises Refused for the solver's key: two streams of one nonce would void each other.
    """
    key = _key(services)
    return Liquidator(
        Parts(
            services.store,
            services.chain,
            services.deployment,
            None if key is None else _errand(services, key),
            reports,
            lambda: services.breaker.state.value,
            services.board.snapshot,
            None if key is None else cures_of(services, key),
        )
    )


def _key(services: Services) -> bytes | None:
    if services.deployment.auction == ZERO_ADDRESS:
        telling.absent("the deployment names no auction")
        return None
    try:
        key = keys_of(services.settings, [ROLE])[ROLE]
    except NotFound as error:
        telling.absent(error.detail)
        return None
    if address_of(key) == services.solver_address:
        detail = "the liquidator needs a key of its own: settlement owns the solver's nonces"
        raise Refused(detail, code="liquidatorKeyShared", field="SOLVENT_KEYSTORE")
    return key


def _errand(services: Services, key: bytes) -> Errand:
    sender = Sender(services.chain, services.settings.chain_id, key.hex())
    return Errand(services.chain, sender)
