//! Who makes a request: the identity and the access keys in its headers and cookies.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request, State as FromState};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use protocol::ErrorCode;
use protocol::admin::{KeyId, KeyInfo};
use time::Duration;

use super::access::Peer;
use super::error::ApiError;
use super::state::State;
use crate::access::{Caller, Identity, KeySecret};

/// The header in which programs send their identity.
pub(super) const IDENTITY_HEADER: HeaderName = HeaderName::from_static("crier-identity");
/// The cookie of a browser's identity.
const IDENTITY_COOKIE: &str = "identity";
/// The cookie of an access key is this and the key's id.
const KEY_COOKIE_PREFIX: &str = "key_";
/// Maximum number of access keys that one request can have as cookies.
const KEY_COOKIES_MAX: usize = 8;
/// How long the cookies last. Browsers allow no more.
const COOKIE_TIME: Duration = Duration::days(400);

/// The identity that was drawn for a browser's first request. An extension of it.
#[derive(Clone)]
pub(super) struct NewIdentity(Identity);

impl FromRequestParts<State> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let mut caller = caller(state, Peer::of(&parts.extensions), &parts.headers)?;
        if caller.tag.is_none() {
            caller.tag = parts.extensions.get::<NewIdentity>().and_then(|NewIdentity(identity)| state.context.hub.access().tag(identity));
        }
        Ok(caller)
    }
}

/// Somebody who may act with access keys: a program with a key in `Authorization`, or a browser
/// with one in a cookie, on the board's own page. Pages of other origins, also of those that may
/// post, may not use a browser's keys.
pub(super) struct AdminCaller(pub(super) Caller);

impl FromRequestParts<State> for AdminCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if !has_bearer(&parts.headers) && !state.access.is_own_page(&parts.uri, &parts.headers) {
            return Err(ErrorCode::OriginRefused.into());
        }
        Ok(Self(Caller::from_request_parts(parts, state).await?))
    }
}

/// Returns who makes a request from `peer`.
///
/// # Errors
/// `access_key_unknown` if a program sends a key that does not count, because it has to know that.
/// A browser's cookie that does not count is ignored.
pub(super) fn caller(state: &State, peer: IpAddr, headers: &HeaderMap) -> Result<Caller, ErrorCode> {
    let mut caller = Caller::anonymous(state.access.client_address(peer, headers));
    let (identity, mut secrets) = cookies(headers);
    let identity = match headers.get(IDENTITY_HEADER) {
        Some(header) => Some(header.to_str().ok().and_then(Identity::parse).ok_or(ErrorCode::RequestInvalid)?),
        None => identity,
    };
    let access = state.context.hub.access();
    caller.tag = identity.and_then(|identity| access.tag(&identity));
    let now = (state.context.hub.clock())();
    let bearer = bearer(headers)?;
    let is_bearer = bearer.is_some();
    if let Some(secret) = bearer {
        // Then cookies give nothing: a page of another origin may be behind the request.
        secrets = vec![secret];
    }
    caller.grants = access.grants(&secrets, now);
    if is_bearer && caller.grants.is_none() { Err(ErrorCode::AccessKeyUnknown) } else { Ok(caller) }
}

/// The middleware of all addresses: refuses a key in `Authorization` that does not count, even
/// where no key is needed. A program has to know that.
pub(super) async fn refuse_unknown_key(FromState(state): FromState<State>, request: Request, next: Next) -> Response {
    match check_authorization(&state, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(code) => ApiError::from(code).into_response(),
    }
}

fn check_authorization(state: &State, headers: &HeaderMap) -> Result<(), ErrorCode> {
    let Some(secret) = bearer(headers)? else { return Ok(()) };
    let key = state.context.hub.access().find(&secret, (state.context.hub.clock())());
    key.map(drop).ok_or(ErrorCode::AccessKeyUnknown)
}

/// True if a request has an access key in `Authorization`, so that it needs no cookies.
fn has_bearer(headers: &HeaderMap) -> bool {
    bearer(headers).is_ok_and(|secret| secret.is_some())
}

/// Returns the secret in `Authorization: Bearer`. Other schemes are for a proxy in front.
fn bearer(headers: &HeaderMap) -> Result<Option<KeySecret>, ErrorCode> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let value = header.as_bytes();
    match value.split_at_checked(b"bearer ".len()) {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            let secret = std::str::from_utf8(secret).ok().and_then(|secret| KeySecret::parse(secret.trim()));
            secret.map(Some).ok_or(ErrorCode::AccessKeyUnknown)
        }
        _ => Ok(None),
    }
}

/// Returns the identity and the access keys in a browser's cookies.
fn cookies(headers: &HeaderMap) -> (Option<Identity>, Vec<KeySecret>) {
    let (mut identity, mut secrets) = (None, Vec::new());
    for (name, value) in cookie_pairs(headers) {
        if name == IDENTITY_COOKIE {
            identity = identity.or_else(|| Identity::parse(value));
        } else if name.starts_with(KEY_COOKIE_PREFIX) && secrets.len() < KEY_COOKIES_MAX {
            secrets.extend(KeySecret::parse(value));
        }
    }
    (identity, secrets)
}

