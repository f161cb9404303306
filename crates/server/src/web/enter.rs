//! The way in: which institution's host, who calls, what headers every answer carries, one log line.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use warifu_core::random;

use super::{problems, visit::Visit};
use crate::{
    actions::{network, refusals},
    api,
    app::App,
    demo,
    error::AppError,
    institutions::{HostKind, Institution},
    phone, portal,
};

/// No form and no phone sends more than this.
const BODY_LIMIT: usize = 64 * 1024;
/// How long a body may be in coming.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// No request is worked on longer than this once it is here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that is served to customers and their phones.
pub(crate) fn router(app: &App) -> Router {
    let doors = Arc::new(Doors {
        app: app.clone(),
        portal: portal::router(app),
        phone: phone::router(app),
        api: api::router(app),
        demo: demo::router(app),
    });
    let outside = Arc::clone(&doors);
    Router::new()
        .fallback(move |request: Request| {
            let doors = Arc::clone(&doors);
            async move { doors.enter(request).await }
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(map_response(move |mut response: Response| {
            // What these layers answer themselves has not come through a door.
            if !response.headers().contains_key(header::CONTENT_SECURITY_POLICY) {
                outside.headers(None, response.headers_mut());
            }
            std::future::ready(response)
        }))
        .layer(CompressionLayer::new())
}

struct Doors {
    app: App,
    portal: Router,
    phone: Router,
    api: Router,
    /// Pages of the demo; none elsewhere.
    demo: Option<Router>,
}

/// Which kinds of host a listener serves; a request for another kind is misdirected.
#[derive(Clone, Debug)]
pub(crate) struct Serves(pub(crate) Vec<HostKind>);

/// Set on connections that came over loopback in the demo: only they see its mailbox and phone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoListener;

impl Doors {
    async fn enter(&self, mut request: Request) -> Response {
        let begun = tokio::time::Instant::now();
        let request_id = random::digits(&*self.app.random, 16);
        let address = self.caller(&request);
        let host = host(&request);
        let serves = request.extensions().get::<Serves>();
        let is_demo = request.extensions().get::<DemoListener>().is_some();
        let found = host
            .as_deref()
            .and_then(|host| self.institution(host, is_demo))
            .filter(|(kind, _)| serves.is_none_or(|s| s.0.contains(kind)));
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let (kind, mut response) = match found {
            None => (None, Box::pin(self.misdirected(address, &request_id)).await),
            Some((kind, institution)) => {
                let mut visit = Visit::new(
                    &self.app,
                    (kind, institution),
                    request.headers(),
                    request.uri(),
                    address,
                    request_id.clone(),
                );
                visit.is_demo = is_demo;
                request.extensions_mut().insert(visit.clone());
                (Some(kind), self.through(kind, visit, request).await)
            }
        };
        self.headers(kind, response.headers_mut());
        let status = response.status().as_u16();
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A verification has its line in the trail, with the same id.
        if kind == Some(HostKind::Api) && status == 200 {
            tracing::debug!(request.id = request_id, %method, path, status, milliseconds, "request");
        } else {
            tracing::info!(request.id = request_id, %method, path, status, milliseconds, "request");
        }
        response
    }

    fn institution(&self, host: &str, is_demo: bool) -> Option<(HostKind, Arc<Institution>)> {
        let found = self.app.institutions.by_host(host);
        if found.is_some() || !is_demo {
            return found;
        }
        // A demo that serves other devices under a name keeps its own pages on loopback.
        let kind = match host {
            "ib.localhost" => HostKind::Ib,
            "token.localhost" => HostKind::Token,
            _ => return None,
        };
        self.app.institutions.all().first().map(|bank| (kind, Arc::clone(bank)))
    }

    async fn through(&self, kind: HostKind, visit: Visit, request: Request) -> Response {
        if let Some(demo) = &self.demo
            && request.uri().path().starts_with("/demo/")
            && request.extensions().get::<DemoListener>().is_some()
        {
            return answer(demo.clone(), request).await;
        }
        let is_post = request.method() == axum::http::Method::POST;
        // A bank's programs all come from one address; who proves no key there is limited in time.
        let is_program = kind == HostKind::Api;
        if is_post && !is_program && !self.app.limits.admits(&line(&request, &visit)) {
            return self.too_many(kind, &visit);
        }
        let Some(request) = whole(request, BODY_PATIENCE).await else { return late() };
        match kind {
            HostKind::Ib => {
                let response = worked_on(answer(self.portal.clone(), request)).await;
                Box::pin(portal::errors::render(visit, is_post, response)).await
            }
            HostKind::Token => {
                let response = worked_on(answer(self.phone.clone(), request)).await;
                problems::render(&visit, &visit.origin.institution.document.hosts.token, response)
            }
            HostKind::Api => {
                let response = worked_on(answer(self.api.clone(), request)).await;
                problems::render(&visit, &visit.origin.institution.document.hosts.api, response)
            }
            // Its pages are not part of this version.
            HostKind::Console => StatusCode::NOT_FOUND.into_response(),
        }
    }

    // Not even looked up; counted, and recorded with others.
    fn too_many(&self, kind: HostKind, visit: &Visit) -> Response {
        let error = AppError::TooMany(visit.origin.now.plus(Duration::from_secs(1)));
        self.app.limits.leave_out(Some(visit.origin.institution.id), "too_many_from_one_network");
        if kind == HostKind::Token {
            let host = &visit.origin.institution.document.hosts.token;
            problems::render(visit, host, error.into_response())
        } else {
            portal::errors::rendered(visit, false, error)
        }
    }

    // The caller, as far as it can be believed: a trusted proxy's word, else the socket's.
    fn caller(&self, request: &Request) -> String {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let Some(peer) = peer.map(|info| info.0.ip().to_canonical()) else {
            return "127.0.0.1".to_owned();
        };
        let trusted = &self.app.settings.trusted_proxies;
        if !trusted.contains(&peer) {
            return peer.to_string();
        }
        let hops = request.headers().get_all("x-forwarded-for");
        let hops: Vec<_> = hops
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .collect();
        // From the right: the first that is no proxy of ours. Garbage counts as the proxy itself.
        for hop in hops.iter().rev() {
            // Some proxies write the port along.
            let hop = hop.trim();
            let ip = hop.parse::<std::net::IpAddr>().ok();
            let ip = ip.or_else(|| hop.parse::<SocketAddr>().ok().map(|a| a.ip()));
            match ip.map(|ip| ip.to_canonical()) {
                Some(ip) if trusted.contains(&ip) => {}
                Some(ip) => return ip.to_string(),
                None => break,
            }
        }
        peer.to_string()
    }

    // No institution, so no page of one; recorded for the installation itself.
    async fn misdirected(&self, address: String, request_id: &str) -> Response {
        if let Err(error) = refusals::misdirected(&self.app, address, request_id).await {
            tracing::error!(?error, "audit");
            return AppError::Overloaded.into_response();
        }
        (AppError::Misdirected.parts().0, "421 Misdirected Request\n").into_response()
    }

    fn headers(&self, kind: Option<HostKind>, headers: &mut HeaderMap) {
        const IB: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
             img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'";
        const TOKEN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
             img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types warifu-worker";
        let policy = if kind == Some(HostKind::Token) { TOKEN } else { IB };
        let camera = if kind == Some(HostKind::Token) {
            "camera=(self), geolocation=(), microphone=()"
        } else {
            "camera=(), geolocation=(), microphone=()"
        };
        let fixed = [
            ("content-security-policy", policy),
            ("permissions-policy", camera),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if !self.app.settings.plain_http {
            let value = HeaderValue::from_static("max-age=63072000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
    }
}

// In which line a form waits: its network's. The emergency stop has one of its own, so that nobody is
// kept from it by what a neighbour does.
fn line(request: &Request, visit: &Visit) -> String {
    let network = network::network(visit.origin.address.as_deref().unwrap_or_default());
    match request.uri().path() {
        "/stop" => format!("stop {network}"),
        _ => network,
    }
}

/// A request with all of its body, which is read here and nowhere else: what works on it is never ended
/// half-way, so it must not be what waits for a caller. None when the body does not come.
async fn whole(request: Request, patience: Duration) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(patience, to_bytes(body, BODY_LIMIT)).await.ok()?;
    // One that is too large or was cut off is no body at all to whoever reads it.
    let body = body.map_or_else(|_| Body::new(Lost), Body::from);
    Some(Request::from_parts(parts, body))
}

struct Lost;

impl HttpBody for Lost {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("no whole body"))))
    }
}

