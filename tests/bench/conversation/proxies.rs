//! A minimal hyper reverse proxy, about as short as one can be: what hyper itself costs.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::servers;

/// The fields that belong to a connection and not to what passes (RFC 9110 §7.6.1).
const HOP: [header::HeaderName; 5] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Passes everything on to the service at this address.
pub(crate) async fn minimal(upstream: &str) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let upstream = Arc::<str>::from(upstream);
    servers::serve(move |request| pass(client.clone(), Arc::clone(&upstream), request)).await;
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    upstream: Arc<str>,
    mut request: Request<Incoming>,
) -> Response<BoxBody<Bytes, hyper::Error>> {
    let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let uri = Uri::try_from(format!("http://{upstream}{target}")).unwrap();
    let host = header::HeaderValue::from_str(&upstream).unwrap();
    *request.uri_mut() = uri;
    for name in &HOP {
        request.headers_mut().remove(name);
    }
    request.headers_mut().insert(header::HOST, host);
    if let Ok(mut response) = client.request(request).await {
        for name in &HOP {
            response.headers_mut().remove(name);
        }
        return response.map(Incoming::boxed);
    }
    let empty = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = Response::new(empty);
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    response
}