/// The cookies of a request, as they are written. None of those that are read here is encoded.
fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// The middleware of pages: gives a browser without an identity a new one, and removes the cookies
/// of access keys that no longer count.
pub(super) async fn keep_cookies(FromState(state): FromState<State>, mut request: Request, next: Next) -> Response {
    let is_secure = state.access.is_secure(Peer::of(request.extensions()), request.headers());
    let mut changed = CookieJar::default();
    // Without random numbers, readers have no identities.
    if cookies(request.headers()).0.is_none()
        && !request.headers().contains_key(IDENTITY_HEADER)
        && let Ok(identity) = Identity::random()
    {
        changed = changed.add(cookie(IDENTITY_COOKIE.to_owned(), identity.reveal(), is_secure));
        request.extensions_mut().insert(NewIdentity(identity));
    }
    // Proxies limit the headers of an answer. The next answer removes more.
    for name in stale_key_cookies(&state, request.headers()).into_iter().take(KEY_COOKIES_MAX) {
        changed = changed.add(removal(name, is_secure));
    }
    (changed, next.run(request).await).into_response()
}

/// The names of cookies whose access keys do not count.
fn stale_key_cookies(state: &State, headers: &HeaderMap) -> Vec<String> {
    let now = (state.context.hub.clock())();
    let counts = |value: &str| KeySecret::parse(value).is_some_and(|secret| state.context.hub.access().find(&secret, now).is_some());
    let keys = cookie_pairs(headers).filter(|(name, _)| name.starts_with(KEY_COOKIE_PREFIX));
    keys.filter(|(_, value)| !counts(value)).map(|(name, _)| name.to_owned()).collect()
}

/// Returns the cookies that keep an access key in a browser: the key's, and the removal of others
/// that do not count or are too many.
pub(super) fn key_cookies(state: &State, peer: IpAddr, headers: &HeaderMap, secret: &KeySecret, key: &KeyInfo) -> CookieJar {
    let is_secure = state.access.is_secure(peer, headers);
    let name = key_cookie_name(key.id);
    let stale = stale_key_cookies(state, headers);
    let others = cookie_pairs(headers).map(|(name, _)| name).filter(|other| other.starts_with(KEY_COOKIE_PREFIX) && **other != name);
    let kept = others.filter(|other| !stale.iter().any(|stale| stale == other));
    let too_many: Vec<_> = kept.skip(KEY_COOKIES_MAX - 1).map(str::to_owned).collect();
    let removed = stale.into_iter().filter(|stale| *stale != name).chain(too_many);
    let jar = removed.fold(CookieJar::default(), |jar, name| jar.add(removal(name, is_secure)));
    jar.add(cookie(name, secret.reveal().to_owned(), is_secure))
}

/// Returns the ids of the access keys in a browser's cookies, whether they count or not.
pub(super) fn key_cookie_ids(headers: &HeaderMap) -> Vec<KeyId> {
    cookie_pairs(headers).filter_map(|(name, _)| name.strip_prefix(KEY_COOKIE_PREFIX)?.parse().ok()).collect()
}

fn key_cookie_name(id: KeyId) -> String {
    format!("{KEY_COOKIE_PREFIX}{id}")
}

fn cookie(name: String, value: String, is_secure: bool) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").max_age(COOKIE_TIME).same_site(SameSite::Lax).http_only(true).secure(is_secure).build()
}

fn removal(name: String, is_secure: bool) -> Cookie<'static> {
    let mut cookie = cookie(name, String::new(), is_secure);
    cookie.set_max_age(Duration::ZERO);
    cookie
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_a_bearer_is_a_key() {
        let secret = KeySecret::random().unwrap();
        let read = |value: &str| bearer(&headers(&[(AUTHORIZATION, value)]));
        for scheme in ["Bearer ", "bearer ", "BEARER  "] {
            assert_eq!(read(&format!("{scheme}{}", secret.reveal())), Ok(Some(secret.clone())));
        }
        assert_eq!(read("Basic dXNlcjpwYXNz"), Ok(None));
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
        for bad in ["Bearer ", "Bearer x", "Bearer crk_x"] {
            assert_eq!(read(bad), Err(ErrorCode::AccessKeyUnknown), "{bad}");
        }
    }

    #[test]
    fn reads_the_cookies_of_a_browser_and_not_too_many() {
        let (identity, secret) = (Identity::random().unwrap(), KeySecret::random().unwrap());
        let key = format!("key_{}={}", secret.hash().id(), secret.reveal());
        let line = format!("lang=en; identity={}; {key}; key_x=y", identity.reveal());
        assert_eq!(cookies(&headers(&[(COOKIE, &line)])), (Some(identity), vec![secret]));
        let many = vec![key; KEY_COOKIES_MAX + 1].join("; ");
        assert_eq!(cookies(&headers(&[(COOKIE, &many)])).1.len(), KEY_COOKIES_MAX);
        assert_eq!(cookies(&headers(&[(COOKIE, "identity=short")])).0, None);
    }
}
