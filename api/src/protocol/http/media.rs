//! Which JSON a client wants: the `Accept` header (RFC 9110, 12.5.1).

use http::header::{ACCEPT, HeaderMap};

/// The media types an answer can have. A stream of events (SSE) will be one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`, what anybody gets who does not ask.
    Json,
    /// `application/graphql-response+json`, whose statuses mean what they say.
    GraphQLResponse,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQLResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphQLResponse => "application/graphql-response+json",
        }
    }

    /// The best one for this client, if any will do.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range> = values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
        if ranges.is_empty() && !headers.contains_key(ACCEPT) {
            return Some(Self::Json);
        }
        let json = Self::Json.wish(&ranges);
        let response = Self::GraphQLResponse.wish(&ranges);
        match (json, response) {
            (None, None) => None,
            (json, response) if response > json => Some(Self::GraphQLResponse),
            _ => Some(Self::Json),
        }
    }

    /// How much this type is wanted: by quality, then by having been named outright, then by place in the list.
    fn wish(self, ranges: &[Range]) -> Option<(u16, u8, std::cmp::Reverse<usize>)> {
        let matching = ranges.iter().enumerate().filter_map(|(place, range)| {
            range.precision(self.name()).map(|precision| (precision, range.quality, place))
        });
        // The most precise range decides, whatever the others say.
        let (precision, quality, place) =
            matching.max_by_key(|(precision, _, place)| (*precision, std::cmp::Reverse(*place)))?;
        // Matched by wildcard alone, the order in the header says nothing about the two.
        let place = if precision == NAMED { place } else { usize::MAX };
        (quality > 0).then_some((quality, precision, std::cmp::Reverse(place)))
    }
}

const NAMED: u8 = 2;

struct Range {
    name: String,
    /// In thousandths.
    quality: u16,
}

impl Range {
    /// Reads one entry of the list; one that asks for another charset is none that we can serve.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let mut quality = 1000;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value.trim()),
                "charset" if !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self { name, quality })
    }

    fn precision(&self, name: &str) -> Option<u8> {
        match self.name.as_str() {
            "*/*" => Some(0),
            "application/*" => Some(1),
            range => (range == name).then_some(NAMED),
        }
    }
}

fn thousandths(quality: &str) -> u16 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    match whole {
        "1" => 1000,
        "0" => format!("{part:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0),
        _ => 0,
    }
}

/// Whether this charset is the one JSON is in.
pub(super) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(accept: &'static str) -> Option<Media> {
        Media::accepted(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    #[test]
    fn the_wanted_media_type_is_found() {
        let both = "application/graphql-response+json, application/json;q=0.9";
        assert_eq!(accepted(both), Some(Media::GraphQLResponse));
        assert_eq!(
            accepted("application/json;q=0.5, application/graphql-response+json;q=0.4"),
            Some(Media::Json)
        );
        assert_eq!(accepted("application/json, application/graphql-response+json"), Some(Media::Json));
        assert_eq!(accepted("*/*"), Some(Media::Json));
        assert_eq!(accepted("application/*;q=0.2, text/html"), Some(Media::Json));
        assert_eq!(accepted("*/*, application/json;q=0"), Some(Media::GraphQLResponse));
        assert_eq!(accepted("application/json; charset=UTF-8"), Some(Media::Json));
        assert_eq!(accepted("application/json; charset=latin1"), None);
        assert_eq!(accepted("image/png"), None);
        assert_eq!(accepted("application/json;q=0"), None);
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
    }
}
