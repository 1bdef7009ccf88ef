//! GraphiQL, the developers' editor, at `/`: a page of ours, and what it needs of npm packages.
//!
//! Those come from a CDN, or from a folder that `api/assets/fetch-graphiql` has filled. Either way the page has the
//! digest of each, so that a browser runs those very files. All its own links are relative: it works under any path.

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header;
use std::path::Path;

const PAGE: &str = include_str!("../assets/graphiql.html");
const SCRIPT: &str = include_str!("../assets/graphiql.js");
const STYLE: &str = include_str!("../assets/graphiql.css");
/// Where the page has packages from: a file is `name@version/path`.
const CDN: &str = "https://unpkg.com/";
/// Where it has them from if they are here.
const OWN: &str = "graphiql/";
/// A file of one version is the same for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The routes of GraphiQL, with what it needs of packages in this folder, if there is one.
pub fn router(assets: Option<&Path>) -> anyhow::Result<Router> {
    let (page, policy) = match assets {
        Some(_) => (PAGE.replace(CDN, OWN), policy("", "")),
        None => (PAGE.to_owned(), policy(&sources("js"), &sources("css"))),
    };
    let headers =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::REFERRER_POLICY, "no-referrer".into())];
    let mut router = Router::new()
        .route("/", get(async || (headers, asset("html", page))))
        .route("/graphiql.js", get(async || asset("js", SCRIPT)))
        .route("/graphiql.css", get(async || asset("css", STYLE)));
    for (file, bytes) in assets.map_or(Ok(Vec::new()), read)? {
        let kind = if is(file, "css") { "css" } else { "js" };
        let answer = async move || ([(header::CACHE_CONTROL, FOR_EVER)], asset(kind, bytes));
        router = router.route(&format!("/{OWN}{file}"), get(answer));
    }
    Ok(router)
}

/// The files of packages that the page names.
fn files() -> impl Iterator<Item = &'static str> {
    PAGE.split(CDN).skip(1).filter_map(|rest| rest.split('"').next())
}

fn is(file: &str, kind: &str) -> bool {
    file.rsplit('.').next() == Some(kind)
}

fn read(folder: &Path) -> anyhow::Result<Vec<(&'static str, Bytes)>> {
    let read = |file| {
        let path = folder.join(file);
        let lacking =
            || format!("GRAPHIQL_ASSETS lacks {}: fill it with api/assets/fetch-graphiql", path.display());
        Ok((file, std::fs::read(&path).with_context(lacking)?.into()))
    };
    files().map(read).collect()
}

/// The files of a kind, as a source list of the policy.
fn sources(kind: &str) -> String {
    files().filter(|file| is(file, kind)).flat_map(|file| [" ", CDN, file]).collect()
}

/// What the page may do: run our scripts and these, have our styles and these, and talk to us. Its editor writes
/// styles into the page.
fn policy(scripts: &str, styles: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'{styles}; \
         font-src data:; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

fn asset(kind: &'static str, body: impl Into<Body>) -> Response {
    let kind = match kind {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    ([(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::extract::Request;
    use http::StatusCode;
    use tower::ServiceExt as _;

    /// A folder with something in place of each file.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn filled(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("roomm8-graphiql-{name}-{}", std::process::id()));
            for file in files() {
                let path = folder.join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, file).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    async fn get(router: &Router, path: &str) -> (StatusCode, String, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY);
        let policy = policy.map(|policy| policy.to_str().unwrap().to_owned()).unwrap_or_default();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, policy, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What the page loads and links to, but for its icon, which it has with it.
    fn links(page: &str) -> Vec<&str> {
        let attributes = page.split(" href=\"").skip(1).chain(page.split(" src=\"").skip(1));
        attributes
            .filter_map(|rest| rest.split('"').next())
            .filter(|link| !link.starts_with("data:"))
            .collect()
    }

    #[tokio::test]
    async fn below_any_path_every_link_leads_somewhere() {
        let folder = Folder::filled("below");
        let below = Router::new().nest("/tools/roomm8", router(Some(&folder.0)).unwrap());
        let (status, _, page) = get(&below, "/tools/roomm8").await;
        assert_eq!(status, StatusCode::OK);
        let links = links(&page);
        assert_eq!(links.len(), 8, "{links:?}");
        for link in links.into_iter().filter(|link| *link != "schema.graphql") {
            assert!(!link.starts_with('/') && !link.contains(':'), "{link} is not relative");
            let (status, _, body) = get(&below, &format!("/tools/roomm8/{link}")).await;
            assert_eq!(status, StatusCode::OK, "{link}");
            assert!(!link.starts_with(OWN) || link.ends_with(&body), "{link} is {body}");
        }
        assert!(SCRIPT.contains("new URL('graphql', location.href)") && !SCRIPT.contains("'/"));
    }

    #[tokio::test]
    async fn with_a_folder_of_files_no_other_host_is_named() {
        let folder = Folder::filled("alone");
        let (_, policy, page) = get(&router(Some(&folder.0)).unwrap(), "/").await;
        assert!(!page.contains("https:") && !page.contains("unpkg"), "{page}");
        assert!(!policy.contains("https:") && policy.contains("script-src 'self';"), "{policy}");
    }

    #[tokio::test]
    async fn without_one_only_what_the_page_names_may_be_loaded_and_by_its_digest() {
        let alone = router(None).unwrap();
        let (_, policy, page) = get(&alone, "/").await;
        let foreign: Vec<_> = links(&page).into_iter().filter(|link| link.contains(':')).collect();
        assert_eq!(foreign.len(), 5, "{foreign:?}");
        let allowed: Vec<_> = policy.split([' ', ';']).filter(|source| source.contains("//")).collect();
        assert_eq!(allowed.len(), 5, "{policy}");
        assert!(foreign.iter().all(|link| allowed.contains(link)), "{policy}");
        assert_eq!(page.matches("integrity=\"sha384-").count(), 5);
        assert_eq!(get(&alone, &format!("/{OWN}{}", files().next().unwrap())).await.0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_file_that_is_missing_is_said_at_the_start() {
        let folder = Folder::filled("missing");
        let file = files().last().unwrap();
        std::fs::remove_file(folder.0.join(file)).unwrap();
        let problem = format!("{:#}", router(Some(&folder.0)).unwrap_err());
        assert!(problem.contains("GRAPHIQL_ASSETS") && problem.contains(file), "{problem}");
    }
}
