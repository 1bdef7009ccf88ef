//! The query of a URL: what a GET says is what a POST would say with the same in its body.

#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use roomm8_fuzz::protocol::Parameters;
use roomm8_fuzz::{is_json, value};

fuzz_target!(|query: &str| {
    let Ok(uri) = format!("/graphql?{query}").parse::<Uri>() else { return };
    let read = || Parameters::from_uri(&uri).ok().as_ref().map(value);
    let got = read();
    assert_eq!(got, read());
    if let Some(body) = body(uri.query().unwrap_or_default()) {
        let posted = Parameters::from_json(body.as_bytes()).ok().as_ref().map(value);
        assert_eq!(got, posted, "{body}");
    }
});

/// The same as JSON, where JSON can say it. What is empty in a URL is absent, which null is in JSON.
fn body(query: &str) -> Option<String> {
    let mut fields = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let json = match name.as_ref() {
            "query" => serde_json::to_string(&value).ok()?,
            "documentId" | "operationName" | "variables" | "extensions" if value.is_empty() => {
                "null".to_owned()
            }
            "documentId" | "operationName" => serde_json::to_string(&value).ok()?,
            "variables" | "extensions" if is_json(&value) => value.into_owned(),
            "variables" | "extensions" => return None,
            _ => continue,
        };
        fields.push(format!("\"{name}\":{json}"));
    }
    Some(format!("{{{}}}", fields.join(",")))
}
