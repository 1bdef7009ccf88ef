//! What a client wants to be answered with: the `Accept` header (RFC 9110, 12.5.1).

use std::cmp::Reverse;

use http::header::{ACCEPT, HeaderMap};

use super::stream::Format;

/// The media types an answer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`, what anybody gets who does not ask.
    Json,
    /// `application/graphql-response+json`, whose statuses mean what they say.
    GraphQLResponse,
    /// A stream of results, for as long as there are some.
    Stream(Format),
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQLResponse => "application/graphql-response+json; charset=utf-8",
            Self::Stream(format) => format.content_type(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphQLResponse => "application/graphql-response+json",
            Self::Stream(Format::EventStream) => "text/event-stream",
            Self::Stream(Format::Multipart) => MULTIPART,
        }
    }

    /// How much this type is wanted: by quality, then by having been named outright, then by place in the list.
    fn wish(self, ranges: &[Range]) -> Option<(u16, u8, Reverse<usize>)> {
        let matching = ranges.iter().enumerate().filter_map(|(place, range)| {
            range.precision(self.name()).map(|precision| (precision, range.quality, place))
        });
        // The most precise range decides, whatever the others say.
        let (precision, quality, place) =
            matching.max_by_key(|(precision, _, place)| (*precision, Reverse(*place)))?;
        // A wildcard asks for an answer that ends, as does silence: streams are for those who name them.
        if matches!(self, Self::Stream(_)) && precision != NAMED {
            return None;
        }
        // Matched by wildcard alone, the order in the header says nothing about the two.
        let place = if precision == NAMED { place } else { usize::MAX };
        (quality > 0).then_some((quality, precision, Reverse(place)))
    }
}

/// What a client accepts.
pub(super) struct Accepted {
    /// Without the header, anything is.
    ranges: Option<Vec<Range>>,
}

impl Accepted {
    pub(super) fn by(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
        Self { ranges: headers.contains_key(ACCEPT).then_some(ranges) }
    }

    /// The best one for this client, if any will do.
    pub(super) fn media(&self) -> Option<Media> {
        let Some(ranges) = &self.ranges else { return Some(Media::Json) };
        let streams = STREAMS.into_iter().map(Media::Stream);
        let wished = streams.chain([Media::GraphQLResponse, Media::Json]).filter_map(|media| {
            let wish = media.wish(ranges)?;
            Some((wish, media))
        });
        // Of equals, the last.
        wished.max_by_key(|(wish, _)| *wish).map(|(_, media)| media)
    }

    /// The best stream for this client, for what cannot be answered otherwise.
    pub(super) fn stream(&self) -> Option<Format> {
        let ranges = self.ranges.as_deref()?;
        let wished = STREAMS.into_iter().filter_map(|format| {
            let wish = Media::Stream(format).wish(ranges)?;
            Some((wish, format))
        });
        wished.max_by_key(|(wish, _)| *wish).map(|(_, format)| format)
    }
}

const STREAMS: [Format; 2] = [Format::Multipart, Format::EventStream];
const MULTIPART: &str = "multipart/mixed";
const NAMED: u8 = 2;

struct Range {
    name: String,
    /// In thousandths.
    quality: u16,
}

impl Range {
    /// Reads one entry of the list. One that asks for another charset is none that we can serve, and so is a
    /// `multipart/mixed` of another protocol, as that of incremental delivery.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let mut quality = 1000;
        let mut is_served = name != MULTIPART;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value.trim()),
                "charset" if !is_utf8(value) => return None,
                "subscriptionspec" => is_served = value.trim().trim_matches('"') == "1.0",
                _ => {}
            }
        }
        is_served.then_some(Self { name, quality })
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

    fn by(accept: &'static str) -> Accepted {
        Accepted::by(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    fn accepted(accept: &'static str) -> Option<Media> {
        by(accept).media()
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
        assert_eq!(Accepted::by(&HeaderMap::new()).media(), Some(Media::Json));
    }

    #[test]
    fn a_stream_is_for_who_names_it() {
        let (events, multipart) = (Format::EventStream, Format::Multipart);
        assert_eq!(accepted("text/event-stream"), Some(Media::Stream(events)));
        assert_eq!(accepted("application/json;q=0.9, text/event-stream"), Some(Media::Stream(events)));
        assert_eq!(accepted("application/json, text/event-stream"), Some(Media::Json));
        assert_eq!(accepted("text/*"), None);
        assert_eq!(by("application/json, text/event-stream;q=0.1").stream(), Some(events));
        assert_eq!(by("*/*").stream(), None);
        assert_eq!(by("text/event-stream;q=0").stream(), None);
        assert_eq!(Accepted::by(&HeaderMap::new()).stream(), None);
        let apollo = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\", application/json;q=0.9";
        assert_eq!(accepted(apollo), Some(Media::Stream(multipart)));
        assert_eq!(by("multipart/mixed;subscriptionSpec=1.0, text/event-stream").stream(), Some(multipart));
        assert_eq!(accepted("multipart/mixed;deferSpec=20220824, application/json"), Some(Media::Json));
        assert_eq!(by("multipart/mixed;subscriptionSpec=2.0, text/event-stream").stream(), Some(events));
    }
}