// The connection ends with it: who has not sent what was announced has nothing more to say.
fn late() -> Response {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::REQUEST_TIMEOUT, close, "408 Request Timeout\n").into_response()
}

/// What was begun is finished, whether or not the caller stays to hear of it: nobody takes back a
/// guess, or an effect without its answer, by hanging up.
async fn worked_on(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::time::timeout(PATIENCE, tokio::spawn(answer)).await {
        Ok(Ok(response)) => response,
        Ok(Err(died)) => AppError::internal(died).into_response(),
        Err(_) => AppError::Unsure.into_response(),
    }
}

async fn answer(router: Router, request: Request<Body>) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The host asked for, without its port, in lower case.
fn host(request: &Request) -> Option<String> {
    let named =
        request.uri().authority().map(axum::http::uri::Authority::as_str).or_else(|| {
            let mut all = request.headers().get_all(header::HOST).iter();
            let first = all.next()?.to_str().ok()?;
            // Two Host headers mean two minds about whose request this is.
            all.next().is_none().then_some(first)
        })?;
    let host = match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => named,
    };
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of which this much comes, and then nothing more.
    struct Stuck(Option<Bytes>);

    impl HttpBody for Stuck {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            match self.0.take() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for_and_its_connection_is_closed() {
        let body = Body::new(Stuck(Some(Bytes::from_static(b"csrf="))));
        let request = Request::new(body);
        assert!(whole(request, Duration::from_millis(5)).await.is_none());
        let answer = late();
        assert_eq!(answer.status(), 408);
        assert_eq!(answer.headers()[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn a_body_comes_whole_or_not_at_all() {
        let read = async |size: usize| {
            let request = Request::new(Body::from(vec![b'a'; size]));
            let request = whole(request, BODY_PATIENCE).await.unwrap();
            to_bytes(request.into_body(), usize::MAX).await.map(|bytes| bytes.len()).ok()
        };
        assert_eq!(read(0).await, Some(0));
        assert_eq!(read(BODY_LIMIT).await, Some(BODY_LIMIT));
        assert_eq!(read(BODY_LIMIT + 1).await, None);
    }
}
