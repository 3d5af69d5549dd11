"""The documentation page: our own rendering of openapi.json, nothing from another host."""

import base64
import hashlib
import pathlib
import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.api.body import json_answer

_PAGE = pathlib.Path(__file__).with_name("docs.html").read_text(encoding="utf-8")
_SCRIPT = re.findall(r"<script>(.*?)</script>", _PAGE, re.DOTALL)[0]
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def page() -> Response:
    """Returns the page; it reads /openapi.json itself."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Returns the OpenAPI 3.1 document."""
    return json_answer(request.app.openapi())
