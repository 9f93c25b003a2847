"""Who may call what: each request passes here before anything of it is carried out."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import hdrs, web

from flamenco_core.config import Authentication, Config
from flamenco_core.errors import Conflict, NotAllowed, Problem, Unavailable
from flamenco_core.manager import Actor
from flamenco_core.model import CallerKind, UserRole
from flamenco_core.rules.accounts import may
from flamenco_core.store.reader import FarmReader
from manager_service.authentication import (
    Caller,
    authenticated_worker,
    caller_by_session,
    caller_by_token,
)
from manager_service.own_addresses import OwnAddresses
from manager_service.problem_answers import HttpRefusal
from manager_service.routing import Role
from manager_service.secrets_of_callers import bearer_token, new_token, stored_form
from manager_service.this_machine import is_from_this_machine
from manager_service.uses import Uses

_CHALLENGE = 'Bearer realm="Flamenco Manager"'
_SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
RECHECK_PERIOD = timedelta(seconds=30)
"""How often what stays open is looked at, beside each change of accounts."""

_NOBODY = Caller(CallerKind.ANONYMOUS, Actor.person("unknown"))


@dataclass(frozen=True, slots=True, eq=False)
class _Watch:
    request: web.BaseRequest
    role: Role
    on_end: Callable[[], None]


class Access:
    """Looks up each caller anew, so that what was revoked counts from its commit on.

    It is done in place, on the event loop: one indexed read costs less than the way to another
    thread.
    """

    def __init__(self, config: Config, *, address: str, uses: Uses | None = None) -> None:
        """`address` is where people reach this Manager; it is one of its own names."""
        self._config = config
        self.has_accounts = config.authentication is Authentication.LOCAL
        acme = config.tls.acme_domain_name
        self._own = OwnAddresses([config.own_url, address, f"https://{acme}/" if acme else ""])
        self._uses = uses
        self._farm: FarmReader | None = None
        self._farm_id = ""
        self._watches: set[_Watch] = set()
        self._rechecking: asyncio.TimerHandle | None = None
        self.machine_key = new_token()
        """What shows that its holder can read this Manager's own files; anew with each start."""

    def open(self, farm: FarmReader, farm_id: str) -> None:
        """From now on callers are looked up with `farm`, on the event loop's thread.

        Raises:
            Conflict: if people have to log in and nobody can who may make accounts.
        """
        if self.has_accounts and not farm.has_admin():
            raise Conflict(
                "Authentication is 'local', but there is no admin who could log in; make one "
                "with: flamenco-manager user add NAME --role admin"
            )
        self._farm, self._farm_id = farm, farm_id

    def learn_own_urls(self, urls: Iterable[str]) -> None:
        """Lets browsers call the Manager by the hosts of these, such as a certificate's names."""
        self._own.learn(urls)

    def close(self) -> None:
        self._farm = None
        if self._rechecking is not None:
            self._rechecking.cancel()

    async def admit(
        self, request: web.BaseRequest, role: Role, *, is_sensitive: bool = False
    ) -> Caller:
        """Who asks, if they may do what needs `role`.

        Raises:
            HttpRefusal: 401 if they have to log in; 403 for pages of other sites.
            NotAllowed: if their role is too low, or it has to be done on this machine.
        """
        await self._own.refuse_foreign(request.headers, is_safe=request.method in _SAFE_METHODS)
        if role is Role.ANYONE:
            return _NOBODY
        if role is Role.WORKER:
            # Flamenco 3's workers know 403 only, also for no and for wrong credentials.
            worker_id = authenticated_worker(_authorization(request), self._reader)
            return Caller(CallerKind.WORKER, Actor.worker(worker_id), worker_id)
        return self._admit(request, role, is_sensitive=is_sensitive)

    def identify(self, request: web.BaseRequest) -> Caller:
        """Who asks, as far as they can be known; without credentials that count: anonymous."""
        header, now = _authorization(request), datetime.now(UTC)
        caller: Caller | None = None
        if header:
            caller = self._by_machine_key(request, header)
            caller = caller or caller_by_token(header, self._reader, now)
            caller = caller or self._by_worker(header)
        else:
            secret = request.cookies.get(self.cookie_name(request), "")
            caller = caller_by_session(secret, self._reader, now) if secret else None
        if caller is None:
            return Caller(CallerKind.ANONYMOUS, Actor.person(request.remote or "unknown"))
        if caller.use is not None and self._uses is not None:
            self._uses.note(caller.use, now)
        return caller

    def role_of(self, caller: Caller) -> UserRole | None:
        """What a caller may do; without accounts, everything."""
        return caller.role if self.has_accounts else UserRole.ADMIN

    def cookie_name(self, request: web.BaseRequest) -> str:
        """Of the session's cookie, for the way that this request came."""
        # Browsers take this beginning only from the host itself, and over HTTPS.
        return f"__Host-{self.session_cookie}" if request.secure else self.session_cookie

    @property
    def session_cookie(self) -> str:
        """Cookies do not tell the ports of a machine apart, so that the farms on it have to."""
        return f"flamenco_session_{self._farm_id[:8]}"

    def is_from_this_machine(self, request: web.BaseRequest) -> bool:
        return is_from_this_machine(request, proxies=self._config.trusted_proxies)

    def why_not_sensitive(self, request: web.BaseRequest, caller: Caller) -> str:
        """Why a caller may not do what is sensitive, whatever the role; empty if that decides."""
        if self.has_accounts or caller.kind is CallerKind.THIS_MACHINE:
            return ""
        return "" if self.is_from_this_machine(request) else _ONLY_HERE

    @contextmanager
    def watched(
        self, request: web.BaseRequest, role: Role, on_end: Callable[[], None]
    ) -> Iterator[None]:
        """While inside, calls `on_end` once the caller may not do what needs `role` any more.

        For what stays open long after it was admitted.
        """
        watch = _Watch(request, role, on_end)
        self._watches.add(watch)
        if self._rechecking is None:
            self._recheck_later()
        try:
            yield
        finally:
            self._watches.discard(watch)

    def recheck(self) -> None:
        """Looks whether everybody who is watched still may do what they do."""
        for watch in tuple(self._watches):
            try:
                self._admit(watch.request, watch.role)
            except (HttpRefusal, NotAllowed, Unavailable):
                self._watches.discard(watch)
                watch.on_end()

    def _recheck_later(self) -> None:
        """Nothing happens when a session or a token expires, so that somebody has to look."""
        if not self._watches:
            self._rechecking = None
            return
        self._rechecking = asyncio.get_running_loop().call_later(
            RECHECK_PERIOD.total_seconds(), self._recheck_and_go_on
        )

    def _recheck_and_go_on(self) -> None:
        try:
            self.recheck()
        finally:
            self._recheck_later()

    def _admit(self, request: web.BaseRequest, role: Role, *, is_sensitive: bool = False) -> Caller:
        if not self.has_accounts:
            caller = self._trusted(request)
            if is_sensitive and self.why_not_sensitive(request, caller):
                raise _only_here()
            return caller
        caller = self.identify(request)
        if caller.kind is CallerKind.ANONYMOUS:
            raise _log_in(had_credentials=_has_credentials(request))
        needed = UserRole(role.value)
        if caller.role is None or not may(caller.role, needed):
            raise _too_low(caller, needed)
        return caller

    def _trusted(self, request: web.BaseRequest) -> Caller:
        """On a trusted network everybody may do everything; who they say they are is noted."""
        if _has_credentials(request):
            caller = self.identify(request)
            if caller.kind is not CallerKind.WORKER:
                return caller
        return Caller(CallerKind.ANONYMOUS, Actor.person(request.remote or "unknown"))

    def _by_machine_key(self, request: web.BaseRequest, header: str) -> Caller | None:
        given = bearer_token(header)
        # Hashes of equal length are compared, in a time that tells nothing.
        if not hmac.compare_digest(stored_form(given), stored_form(self.machine_key)):
            return None
        # A proxy on this machine does not know the key, so that it needs no other proof.
        if not is_from_this_machine(request):
            return None
        actor = Actor.person("this machine")
        return Caller(CallerKind.THIS_MACHINE, actor, "this machine", UserRole.ADMIN)

    def _by_worker(self, header: str) -> Caller | None:
        if not header.lower().startswith("basic "):
            return None
        try:
            worker_id = authenticated_worker(header, self._reader)
        except NotAllowed:
            return None
        return Caller(CallerKind.WORKER, Actor.worker(worker_id), worker_id)

    @property
    def _reader(self) -> FarmReader:
        if self._farm is None:
            raise Unavailable("The Manager is starting or stopping")
        return self._farm


