"""Answers in JSON."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from config.api.parsing import MEDIA_TYPE

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Answer(HttpResponse):
    """A JSON body (RFC 8259), encoded where it is made: there is no other form to choose.

    `data` is what was encoded. DRF's own `Response` waits for a renderer to be chosen, which takes
    as long as the encoding.
    """

    def __init__(
        self, data: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            _encode(data).encode(),
            status=status,
            headers=dict(headers or {}),
            content_type=MEDIA_TYPE,
        )
        self.data = data
