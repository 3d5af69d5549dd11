"""A keeper where it is needed: one more loop of the service, or a process of whoever wants one."""

from adapters.chains.deployment import load
from adapters.chains.evm import EvmChain
from app import observe
from app.config import Settings
from app.keeper import telling
from app.keeper.errand import UNFUNDED, Errand
from app.keeper.holders import LedgerHolders, TradedHolders
from app.keeper.keep import Keeper
from app.keystore import keys_of
from app.services import Services
from app.settlement.sender import Sender
from app.verify import address_of
from solver.domain.errors import NotFound, Refused

POLL_MS = 500
ROLE = "keeper"


def inside(services: Services) -> Keeper | None:
    """Returns the service's own keeper, which pays accounts with open intents first.

    None, and a warning, where another process keeps or there is no key: the service lives without.
    Raises Refused for the solver's key: two streams of one nonce would void each other.
    """
    settings, store = services.settings, services.store
    if not settings.keeper_ms:
        telling.absent("SOLVENT_KEEPER_MS is 0: expiries are kept elsewhere")
        return None
    try:
        key = keys_of(settings, [ROLE])[ROLE]
    except NotFound as error:
        telling.absent(error.detail)
        return None
    if address_of(key) == services.solver_address:
        detail = "the keeper needs a key of its own: settlement owns the solver's nonces"
        raise Refused(detail, code="keeperKeyShared", field="SOLVENT_KEYSTORE")
    return Keeper(
        services.chain,
        services.deployment,
        Errand(services.chain, Sender(services.chain, settings.chain_id, key.hex())),
        LedgerHolders(store.accounts),
        lambda: frozenset(store.account_id(row).key for row in store.open_intents()),
    )


async def alone(settings: Settings) -> None:
    """Keeps expiries until cancelled, with nothing but a chain, a deployment and a funded key.

    Raises NotFound or Refused at once for a key that is missing or cannot pay.
    """
    observe.configure(settings.log_level)
    deployment, key = load(settings.deployment), keys_of(settings, [ROLE])[ROLE]
    async with EvmChain(settings.rpc_url) as chain:
        errand = Errand(chain, Sender(chain, deployment.chain_id, key.hex()))
        if not await chain.balance(errand.address):
            detail = f"the keeper {errand.address} has no native coin to pay gas with"
            raise Refused(detail, code=UNFUNDED, data={"address": errand.address})
        holders = TradedHolders(chain, deployment, settings.confirmations)
        keeper = Keeper(chain, deployment, errand, holders)
        await keeper.run(settings.keeper_ms or POLL_MS)
