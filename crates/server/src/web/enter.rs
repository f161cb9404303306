//! The way in: which institution's host, who calls, what headers every answer carries, one log line.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use hyper::body::Frame;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::compression::CompressionLayer;
use warifu_core::{
    audit::{ActorKind, Channel},
    random,
};

use super::{
    problems,
    visit::{Visit, device_kind},
};
use crate::{
    actions::{network, refusals},
    api,
    app::App,
    demo,
    error::AppError,
    institutions::{HostKind, Institution},
    origin::Origin,
    phone, portal,
};

/// No form and no phone sends more than this.
const BODY_LIMIT: usize = 64 * 1024;
/// How long a body may be in coming.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// No request is worked on longer than this once it is here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that is served to customers, their phones and the bank's programs.
pub(crate) struct Doors {
    app: App,
    portal: Router,
    phone: Router,
    /// Pages of the demo; none elsewhere.
    demo: Option<Router>,
}

/// How requests come over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Where they come from, as the socket says; this machine, where it cannot say.
    pub(crate) peer: IpAddr,
    /// Which kinds of host are served here; a request for another kind is misdirected.
    pub(crate) serves: Arc<[HostKind]>,
    /// Over loopback in the demo: only there are its mailbox and phone.
    pub(crate) is_demo: bool,
}

