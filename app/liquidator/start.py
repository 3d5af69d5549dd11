"""A liquidator where it is needed: one more loop of the service, with a key of its own."""

from app.keeper.errand import Errand
from app.keystore import keys_of
from app.liquidator import telling
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
    return Liquidator(
        Parts(
            services.store,
            services.chain,
            services.deployment,
            _errand(services),
            reports,
            lambda: services.breaker.state.value,
            services.board.snapshot,
        )
    )


def _errand(services: Services) -> Errand | None:
    settings = services.settings
    if services.deployment.auction == ZERO_ADDRESS:
        telling.absent("the deployment names no auction")
        return None
    try:
        key = keys_of(settings, [ROLE])[ROLE]
    except NotFound as error:
        telling.absent(error.detail)
        return None
    if address_of(key) == services.solver_address:
        detail = "the liquidator needs a key of its own: settlement owns the solver's nonces"
        raise Refused(detail, code="liquidatorKeyShared", field="SOLVENT_KEYSTORE")
    return Errand(services.chain, Sender(services.chain, settings.chain_id, key.hex()))
