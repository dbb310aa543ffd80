//! The activation web server of an appliance: a `GET` with the region is answered with the key that activates the
//! gateway there, as text or in the `Location` of a redirect. It is torn down once the gateway is activated.
//!
//! It listens on a port of loopback, which the instance's tag [`ACTIVATION_TAG`] names. Whoever has the endpoint itself
//! as `http_proxy`, or connects to it instead, finds it under the appliance's own address, such as `http://192.168.1.10/`.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::appliance::ACTIVATION_TAG;
use super::error::Error;
use super::state::{Door, Key};
use super::{PRINCIPAL, StorageGateway};
use crate::emulator::front;
use crate::emulator::service::ReplyBody;

const KEY_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
/// How long a key can be used.
const KEY_LASTS: Duration = Duration::from_secs(30 * 60);
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The parameter without which the server only says what it is.
pub const REGION: &str = "activationRegion";

/// What is asked of the server.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    region: Option<String>,
    vpc_endpoint: Option<String>,
    as_text: bool,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            let given = Some(value.clone()).filter(|value| !value.is_empty());
            match name {
                REGION => asked.region = given,
                "vpcEndpoint" => asked.vpc_endpoint = given,
                "no_redirect" => asked.as_text = value != "false",
                // `gatewayType` and `endpointType` change nothing here, and what else there is AWS ignores too.
                _ => {}
            }
        }
        asked
    }
}

impl StorageGateway {
    /// Lets an appliance's server listen, unless it does or there is nothing to activate.
    pub(super) async fn open_door(&self, instance: &str) -> Result<(), Error> {
        let is_needed = {
            let registry = self.registry();
            let is_activated = registry.gateways.values().any(|gateway| gateway.instance == instance);
            let appliance = registry.appliances.get(instance);
            !is_activated && appliance.is_some_and(|appliance| appliance.on_since.is_some() && appliance.door.is_none())
        };
        if !is_needed {
            return Ok(());
        }
        let cannot =
            |error: std::io::Error| Error::Internal(format!("no activation web server for {instance}: {error}"));
        let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let closed = CancellationToken::new();
        let is_open = {
            let mut registry = self.registry();
            let appliance = registry.appliances.get_mut(instance).filter(|one| one.door.is_none());
            let mine = appliance.map(|one| one.door = Some(Door { address, closed: closed.clone() }));
            mine.is_some()
        };
        if is_open {
            let instance = instance.to_owned();
            self.spawn(|this| async move { this.serve(listener, instance, closed).await });
        }
        self.tag(instance, Some(&format!("http://{address}/"))).await;
        Ok(())
    }

    /// Tears an appliance's server down.
    pub(super) async fn close_door(&self, instance: &str) -> Result<(), Error> {
        let door = self.registry().appliances.get_mut(instance).and_then(|appliance| appliance.door.take());
        if door.is_some() {
            self.tag(instance, None).await;
        }
        Ok(())
    }

    /// Tells or hides where the server listens; an instance that is gone has no tags.
    async fn tag(&self, instance: &str, url: Option<&str>) {
        let mut tag = json!({ "Key": ACTIVATION_TAG });
        if let Some(url) = url {
            tag["Value"] = Value::from(url);
        }
        let operation = if url.is_some() { "CreateTags" } else { "DeleteTags" };
        let input = json!({ "Resources": [instance], "Tags": [tag] });
        if let Err(error) = self.fabric.call(PRINCIPAL, "ec2", operation, input).await {
            tracing::debug!(%error, instance, "the instance was not tagged");
        }
    }

