//! What a request says about who sends it.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use http::header::{AUTHORIZATION, HeaderMap, USER_AGENT};

use super::super::Credentials;
use super::super::error::UNAUTHENTICATED;
use super::super::listener::Peer;
use super::Refused;

/// Of a `User-Agent`, in bytes: it ends up in lists of sessions.
const USER_AGENT_KEPT: usize = 256;

/// Reads the credentials of a request. The token comes from `Authorization` alone, never from a cookie or the URL.
pub(crate) fn credentials(request: &Request, trusted_proxies: usize) -> Result<Credentials, Refused> {
    let headers = request.headers();
    let token =
        match headers.get(AUTHORIZATION) {
            None => None,
            Some(value) => Some(value.to_str().ok().and_then(bearer).ok_or_else(|| {
                Refused::new(UNAUTHENTICATED, "Authorization must be \"Bearer\" and a token")
            })?),
        };
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|name| name.chars().take(USER_AGENT_KEPT).collect());
    let peer =
        request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    Ok(Credentials { token, client_address: client(headers, peer, trusted_proxies), user_agent })
}

/// The token of `Bearer <token>` (RFC 6750, 2.1).
pub(in super::super) fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// Each trusted proxy appends the address it saw, so the client's is that many from the end; what stands before it
/// anybody may have written.
fn client(headers: &HeaderMap, peer: IpAddr, trusted_proxies: usize) -> IpAddr {
    let Some(place) = trusted_proxies.checked_sub(1) else { return peer };
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    hops.iter().rev().nth(place).and_then(|hop| hop.parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().unwrap(),
            "6.6.6.6, 1.2.3.4, 10.0.0.1".parse().unwrap(),
        )]);
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(client(&headers, peer, 0), peer);
        assert_eq!(client(&headers, peer, 1), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(client(&headers, peer, 2), IpAddr::from([1, 2, 3, 4]));
        assert_eq!(client(&headers, peer, 9), peer);
    }
}
