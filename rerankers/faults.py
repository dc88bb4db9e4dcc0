"""What the openai package and its transport raise, told as foveate's errors, without secrets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import openai

from foveate.errors import CallerError, ConfigError, FoveateError, ModelError, ServiceError

__all__ = ["Faults"]

_MAX_CHARS = 300


class Faults:
    """Errors of one model at one address."""

    def __init__(self, model: str, address: str, secret: str | None) -> None:
        self._model = model
        self._address = address
        self._secret = secret

    def of(self, error: Exception) -> FoveateError:
        """The error to raise instead."""
        if isinstance(error, openai.APIStatusError):
            return self._status(error)
        if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
            return ServiceError(f"no answer in time from the model server at {self._address!r}")
        if isinstance(error, openai.APIConnectionError | httpx.TransportError):
            # The package says "Connection error."; the reason is its cause.
            return ServiceError(
                f"cannot reach the model server at {self._address!r}: {self._plain(error.__cause__ or error)}"
            )
        return ServiceError(
            f"the model server at {self._address!r} answered against the protocol: {self._plain(error)}"
        )

    @contextmanager
    def malformed(self) -> Iterator[None]:
        """Turn whatever a misshapen answer does to the code that reads it into ``ServiceError``."""
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise self.of(error) from None

    def _status(self, error: openai.APIStatusError) -> FoveateError:
        status, said = error.status_code, self._plain(_said(error))
        where = f"the model server at {self._address!r}"
        if 300 <= status < 400:
            return ServiceError(f"{where} redirects elsewhere ({status}), which is refused: give its final address")
        if status in (401, 403):
            return ConfigError(f"{where} refuses the api key ({status}): {said}")
        if status == 404:
            return ModelError(f"{where} has no model {self._model!r} there ({status}): {said}")
        if status in (400, 413, 422):
            return CallerError(f"{where} refuses the request ({status}): {said}")
        return ServiceError(f"{where} failed ({status}): {said}")

    def _plain(self, value: object) -> str:
        """Short, printable, the key masked even when the server sends it back."""
        text = str(value)
        if self._secret:
            text = text.replace(self._secret, "***")
        text = "".join(sign if sign.isprintable() else " " for sign in text)
        return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}..."


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message") if isinstance(inner, dict) else inner
        return str(found) if found else json.dumps(body, default=str)
    return str(body or "no text")
