//! The status of an answer. The specification has moved on from what its audit suite checks, so there are two ways.

use http::StatusCode;

use super::super::error::{self, is_about_the_document, status_of};
use super::media::Media;

/// By which text of GraphQL over HTTP statuses are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusProfile {
    /// As the `graphql-http` audits (1.23) check it, and clients in use expect: 400 for a refused document, but 200 in
    /// plain `application/json`; 200 for whatever has data.
    #[default]
    Audit,
    /// As the draft of August 2026 says: 422 for a document that can be read and not be run, 294 for data with errors,
    /// and the same statuses for clients of `application/json`.
    Draft,
}

impl StatusProfile {
    /// The status and media type of an answer without data. The request `is_malformed` if it could be read, and is no
    /// GraphQL request.
    pub(super) fn refused(self, code: &str, is_malformed: bool, media: Media) -> (StatusCode, Media) {
        match self {
            Self::Audit if media == Media::Json && is_about_the_document(code) => (StatusCode::OK, media),
            Self::Audit => (status_of(code), media),
            // A 4xx in plain JSON may come from anything on the way; that it is GraphQL's, its type says.
            Self::Draft => (draft(code, is_malformed), Media::GraphQLResponse),
        }
    }

    /// The status of an answer with data.
    pub(super) fn data(self, is_partial: bool, media: Media) -> StatusCode {
        match self {
            Self::Draft if is_partial && media == Media::GraphQLResponse => partial_success(),
            Self::Draft | Self::Audit => StatusCode::OK,
        }
    }
}

fn draft(code: &str, is_malformed: bool) -> StatusCode {
    // What cannot even be parsed stays a bad request.
    let is_unprocessable =
        is_malformed || (is_about_the_document(code) && code != error::PARSE_FAILED.text());
    if is_unprocessable { StatusCode::UNPROCESSABLE_ENTITY } else { status_of(code) }
}

/// 294, the specification's own.
fn partial_success() -> StatusCode {
    StatusCode::from_u16(294).unwrap_or(StatusCode::OK)
}
