//! Why a call to AWS came to nothing, as one word: what services write beside it may quote an address.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::io;

/// The code that the service gave, or what kept us from asking.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let word = match error {
        SdkError::ServiceError(said) => said.err().code().unwrap_or("NoCode"),
        SdkError::ConstructionFailure(_) => "NotAsked",
        SdkError::TimeoutError(_) => "TimeOut",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "TimeOut",
        SdkError::DispatchFailure(_) => "NoConnection",
        _ => "NoSense",
    };
    word.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

/// Whether no connection came about, so that nothing can have been said over one.
///
/// A refused connection is the one failure that cannot come in the midst of an answer: that a host or a network is
/// unreachable may be learnt after a request was sent.
pub(crate) fn never_connected(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::ConnectionRefused;
        }
        next = error.source();
    }
    false
}
