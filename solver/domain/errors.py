"""The error tree. `code` is the stable word that clients match; `data` holds the numbers.

SolventError
├── Malformed            the words themselves are wrong: nothing was understood, nothing changed
├── Unauthorized         the signature, key or mandate does not carry the authority
├── NotFound
├── Conflict             the same identity with other content, or a spent nonce
├── Refused              understood, authorised, and against a rule (limit, state, breaker)
│   ├── Expired
│   └── InsufficientFunds
├── Infeasible           no plan satisfies the signed limits: an answer, not a failure
├── Unproven             a solution's certificate does not hold: the solution is discarded
├── Unconverged          a numerical solve ended without balance or bound: no plan comes of it
├── Unavailable          a part we need cannot be reached; the outcome may be unknown
└── Broken               an invariant of ours does not hold: stop the account, alert
"""

from collections.abc import Mapping


class SolventError(Exception):
    """Base of everything we raise on purpose."""

    code = "internal"
    is_retryable = False

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        field: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.field = field
        self.data = dict(data or {})


class Malformed(SolventError):
    code = "malformed"


class Unauthorized(SolventError):
    code = "unauthorized"


class NotFound(SolventError):
    code = "notFound"


class Conflict(SolventError):
    code = "conflict"


class Refused(SolventError):
    code = "refused"


class Expired(Refused):
    code = "expired"


class InsufficientFunds(Refused):
    code = "insufficientFunds"


class Infeasible(SolventError):
    code = "infeasible"
    is_retryable = True


class Unproven(SolventError):
    code = "unproven"


class Unconverged(SolventError):
    code = "unconverged"


class Unavailable(SolventError):
    code = "unavailable"
    is_retryable = True


class Broken(SolventError):
    code = "broken"
