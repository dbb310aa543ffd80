//! Answers that go on: events of a service as frames of `application/vnd.amazon.eventstream`.
//!
//! Nothing runs on its own here: the connection asks for the next event when the client has taken the last one, and
//! drops the stream, and with it the service's session, as soon as the client goes away.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as FrameValue, Message};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use crate::emulator::keep::Keep;
use crate::emulator::service::{EventStream, ReplyBody, StreamEvent};

const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// What the JSON protocols begin a stream with: the members of the answer that are no events, of which there are none.
const INITIAL_RESPONSE: &str = "initial-response";

/// Writes an answer that goes on until `events` ends. An event leaves when what it tells of is kept.
pub fn reply(events: EventStream, request_id: &str, keep: Keep) -> Response<ReplyBody> {
    let initial = StreamEvent { name: INITIAL_RESPONSE, payload: json!({}), is_error: false };
    let frames = stream::once(async { initial }).chain(events).then(move |event| {
        let keep = keep.clone();
        async move {
            keep.settled().await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Frame::data(encode(&event)?))
        }
    });
    let mut reply = Response::new(StreamBody::new(frames).boxed_unsync());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        reply.headers_mut().insert("x-amzn-requestid", id);
    }
    reply
}

fn encode(event: &StreamEvent) -> Result<Bytes, aws_smithy_eventstream::error::Error> {
    let (message_type, name_header) =
        if event.is_error { ("exception", ":exception-type") } else { ("event", ":event-type") };
    let header = |name: &'static str, value: &'static str| Header::new(name, FrameValue::String(value.into()));
    let message = Message::new(event.payload.to_string())
        .add_header(header(":message-type", message_type))
        .add_header(header(name_header, event.name))
        .add_header(header(":content-type", "application/json"));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame)?;
    Ok(frame.into())
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;

    use super::*;

    #[tokio::test]
    async fn a_stream_begins_with_the_initial_response_and_ends_with_its_events() {
        let events = [
            StreamEvent { name: "sessionUpdate", payload: json!({"n": "ü"}), is_error: false },
            StreamEvent { name: "SessionTimeoutException", payload: json!({"message": "m"}), is_error: true },
        ];
        let reply = reply(stream::iter(events).boxed(), "id", Keep::default());
        assert_eq!(reply.headers()[CONTENT_TYPE], EVENT_STREAM);
        let mut body = reply.into_body().collect().await.expect("a body").to_bytes();
        let mut read = Vec::new();
        while !body.is_empty() {
            let message = read_message_from(&mut body).expect("a whole frame with valid checksums");
            let value = |name: &str| {
                let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
                header.value().as_string().ok().map(|value| value.as_str().to_owned())
            };
            read.push((
                value(":message-type").expect("a type"),
                value(":event-type").or(value(":exception-type")).expect("a name"),
                String::from_utf8_lossy(message.payload()).into_owned(),
            ));
        }
        let expected = [
            ("event", INITIAL_RESPONSE, "{}"),
            ("event", "sessionUpdate", "{\"n\":\"ü\"}"),
            ("exception", "SessionTimeoutException", "{\"message\":\"m\"}"),
        ];
        assert_eq!(read, expected.map(|(kind, name, payload)| (kind.to_owned(), name.to_owned(), payload.to_owned())));
    }
}
