"""Every `code` a refusal may carry, by its HTTP status, and what it means: the clients' contract.

A code keeps its meaning. A test holds the list against what the source raises: no code is
undocumented, and none is listed in vain. Reasons of open intents, the stream's and the makers'
errors use the same words; what the chain would refuse at settlement is named as the contract does.
"""

MEANINGS: dict[int, dict[str, str]] = {
    400: {
        "invalidJson": "Not JSON as we take it: a float, a duplicate key, too deep, not UTF-8.",
    },
    403: {
        "badSignature": "The expected digest is not signed by the expected signer.",
        "makerNotConnected": "Firm quotes are taken of makers whose connection is open.",
        "schemeNotOpen": "This version does not admit the signing scheme.",
        "scopeExceeded": "The mandate does not cover the intent; `rule` says which field of it.",
        "unauthorized": "The signature, key or mandate does not carry the authority.",
        "walletNotDeployed": "The owner has no code yet: deploy the wallet first (ERC-6492).",
        "walletTooCostly": "isValidSignature takes more gas than the chain gives it.",
    },
    404: {
        "notFound": "There is no such thing, or no such path.",
        "notSubscribed": "The channel to leave is not followed.",
    },
    405: {"methodNotAllowed": "The path does not take this method."},
    409: {
        "alreadyAnswered": "This maker has answered the request, or was not asked.",
        "alreadyStored": "The intent is stored already: nothing is left to do.",
        "alreadySubscribed": "The channel is followed already.",
        "authNotConfigured": "Streams are public in this version: there is no signing in.",
        "clientOrderIdUsed": "Another intent of this owner has this clientOrderId.",
        "conflict": "The same identity with other content.",
        "delta": "No fills bring the net delta into its signed range.",
        "deltaOutside": "The net delta afterwards would be outside its signed range.",
        "deviates": "A risk signer does not find this figure of the report itself.",
        "dust": "Too small to settle; `least` and `unit` say what would do.",
        "epochStale": "The nonce is of an epoch that the owner has cancelled.",
        "expired": "The time in which this was possible is over.",
        "expiryUnsettled": "Options of a fixed expiry are being paid out; it goes on after that.",
        "fee": "The fee would be more than what is sold.",
        "halted": "Trading is halted; deposits, withdrawals and cancels go on.",
        "healthTooLow": "The account's health afterwards would be below minHealth.",
        "infeasible": "No plan satisfies the signed limits now.",
        "instrumentExpired": "The option named has expired.",
        "insufficientAllowance": "Permit2 may not move this token: `approve` or `permit` cures it.",
        "insufficientBalance": "The wallet holds less of this token than the intent takes.",
        "insufficientCollateral": "The account would give more than it holds.",
        "insufficientFunds": "The account cannot cover what the intent may cost.",
        "legPrice": "Nobody trades at the leg's limit price.",
        "legQuantity": "No quantities satisfy the legs' ranges.",
        "limitsClash": "Some limits exclude each other; `limits` says how far each must give.",
        "marginBreached": "The account would not pass margin afterwards.",
        "marginUsed": "The initial requirement would rise by more than maxMarginUsed.",
        "netCost": "The net cost would be above maxNetCost.",
        "noContract": "No contract that still trades lies within the leg's ranges.",
        "noLadder": "A firm quote needs a ladder of its maker on that side.",
        "noRoute": "No pools lead from the token sold to the token bought.",
        "noSlot": "The account holds as many positions, or as large ones, as can be.",
        "nonceUsed": "Another intent, mandate or quote holds this nonce.",
        "nothingToClose": "The position is not held, or is smaller than the leg.",
        "oracleNotOk": "The market's price is not good enough to raise risk on.",
        "priceBand": "The firm price is far from the maker's own ladder.",
        "quoteExpired": "The quote's validTo has passed or is too far ahead.",
        "quoteTerms": "The quote is not what the request asks.",
        "reducing": "Only what lowers risk is taken now.",
        "refused": "Against a rule; `detail` says which.",
        "requestClosed": "No such request for quotes is open any more.",
        "scopeExceeded": "What is left of the mandate's day does not carry it, until `resetsAt`.",
        "seqAhead": "The log has no such seq yet.",
        "slippage": "The loss to the mark would be above maxSlippageBps.",
        "stateMoved": "The intent has moved on meanwhile.",
        "thinBook": "Makers offer less than the leg's least quantity.",
        "tooLate": "validTo has passed.",
        "tooLateToCancel": "The intent is being settled.",
        "tooLateToReplace": "The intent to replace is being settled or has ended.",
        "tooManyInstruments": "A maker lists no more instruments.",
        "tooManyMakers": "No more makers can connect.",
        "tooManyMandates": "The owner has as many mandates as can be.",
        "tooManyOpen": "The account has as many open intents as can be.",
        "tooManySubscriptions": "One connection follows no more channels.",
        "unsupported": "This version does not plan such a combination of legs.",
        "unvalued": "A bound is on something that has no mark.",
    },
    413: {"bodyTooLarge": "The body or frame is above 64 KiB."},
    415: {"unsupportedMediaType": "Send application/json."},
    422: {
        "appDataMismatch": "appData is not the document whose hash is signed.",
        "deltaUnattested": "A delta bound needs a first leg whose asset is an underlying.",
        "instrumentNotListed": "The option has a name, and is not listed.",
        "legKind": "There is no such kind of leg.",
        "legPrice": "Only bought or sold perps and options have a limit price.",
        "legQuantity": "quantityMin is above quantityMax, or the quantity is out of range.",
        "legRange": "Asset, right, strikes or expiries do not name anything here.",
        "legShape": "The outcome does not consist of these legs.",
        "legSide": "The kind of leg has no such side.",
        "malformed": "A field is missing, unknown or not of its type; `field` names it.",
        "notPartial": "Permit2 spends its nonce at once: no partial fills.",
        "notQuoteToken": "Derivatives settle in the clearinghouse's settlement token.",
        "partialDelta": "A delta target cannot hold at a part of the way.",
        "rangeTooWide": (
            "Strikes and expiries that hold what the selector means would hold other contracts too."
        ),
        "receiverIsOurs": "Tokens paid to a contract of ours would be lost.",
        "receiverMissing": "A withdrawal names its receiver.",
        "tokenNotListed": "The token is not listed here.",
        "unbounded": "Nothing that is signed bounds the price.",
        "unknownChannel": "There is no such log or channel.",
        "unknownInstrument": "No instrument or underlying has this name.",
        "unknownOp": "There is no such op.",
        "unknownScheme": "There is no such signing scheme.",
        "walletPullNeedsPermit2": "A deposit comes from the wallet, by scheme permit2.",
        "wrongChain": "Legs settle on the domain's chain; bridges are not built.",
        "wrongChecksum": "A mixed-case address without its EIP-55 checksum: a wrong digit.",
    },
    500: {
        "broken": "An invariant of ours does not hold; the outcome is unknown.",
        "deepReorg": "The chain went back further than it is final.",
        "internal": "A defect of ours; the outcome is unknown.",
        "noSlot": "A settled quantity does not fit the ledger.",
        "unconverged": "A numerical solve ended without an answer that can be trusted.",
        "unproven": "A solution's certificate does not hold.",
    },
    503: {
        "attestation": "Too few risk signers agree on a report.",
        "solveTimeout": "No plan was found in time.",
        "solverBusy": "Too many plans are waiting.",
        "solverDied": "The solver's process died on this plan and was replaced.",
        "solverFailed": "The solver failed on this plan.",
        "storeUnavailable": "The database cannot be written.",
        "tokenUnreadable": "A token does not tell what the wallet holds.",
        "unavailable": "A part we need cannot be reached.",
    },
}


def by_code() -> dict[str, dict[str, str]]:
    """Returns status -> meaning by code, for OpenAPI: words can be wrong (422) where a rule of the
    same name can be broken (409)."""
    found: dict[str, dict[str, str]] = {}
    for status, meanings in MEANINGS.items():
        for code, meaning in meanings.items():
            found.setdefault(code, {})[str(status)] = meaning
    return dict(sorted(found.items()))
