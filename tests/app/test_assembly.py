"""What a process refuses to start with."""

import pytest

from app.assembly import require_one_chain
from app.config import Settings
from solver.domain.errors import Malformed
from tests.app.api.server import deployment
from tests.app.worlds import CHAIN_ID


def test_settings_deployment_and_node_name_one_chain():
    require_one_chain(Settings(chain_id=CHAIN_ID), deployment(), CHAIN_ID)
    with pytest.raises(Malformed):
        require_one_chain(Settings(chain_id=CHAIN_ID), deployment(), 1)
    with pytest.raises(Malformed):
        require_one_chain(Settings(chain_id=1), deployment(), CHAIN_ID)
