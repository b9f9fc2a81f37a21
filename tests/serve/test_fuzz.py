"""The OpenAPI document as a description of what to throw at the server."""

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = int(os.environ.get("RANKZOO_FUZZ", "8"))  # of each operation and mode


# Hypothesis warns of schemathesis, which draws from the random module.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answer_is_one_the_document_promises(
    client: Callable[..., TestClient], mode: GenerationMode
) -> None:
    ask = client()
    schema = schemathesis.openapi.from_dict(ask.get("/openapi.json").json())
    schema.config.update(base_url="http://localhost:8642")
    asked: set[str] = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if mode is GenerationMode.NEGATIVE and not list(operation.query):
            continue  # nothing to get wrong but the path, which only has other pages
        asked.add(operation.path)
        known = {"name": "idx"} if "{name}" in operation.path else None

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(mode, path_parameters=known))
        def check(case: Any) -> None:
            sent = case.as_transport_kwargs()
            answer = ask.request(
                sent["method"],
                sent["url"],
                params=sent.get("params"),
                headers=sent.get("headers"),
                content=sent.get("data"),
            )
            case.validate_response(answer, checks=CHECKS)

        check()
    assert {"/api/indexes/{name}/search", "/api/indexes/{name}/items"} <= asked
    assert ask.get("/health").json() == {"status": "ok"}
