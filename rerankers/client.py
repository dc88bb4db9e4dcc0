"""Any server that speaks the OpenAI protocol: vLLM, llama.cpp, OpenAI itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import httpx
import openai

from foveate.errors import ConfigError
from foveate.rerankers import tenants, wire
from foveate.rerankers.checks import check_messages, check_sampling
from foveate.rerankers.faults import Faults
from foveate.rerankers.protocols import Message, Reply, Sampling

__all__ = ["OpenAIChat"]

# What a chat request needs. The openai package would add organisation, project and custom headers found in
# the environment, and details of this machine; a self-hosted server has no business with either.
_HEADERS = frozenset(
    "host accept accept-encoding connection user-agent content-type content-length authorization".split()
)
_RETRIED = frozenset({429, 500, 502, 503, 504})
_MAX_WAIT_S = 8.0


class OpenAIChat:
    """A chat model behind an OpenAI-compatible address.

    Redirects are refused, proxies and keys of the environment are not used, and control tokens in texts are
    spaced apart, since most servers would obey them.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        api_key: str | None = None,
        sees: bool = False,
        timeout_s: float = 120.0,
        connect_s: float = 5.0,
        retries: int = 2,
        wait_s: float = 0.5,
        extra: Mapping[str, Any] | None = None,
        limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        tenant: str | None = None,
        tenant_key: bytes | None = None,
        vllm: bool = False,
    ) -> None:
        """Remember where the server is; nothing is sent yet.

        Args:
            model: the name that the server knows.
            base_url: up to and with the version, as ``http://127.0.0.1:8000/v1``.
            api_key: sent to this address only, shown nowhere.
            sees: whether the model takes pictures.
            timeout_s: the longest silence of the server.
            connect_s: the longest wait for a connection.
            retries: further attempts after 429, 5xx or a failed connection; a timeout is not tried again.
            wait_s: before the first further attempt; doubles each time, unless the server names a time. A random
                share of up to a half is taken off (or added to the server's time), so that many callers that failed
                together do not come back together.
            extra: more body fields, such as ``{"cache_salt": ...}`` of vLLM.
            limit_field: how the server calls the token limit; OpenAI's reasoning models want the second.
            tenant: for whom the requests are; on vLLM (``cache_salt``) tenants then share no cached computation.
            tenant_key: what salts are made with; the secret of this installation if left out.
            vllm: the server is vLLM: pictures get ids of tenant and bytes, so that none is hashed again.

        Raises:
            ConfigError: an address that is none, or that carries a user, a query or a fragment; an empty tenant.
            ServiceError: the installation's secret cannot be read or kept.
        """
        self.name = model
        self.sees = sees
        self.base_url = _address(base_url)
        self._api_key = api_key
        self._timeout = httpx.Timeout(timeout_s, connect=connect_s)
        self._retries = retries
        self._wait_s = wait_s
        salt = None if tenant is None else tenants.salt_of(tenant, tenant_key)
        # Last, so that no caller names another's salt.
        self._extra = dict(extra or {}) | ({"cache_salt": salt} if salt else {})
        self._uuid = (lambda image: tenants.media_uuid(image, salt)) if vllm else None
        self._limit_field = limit_field
        self._faults = Faults(model, self.base_url, api_key)
        self._session: tuple[asyncio.AbstractEventLoop, openai.AsyncOpenAI] | None = None

    def __repr__(self) -> str:
        key = "'***'" if self._api_key else None
        return f"OpenAIChat({self.name!r}, {self.base_url!r}, api_key={key}, sees={self.sees})"

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """One reply.

        Raises:
            CallerError: the request is bad, here or to the server.
            ModelError: the server does not have the model, or the model declined.
            ServiceError: unreachable, busy, failing, or answering against the protocol.
        """
        return (await self.complete(messages, sampling))[0]

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> tuple[Reply, Mapping[str, Any]]:
        """One reply, and what the server says beside the protocol (``foveate`` of our own endpoint).

        Raises:
            CallerError, ModelError, ServiceError: as :meth:`chat`.
        """
        body, images = self._body(messages, sampling)
        completion = await self._send(body)
        with self._faults.malformed():
            return wire.reply(completion, images), dict(completion.model_extra or {})

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[str | Reply]:
        """Pieces of text as they come, then the whole reply."""
        body, images = self._body(messages, sampling)
        events = await self._send({**body, "stream": True, "stream_options": {"include_usage": True}})
        joined = wire.Joined(images)
        try:
            async for piece in self._pieces(events, joined):
                yield piece
        finally:
            # A broken connection may fail once more on closing; the first error is the one to tell.
            with suppress(openai.OpenAIError, httpx.HTTPError):
                await events.close()
        with self._faults.malformed():
            reply = joined.reply()
        yield reply

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session[1].close()
            self._session = None

    async def _pieces(self, events: Any, joined: wire.Joined) -> AsyncIterator[str]:
        source = aiter(events)
        while True:
            try:
                event = await anext(source)
            except StopAsyncIteration:
                return
            except (openai.OpenAIError, httpx.HTTPError, ValueError, RuntimeError) as error:
                raise self._faults.of(error) from None
            with self._faults.malformed():
                piece = joined.add(event)
            if piece:
                yield piece

    def _body(self, messages: Sequence[Message], sampling: Sampling) -> tuple[dict[str, Any], int]:
        check_sampling(sampling)
        images = check_messages(messages, name=self.name, sees=self.sees)
        return wire.body(self.name, messages, sampling, self._limit_field, self._extra, self._uuid), images

    async def _send(self, body: dict[str, Any]) -> Any:
        for attempt in range(self._retries + 1):
            try:
                return await cast(Any, self._client().chat.completions.create)(**body)
            except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:
                if attempt == self._retries or not _again(error):
                    raise self._faults.of(error) from None
                wait = _wait(error, self._wait_s * 2**attempt)
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _client(self) -> openai.AsyncOpenAI:
        # Connections belong to the event loop that opened them; a later asyncio.run needs its own.
        loop = asyncio.get_running_loop()
        if self._session is None or self._session[0] is not loop:
            self._session = (loop, self._connect())
        return self._session[1]

    def _connect(self) -> openai.AsyncOpenAI:
        transport = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=self._timeout,
            event_hooks={"request": [self._guard]},
        )
        # An empty key makes the package look into the environment; _guard drops the stand-in again.
        return openai.AsyncOpenAI(
            api_key=self._api_key or "none",
            base_url=self.base_url,
            max_retries=0,
            http_client=cast(Any, transport),
        )

    async def _guard(self, request: httpx.Request) -> None:
        for header in list(request.headers):
            if header.lower() not in _HEADERS:
                del request.headers[header]
        if not self._api_key:
            request.headers.pop("authorization", None)


def _address(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"base_url is {base_url!r}; write it as 'http://HOST:PORT/v1'")
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not quoted: the part that is too much may be a secret.
        raise ConfigError("base_url must be an address alone; give a key as api_key")
    return base_url.rstrip("/")


def _again(error: Exception) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code in _RETRIED
    return isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)


def _wait(error: Exception, usual_s: float) -> float:
    """Seconds to wait, jitter included: the server's ``Retry-After`` when it is a number, within bounds."""
    share = random.random() / 2
    if isinstance(error, openai.APIStatusError):
        with suppress(ValueError):
            named = float(error.response.headers.get("retry-after", ""))
            if named == named:
                # Never before the time that the server named, unless that is longer than anybody waits.
                return min(max(named, 0.0) * (1.0 + share), _MAX_WAIT_S)
    return min(usual_s, _MAX_WAIT_S) * (1.0 - share)
