//! Addresses that people have called: they are anybody's words, and none may lead into the network that a server stands in, by
//! whatever name.

use crate::{Error, RefusalCode};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The longest URL.
const URL_BYTES: usize = 1_024;
/// How names end that each network gives to its own machines.
const INSIDE: [&str; 4] = [".local", ".internal", ".localhost", ".home.arpa"];
const TOO_LONG: &str = "must be at most 1024 bytes";

/// Who may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Who is on the internet, by https.
    Public,
    /// Also who is on the same machine or network, and by http: for laptops and tests.
    Anywhere,
}

impl Reach {
    fn shape(self) -> &'static str {
        match self {
            Self::Public => "must be an https URL, for example https://example.org/hook",
            Self::Anywhere => "must be an https or http URL, for example http://localhost:8080/hook",
        }
    }

    /// The URL that this text is, if it may be called, as far as can be told without asking for addresses.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(self, text: &str) -> Result<Url, &'static str> {
        if text.len() > URL_BYTES {
            return Err(TOO_LONG);
        }
        let url = Url::parse(text).map_err(|_| self.shape())?;
        self.allow(&url)?;
        Ok(url)
    }

    /// Whether it may be called, as [`Self::parse`] says it.
    ///
    /// # Errors
    /// What it must be.
    pub fn allow(self, url: &Url) -> Result<(), &'static str> {
        let is_https = url.scheme() == "https" || (self == Self::Anywhere && url.scheme() == "http");
        if !is_https {
            return Err(self.shape());
        }
        if url.as_str().len() > URL_BYTES {
            return Err(TOO_LONG);
        }
        if self == Self::Public && url.port().is_some() {
            return Err("must be at the port of https, 443: leave the port out");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user name or password: put a secret into the path");
        }
        if url.fragment().is_some() {
            return Err("must not have a fragment: leave out # and what follows");
        }
        let is_within = match url.host() {
            Some(Host::Domain(name)) => self == Self::Anywhere || is_public_name(name),
            Some(Host::Ipv4(address)) => self.includes(address.into()),
            Some(Host::Ipv6(address)) => self.includes(address.into()),
            None => false,
        };
        if is_within { Ok(()) } else { Err("must be of a host that can be reached from the internet") }
    }

    /// Whether a machine at this address may be called.
    pub fn includes(self, address: IpAddr) -> bool {
        self == Self::Anywhere || is_public(address)
    }
}

/// The URL that this text is, to be kept.
pub(super) fn checked(field: &'static str, text: &str, reach: Reach) -> crate::Result<String> {
    match reach.parse(text) {
        Ok(url) => Ok(url.into()),
        Err(message) => Err(Error::refused(RefusalCode::Invalid, field, message)),
    }
}

/// Whether a name may be one of the internet's: none of a single word, and none that networks keep for themselves.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.contains('.') && !INSIDE.iter().any(|ending| name.ends_with(ending))
}

/// Whether an address is one machine's on the internet, by IANA's registries of special-purpose addresses.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

