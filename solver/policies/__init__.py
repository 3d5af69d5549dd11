"""What to do about an account, as ordinary outcomes: nothing here may do what its owner could not.

A policy proposes; the owner, an agent under a mandate, or protection signed beforehand asks.
"""

from solver.policies.cure import Proposal, propose
from solver.policies.protection import AWAITING, Trigger, is_due, trigger_of

__all__ = ["AWAITING", "Proposal", "Trigger", "is_due", "propose", "trigger_of"]