    async fn serve(&self, listener: TcpListener, instance: String, closed: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = closed.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (instance, closed) = (instance.clone(), closed.clone());
                    self.spawn(|this| async move { this.connection(stream, &instance, closed).await });
                }
                Err(error) => {
                    tracing::warn!(%error, instance, "an appliance cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    async fn connection(&self, stream: TcpStream, instance: &str, closed: CancellationToken) {
        let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
            if let Err(error) = front::refuse_foreign_browser(&request) {
                return Ok::<_, Infallible>(front::error_reply(&error, "1.1"));
            }
            Ok(self.answer(instance, request.uri()).await)
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // An answer that is under way is finished: the client that activates learns of it.
        tokio::pin!(served);
        tokio::select! {
            ended = served.as_mut() => if let Err(error) = ended { tracing::debug!(%error, "a connection ended early") },
            () = closed.cancelled() => {
                served.as_mut().graceful_shutdown();
                if let Err(error) = served.await { tracing::debug!(%error, "a connection ended early") }
            }
        }
    }

    /// Answers a request that came to the endpoint's own port with an appliance's address as its host.
    pub(super) async fn answer_through(&self, headers: &HeaderMap, uri: &Uri) -> Response<ReplyBody> {
        let named = uri.host().or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
        let host = named.split(':').next().unwrap_or_default();
        let instance = {
            let registry = self.registry();
            let found = registry.appliances.iter().find(|(_, one)| one.private_ip == host && one.door.is_some());
            found.map(|(instance, _)| instance.clone())
        };
        match instance {
            Some(instance) => self.answer(&instance, uri).await,
            None => text(
                StatusCode::BAD_GATEWAY,
                format!("no appliance at {host} waits to be activated: `vaultscope gateway status` lists them\n"),
            ),
        }
    }

    async fn answer(&self, instance: &str, uri: &Uri) -> Response<ReplyBody> {
        let asked = Asked::read(uri.query().unwrap_or_default());
        let Some(region) = asked.region.clone() else {
            let words =
                format!("an AWS Storage Gateway that waits to be activated: GET /?{REGION}=REGION&no_redirect\n");
            return text(StatusCode::OK, words);
        };
        let failed = |problem: String| {
            if asked.as_text {
                return text(StatusCode::INTERNAL_SERVER_ERROR, format!("FAILED_TO_GET_ACTIVATION_KEY: {problem}\n"));
            }
            redirect(&region, "errorType=FAILED_TO_GET_ACTIVATION_KEY")
        };
        if !is_word(&region) {
            return failed("the region is none".to_owned());
        }
        if let Some(endpoint) = &asked.vpc_endpoint
            && !self.is_reachable(endpoint).await
        {
            return failed(format!("no VPC endpoint of Storage Gateway is called {endpoint}"));
        }
        let groups: Vec<String> = (0..5).map(|_| self.fabric.token(KEY_ALPHABET, 5)).collect();
        let code = groups.join("-");
        let now = self.fabric.clock().now();
        let key = Key {
            instance: instance.to_owned(),
            region: region.clone(),
            vpc_endpoint: asked.vpc_endpoint.clone(),
            until: now + KEY_LASTS,
        };
        {
            let mut registry = self.registry();
            // One key an appliance, and one day's worth of memory of those that have expired.
            registry.keys.retain(|_, old| old.instance != instance && old.until + KEY_LASTS * 48 > now);
            registry.keys.insert(code.clone(), key);
        }
        if let Err(error) = self.fabric.keep().settled().await {
            return failed(error.to_string());
        }
        if asked.as_text {
            return text(StatusCode::OK, code);
        }
        redirect(&region, &format!("activationKey={code}"))
    }

    /// Whether that is the DNS name of an interface endpoint of Storage Gateway.
    async fn is_reachable(&self, name: &str) -> bool {
        let service = format!("com.amazonaws.{}.storagegateway", self.fabric.identity().region);
        let input = json!({ "Filters": [{ "Name": "service-name", "Values": [service] }] });
        let Ok(answer) = self.fabric.call(PRINCIPAL, "ec2", "DescribeVpcEndpoints", input).await else { return false };
        let endpoints = answer["VpcEndpoints"].as_array().into_iter().flatten();
        let entries = endpoints.flat_map(|endpoint| endpoint["DnsEntries"].as_array().into_iter().flatten());
        let mut names = entries.filter_map(|entry| entry["DnsName"].as_str());
        names.any(|known| known == name)
    }
}

fn is_word(text: &str) -> bool {
    (1..=25).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn text(status: StatusCode, words: String) -> Response<ReplyBody> {
    let mut reply = Response::new(front::full(words));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}

/// To the console, where a browser goes on with the activation.
fn redirect(region: &str, outcome: &str) -> Response<ReplyBody> {
    let region = if is_word(region) { region } else { "us-east-1" };
    let place = format!(
        "https://{region}.console.aws.amazon.com/storagegateway/home?region={region}&gatewayType=FILE_S3&{outcome}"
    );
    let mut reply = text(StatusCode::FOUND, String::new());
    if let Ok(place) = HeaderValue::from_str(&place) {
        reply.headers_mut().insert(LOCATION, place);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_from_the_query() {
        let asked = Asked::read("gatewayType=FILE_S3&activationRegion=eu-west-1&vpcEndpoint=vpce-1.x%2Ey&no_redirect");
        let expected =
            Asked { region: Some("eu-west-1".to_owned()), vpc_endpoint: Some("vpce-1.x.y".to_owned()), as_text: true };
        assert_eq!(asked, expected);
        assert_eq!(Asked::read(""), Asked::default());
        assert!(!Asked::read("no_redirect=false").as_text);
    }

    #[test]
    fn a_region_that_is_none_gets_no_place_in_a_header() {
        for region in ["", "a b", "us-east-1\r\nx: y", "US", &"a".repeat(26)] {
            assert!(!is_word(region), "{region}");
            let place = redirect(region, "errorType=x").headers()[LOCATION].to_str().expect("text").to_owned();
            assert!(place.starts_with("https://us-east-1.console."), "{place}");
        }
    }
}