#[expect(
    clippy::unnested_or_patterns,
    reason = "a line for each of the registries is easier to compare with them"
)]
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        // This network, private ones, and this machine.
        [0 | 10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..]
        // Shared by a provider's customers (RFC 6598), and of one link, where clouds tell machines their credentials.
        | [100, 64..=127, ..] | [169, 254, ..]
        // Protocols, documentation, relays to IPv6, and benchmarks.
        | [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [198, 18 | 19, ..]
        // Many machines, and what is reserved.
        | [224..=255, ..]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address as IPv6 programs write it, and as networks without IPv4 do (RFC 6052).
    if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
    | [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] = address.octets()
    {
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    match address.segments() {
        // Protocols, Teredo among them; documentation; and 6to4, which has an IPv4 address inside.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2002, ..] => false,
        // All else that has been given to anybody; what is private, of one link or for many is not in it.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_checked_when_it_is_given() {
        let long = format!("https://example.org/{}", "a".repeat(URL_BYTES));
        let longer_than_it_looks = format!("https://example.org/{}", "ä".repeat(URL_BYTES / 4));
        let (shape, reach) =
            (Reach::Public.shape(), "must be of a host that can be reached from the internet");
        let user = "must not have a user name or password: put a secret into the path";
        for (text, verdict) in [
            ("https://example.org/hook?a=b", Ok("https://example.org/hook?a=b")),
            (" HTTPS://Example.ORG:443/a/../b ", Ok("https://example.org/b")),
            ("https://bücher.example", Ok("https://xn--bcher-kva.example/")),
            ("https://example.org:8443/", Err("must be at the port of https, 443: leave the port out")),
            ("https://8.8.8.8/", Ok("https://8.8.8.8/")),
            ("https://[2606:4700::1111]/", Ok("https://[2606:4700::1111]/")),
            ("", Err(shape)),
            ("example.org/hook", Err(shape)),
            ("https://", Err(shape)),
            ("http://example.org/", Err(shape)),
            ("ftp://example.org/", Err(shape)),
            ("data:text/plain,a", Err(shape)),
            (&long, Err(TOO_LONG)),
            (&longer_than_it_looks, Err(TOO_LONG)),
            ("https://ada@example.org/", Err(user)),
            ("https://:word@example.org/", Err(user)),
            ("https://example.org/#a", Err("must not have a fragment: leave out # and what follows")),
            ("https://localhost/", Err(reach)),
            ("https://LOCALHOST./", Err(reach)),
            ("https://printer/", Err(reach)),
            ("https://printer.local/", Err(reach)),
            ("https://metadata.google.internal/", Err(reach)),
            ("https://169.254.169.254/latest", Err(reach)),
            ("https://[fd00:ec2::254]/latest", Err(reach)),
            ("https://[::ffff:a9fe:a9fe]/latest", Err(reach)),
            ("https://2852039166/latest", Err(reach)),
            ("https://0/", Err(reach)),
        ] {
            let checked = Reach::Public.parse(text);
            assert_eq!(checked.as_ref().map(Url::as_str), verdict.as_ref().map(|url| *url), "{text}");
        }
        for text in ["http://localhost:8080/hook", "http://192.168.0.2/", "https://printer/"] {
            assert!(Reach::Anywhere.parse(text).is_ok(), "{text}");
        }
        assert_eq!(Reach::Anywhere.parse("ftp://printer/"), Err(Reach::Anywhere.shape()));
    }

    #[test]
    fn an_address_is_public_or_not() {
        // The first and the last of what is not public, and their neighbours that are.
        let inside = [
            "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255",
            "169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0",
            "192.0.2.255 192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0",
            "198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255",
            ":: ::1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:8.8.8.8 64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254 64:ff9b::1:808:808 64:ff9b:1:: 64:ff9b:1::8.8.8.8 100:: 100::1 100:0:0:1::",
            "2001:: 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8:ffff::",
            "2002:808:808:: 2002:7f00:1:: 3fff:: 3fff:fff:ffff:: 4000:: 5f00:: 8000:: fc00:: fd00:ec2::254 fdff::",
            "fe80:: fe80::1 febf:ffff:: fec0:: ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1fff:ffff::",
        ];
        let outside = [
            "1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0",
            "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255",
            "192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255",
            "203.0.114.0 223.255.255.255 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2000:: 2001:200:: 2001:4860:4860::8888 2001:db7::",
            "2001:db9:: 2003:: 2606:4700:4700::1111 2a00:1450:4001::1 3ffe:: 3fff:1000::",
        ];
        for (table, verdict) in [(inside.as_slice(), false), (outside.as_slice(), true)] {
            for address in table.iter().flat_map(|line| line.split(' ')) {
                assert_eq!(is_public(address.parse().unwrap()), verdict, "{address}");
            }
        }
    }
}