_ONLY_HERE = (
    "as long as everybody in the network is trusted, this can be done only on the Manager's own "
    "machine"
)


def _authorization(request: web.BaseRequest) -> str:
    return request.headers.get(hdrs.AUTHORIZATION, "")


def _has_credentials(request: web.BaseRequest) -> bool:
    return hdrs.AUTHORIZATION in request.headers or hdrs.COOKIE in request.headers


def _log_in(*, had_credentials: bool) -> HttpRefusal:
    what = "these credentials do not count (any more)" if had_credentials else "nobody is logged in"
    return HttpRefusal(
        401,
        f"This needs a login: {what}",
        problems=[
            Problem(
                "header Authorization",
                what,
                "log in on the Manager's page, or with: flamenco login; programs show a token",
            )
        ],
        headers={
            hdrs.WWW_AUTHENTICATE: f'{_CHALLENGE}, error="invalid_token"'
            if had_credentials
            else _CHALLENGE
        },
    )


def _too_low(caller: Caller, needed: UserRole) -> NotAllowed:
    if caller.role is None:
        what = f"this needs the role {needed}; workers have none"
        return NotAllowed("Workers may not do this", problems=[Problem("", what)])
    what = f"this needs the role {needed}; the role of {caller.name} is {caller.role}"
    hint = "an admin can give it a higher one"
    return NotAllowed("Not allowed", problems=[Problem("", what, hint)])


def _only_here() -> NotAllowed:
    return NotAllowed(
        "Not allowed",
        problems=[
            Problem(
                "",
                _ONLY_HERE,
                "open the Manager there as http://localhost, or set authentication to local",
            )
        ],
    )