impl Doors {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            portal: portal::router(app),
            phone: phone::router(app),
            demo: demo::router(app),
        }
    }

    /// Answers a request, whatever happens.
    pub(crate) async fn answer(&self, way: &Way, request: Request) -> Response {
        let begun = tokio::time::Instant::now();
        let request_id = random::digits(&*self.app.random, 16);
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let host = host(&request);
        let is_plain = host.as_deref().is_some_and(|host| self.app.is_plain(host));
        let kind_of = host.and_then(|host| self.institution(&host, way.is_demo));
        let found = kind_of.filter(|(kind, _)| way.serves.contains(kind));
        let kind = found.as_ref().map(|(kind, _)| *kind);
        // Where they are made, they stay: these futures are large, and each wrapper would move them.
        let entered = pin!(self.enter(way, found, request, &request_id));
        let mut response = match AssertUnwindSafe(entered).catch_unwind().await {
            Ok(response) => response,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        Self::headers(kind, is_plain, response.headers_mut());
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

    async fn enter(
        &self,
        way: &Way,
        found: Option<(HostKind, Arc<Institution>)>,
        request: Request,
        request_id: &str,
    ) -> Response {
        let address = self.caller(way.peer, request.headers());
        let Some((kind, institution)) = found else {
            return Box::pin(self.misdirected(address, request_id)).await;
        };
        let origin = Origin {
            institution,
            now: self.app.clock.now(),
            channel: match kind {
                HostKind::Token => Channel::Phone,
                HostKind::Api => Channel::Api,
                HostKind::Ib | HostKind::Console => Channel::Portal,
            },
            actor: (ActorKind::Anonymous, String::new()),
            screen: None,
            address: Some(address),
            device: Some(device_kind(request.headers())),
            request_id: Some(request_id.to_owned()),
            correlation: None,
            lines: Arc::default(),
        };
        if kind == HostKind::Api {
            return self.program(origin, request).await;
        }
        // What people load is large, and has a place of its own.
        Box::pin(self.page(way, kind, origin, request)).await
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

    // The bank's programs all come from one address; who proves no key there is limited in time. Their
    // answers are small, and what one of them has begun is finished by the queue.
    async fn program(&self, origin: Origin, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Some(body) = whole(body, BODY_PATIENCE).await else { return late() };
        let institution = Arc::clone(&origin.institution);
        let told = origin.clone();
        let answer = pin!(api::answer(&self.app, origin, &parts, body.ok()));
        let answered = tokio::time::timeout(PATIENCE, answer).await;
        answered.unwrap_or(Err(AppError::Unsure)).unwrap_or_else(|error| {
            problems::told(&self.app, &told, &institution.document.hosts.api, &error)
        })
    }

    async fn page(&self, way: &Way, kind: HostKind, origin: Origin, request: Request) -> Response {
        let mut visit = Visit::new(&self.app, origin, request.headers(), request.uri());
        visit.is_demo = way.is_demo;
        let through = service_fn(|request| {
            let visit = visit.clone();
            async move { Ok::<_, Infallible>(self.through(kind, visit, request).await) }
        });
        match CompressionLayer::new().layer(through).oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    async fn through(&self, kind: HostKind, visit: Visit, mut request: Request) -> Response {
        request.extensions_mut().insert(visit.clone());
        if let Some(demo) = &self.demo
            && visit.is_demo
            && request.uri().path().starts_with("/demo/")
        {
            return answer(demo.clone(), request).await;
        }
        let is_post = request.method() == Method::POST;
        if is_post && !self.app.limits.admits(&line(&request, &visit)) {
            return self.too_many(kind, &visit);
        }
        let (parts, body) = request.into_parts();
        let Some(body) = whole(body, BODY_PATIENCE).await else { return late() };
        // One that is too large or was cut off is no body at all to whoever reads it.
        let body = body.map_or_else(|_| Body::new(Lost), Body::from);
        let request = Request::from_parts(parts, body);
        match kind {
            HostKind::Ib => {
                let response = worked_on(answer(self.portal.clone(), request)).await;
                Box::pin(portal::errors::render(visit, is_post, response)).await
            }
            HostKind::Token => {
                let response = worked_on(answer(self.phone.clone(), request)).await;
                let host = &visit.origin.institution.document.hosts.token;
                problems::render(&visit.app, &visit.origin, host, response)
            }
            // Programs have come in by another door; the console is not part of this version.
            HostKind::Api | HostKind::Console => StatusCode::NOT_FOUND.into_response(),
        }
    }

    // Not even looked up; counted, and recorded with others.
    fn too_many(&self, kind: HostKind, visit: &Visit) -> Response {
        let error = AppError::TooMany(visit.origin.now.plus(Duration::from_secs(1)));
        self.app.limits.leave_out(Some(visit.origin.institution.id), "too_many_from_one_network");
        if kind == HostKind::Token {
            let host = &visit.origin.institution.document.hosts.token;
            problems::told(&visit.app, &visit.origin, host, &error)
        } else {
            portal::errors::rendered(visit, false, error)
        }
    }

    // The caller, as far as it can be believed: a trusted proxy's word, else the socket's.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> String {
        let peer = peer.to_canonical();
        let trusted = &self.app.settings.trusted_proxies;
        if !trusted.contains(&peer) {
            return peer.to_string();
        }
        let hops = headers.get_all("x-forwarded-for");
        let hops: Vec<_> = hops
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .collect();
        // From the right: the first that is no proxy of ours. Garbage counts as the proxy itself.
        for hop in hops.iter().rev() {
            // Some proxies write the port along.
            let hop = hop.trim();
            let ip = hop.parse::<IpAddr>().ok();
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
        let mut told = "421 Misdirected Request\n".to_owned();
        if self.app.settings.demo.is_some() {
            // Whoever tries the demo may have typed the machine's name alone.
            for institution in self.app.institutions.all() {
                let portal = self.app.link(&institution.document.hosts.ib, "/");
                told.extend(["The demo is at ", &portal, "\n"]);
            }
        }
        (AppError::Misdirected.parts().0, told).into_response()
    }

    fn headers(kind: Option<HostKind>, is_plain: bool, headers: &mut HeaderMap) {
        if kind == Some(HostKind::Api) {
            let policy = "default-src 'none'; frame-ancestors 'none'";
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            let nosniff = HeaderValue::from_static("nosniff");
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        } else {
            Self::page_headers(kind, headers);
        }
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if !is_plain {
            let value = HeaderValue::from_static("max-age=63072000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
    }

    fn page_headers(kind: Option<HostKind>, headers: &mut HeaderMap) {
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

/// All of a body, which is read here and nowhere else: what works on it is never ended half-way, so it
/// must not be what waits for a caller. None when it does not come; an error for one that is too large
/// or was cut off.
async fn whole(body: Body, patience: Duration) -> Option<Result<Bytes, axum::Error>> {
    tokio::time::timeout(patience, to_bytes(body, BODY_LIMIT)).await.ok()
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
        assert!(whole(body, Duration::from_millis(5)).await.is_none());
        let answer = late();
        assert_eq!(answer.status(), 408);
        assert_eq!(answer.headers()[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn a_body_comes_whole_or_not_at_all() {
        let read = async |size: usize| {
            let body = whole(Body::from(vec![b'a'; size]), BODY_PATIENCE).await.unwrap();
            body.map(|bytes| bytes.len()).ok()
        };
        assert_eq!(read(0).await, Some(0));
        assert_eq!(read(BODY_LIMIT).await, Some(BODY_LIMIT));
        assert_eq!(read(BODY_LIMIT + 1).await, None);
    }
}
