//! A reader's preferences: in the query of a page's address, for one view, or in cookies, which the
//! settings panel writes.

use axum::http::header::{ACCEPT_LANGUAGE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use frontend::{Language, Scheme};
use protocol::{ErrorCode, FromFields, RoomName};
use serde::Deserialize;
use time::Duration;

use super::page_path;
use crate::http::error::ApiError;
use crate::http::extract::WholeBody;

/// A cookie's lifetime.
const COOKIE_TIME: Duration = Duration::days(365);
/// The farthest a clock can be from UTC, in minutes.
pub(in crate::http) const ZONE_MINUTES_MAX: i32 = 14 * 60;

/// The query of the page after a post that waits for a moderator.
pub(super) const QUEUED_QUERY: &str = "?told=queued";

/// The query of a page's address.
#[derive(Default, Deserialize)]
pub(in crate::http) struct PageQuery {
    lang: Option<String>,
    scheme: Option<String>,
    /// These three are what another program shares, for the composer.
    title: Option<String>,
    text: Option<String>,
    url: Option<String>,
    /// What a page without script says about the post before.
    told: Option<String>,
}

impl FromFields for PageQuery {
    type Fields = Self;
}

impl PageQuery {
    /// What another program shares, one line for each part.
    pub(super) fn shared(&self) -> String {
        let parts = [&self.title, &self.text, &self.url].into_iter().flatten().map(String::as_str);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// What the page says about the post before.
    pub(super) fn told(&self) -> Option<ErrorCode> {
        self.told.as_deref().filter(|told| *told == "queued").map(|_| ErrorCode::Queued)
    }

    /// The reader's language: from the query, a cookie, or the browser's settings.
    pub(in crate::http) fn language(&self, headers: &HeaderMap) -> Language {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::negotiate(self.lang.as_deref(), cookie(headers, "lang").as_deref(), accepted)
    }

    /// The reader's colours: from the query or a cookie.
    pub(in crate::http) fn scheme(&self, headers: &HeaderMap) -> Scheme {
        Scheme::negotiate(self.scheme.as_deref(), cookie(headers, "scheme").as_deref())
    }
}

/// What the settings panel's form asks for.
#[derive(Deserialize)]
struct Choice {
    /// The room to return to.
    room: String,
    lang: Option<String>,
    scheme: Option<String>,
}

/// `POST /preferences`: keeps the chosen language or colours, and returns to the room. There is no
/// `GET`, because a link must not change what its reader has chosen.
pub(in crate::http) async fn keep_preferences(WholeBody(body): WholeBody) -> Result<Response, ApiError> {
    let choice: Choice = serde_urlencoded::from_bytes(&body).map_err(|_| ErrorCode::RequestInvalid)?;
    let room = choice.room.parse::<RoomName>()?;
    let lang = choice.lang.as_deref().and_then(Language::parse).map(|language| kept("lang", language.tag()));
    let scheme = choice.scheme.as_deref().and_then(Scheme::parse).map(|scheme| kept("scheme", scheme.word()));
    let cookies = lang.into_iter().chain(scheme).fold(CookieJar::default(), CookieJar::add);
    Ok((StatusCode::SEE_OTHER, cookies, [(LOCATION, page_path(&room))]).into_response())
}

/// The reader's name from an earlier visit: empty if the reader emptied it, `None` on the first
/// visit.
pub(super) fn author(headers: &HeaderMap) -> Option<String> {
    cookie(headers, "author")
}

/// A name for a reader on the first visit, in the language of the page.
pub(super) fn draw_name(language: Language) -> String {
    // Without a source of random numbers, readers have no names.
    getrandom::u64().map(|number| frontend::pseudonym(language, number)).unwrap_or_default()
}

/// The cookie that stores the reader's name.
pub(super) fn author_cookie(author: String) -> Cookie<'static> {
    kept("author", author)
}

/// How many minutes the reader's clock is ahead of UTC, as the page found out on an earlier visit.
pub(in crate::http) fn known_zone(headers: &HeaderMap) -> Option<i32> {
    let minutes = cookie(headers, "zone").and_then(|minutes| minutes.parse().ok());
    minutes.filter(|minutes| (-ZONE_MINUTES_MAX..=ZONE_MINUTES_MAX).contains(minutes))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    CookieJar::from_headers(headers).get(name).map(|cookie| cookie.value().to_owned())
}

fn kept(name: &'static str, value: impl Into<String>) -> Cookie<'static> {
    Cookie::build((name, value.into())).path("/").max_age(COOKIE_TIME).same_site(SameSite::Lax).build()
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;

    #[test]
    fn reads_cookies_of_several_lines_and_decodes_them() {
        let mut headers = HeaderMap::new();
        assert_eq!(author(&headers), None);
        headers.append(COOKIE, "a=1; author=%E5%B0%8F%E6%98%8E; author2=x".parse().unwrap());
        headers.append(COOKIE, "zone=480".parse().unwrap());
        assert_eq!(author(&headers).as_deref(), Some("小明"));
        assert_eq!(known_zone(&headers), Some(480));
        assert_eq!(cookie(&headers, "b"), None);
    }

    #[test]
    fn ignores_a_time_zone_that_no_clock_has() {
        for zone_cookie in ["zone=841", "zone=-841", "zone=x", "zone="] {
            let headers = HeaderMap::from_iter([(COOKIE, zone_cookie.parse().unwrap())]);
            assert_eq!(known_zone(&headers), None, "{zone_cookie}");
        }
    }
}
