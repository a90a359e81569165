//! The `OpenAPI` 3.1 document, made of the table of routes and of the wire types' shapes.

use super::schemas::SCHEMAS;
use super::{Body, Gives, Route, Who, routes};
use crate::{Error, Result};
use std::collections::BTreeMap;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OneOfBuilder, OpenApiBuilder,
    PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
};

/// The document as JSON.
pub(super) fn document() -> Result<Vec<u8>> {
    let mut items: BTreeMap<String, PathItemBuilder> = BTreeMap::new();
    for route in routes() {
        let path = route.path.replace("{*", "{");
        let item = items.remove(&path).unwrap_or_default();
        items.insert(path, item.operation(method(route), operation(route)));
    }
    let mut paths = PathsBuilder::new();
    for (path, item) in items {
        paths = paths.path(path, item.build());
    }
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            SIGNED,
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "Signature",
                "RFC 9421 over method, path, query and content-digest, by a session's key",
            ))),
        )
        .security_scheme(
            OPERATOR,
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
    for (name, fields) in SCHEMAS {
        components = components.schema(*name, object(fields));
    }
    let document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Vitalwitness cloud")
                .version("1")
                .description(Some("docs/api.md says what holds beyond the shapes.")),
        )
        .paths(paths.build())
        .components(Some(components.build()))
        .build();
    serde_json::to_vec(&document).map_err(|_| Error::Corrupt("a document that is no JSON"))
}

fn method(route: &Route) -> HttpMethod {
    match route.method {
        "GET" => HttpMethod::Get,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Post,
    }
}

fn operation(route: &Route) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.name))
        .summary(Some(route.says));
    for part in route.path.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name.trim_start_matches('*'))
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .schema(Some(field("text"))),
            );
        }
    }
    for (name, required) in query(route.name) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Query)
                .required(if *required {
                    Required::True
                } else {
                    Required::False
                })
                .schema(Some(field("int"))),
        );
    }
    match route.who {
        Who::Anyone => {}
        Who::Owner | Who::Grantee | Who::Party | Who::Auditor | Who::Session => {
            operation = operation.security(SecurityRequirement::new(SIGNED, NO_SCOPES));
        }
        Who::Operator => {
            operation = operation.security(SecurityRequirement::new(OPERATOR, NO_SCOPES));
        }
    }
    let body = match route.takes {
        Body::Nothing => None,
        Body::Json(name) => Some((JSON, reference(name))),
        Body::Bytes => Some((BYTES, field("text"))),
    };
    operation = operation.request_body(body.map(|(kind, schema)| {
        RequestBodyBuilder::new()
            .content(kind, ContentBuilder::new().schema(Some(schema)).build())
            .required(Some(Required::True))
            .build()
    }));
    let content = match route.gives {
        Gives::Nothing => None,
        Gives::Json(name) => Some((JSON, reference(name))),
        Gives::Document => Some((JSON, ObjectBuilder::new().into())),
        Gives::Text => Some(("text/plain", field("text"))),
        Gives::Bytes => Some((BYTES, field("text"))),
    };
    let mut done = ResponseBuilder::new().description("done");
    let status = if content.is_some() { "200" } else { "204" };
    if let Some((kind, schema)) = content {
        done = done.content(kind, ContentBuilder::new().schema(Some(schema)).build());
    }
    let problem = ContentBuilder::new().schema(Some(reference("Problem")));
    operation.response(status, done.build()).response(
        "default",
        ResponseBuilder::new()
            .description("refused; `code` says why")
            .content("application/problem+json", problem.build())
            .build(),
    )
}

/// Values of the query: name, and whether it must be there.
fn query(name: &str) -> &'static [(&'static str, bool)] {
    match name {
        "inclusion" => &[("index", true), ("size", true)],
        "consistency" => &[("from", true), ("to", true)],
        "changes" | "grants" => &[("after", false), ("limit", false)],
        "entries" => &[("after", false)],
        "recovery" => &[("generation", false)],
        "receipt" => &[("type", false)],
        _ => &[],
    }
}

/// An object of fields as in [`SCHEMAS`].
fn object(fields: &str) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new();
    for (name, kind) in fields.split_whitespace().filter_map(|f| f.split_once(':')) {
        object = object.property(name, field(kind));
        if !kind.ends_with("??") {
            object = object.required(name);
        }
    }
    object.into()
}

/// A field's schema: `int`, `bool`, `text`, a wire type, `[of]`, and `?` for null.
fn field(kind: &str) -> RefOr<Schema> {
    if let Some(kind) = kind.strip_suffix("??").or_else(|| kind.strip_suffix('?')) {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        return OneOfBuilder::new().item(field(kind)).item(null).into();
    }
    if let Some(of) = kind.strip_prefix('[').and_then(|k| k.strip_suffix(']')) {
        return ArrayBuilder::new().items(field(of)).into();
    }
    let plain = |kind| ObjectBuilder::new().schema_type(kind);
    match kind {
        "int" => plain(Type::Integer).into(),
        "bool" => plain(Type::Boolean).into(),
        "text" => plain(Type::String).into(),
        "id" => plain(Type::String).pattern(Some("^[0-9a-f]{32}$")).into(),
        "hash" => plain(Type::String).pattern(Some("^[0-9a-f]{64}$")).into(),
        "sig" => plain(Type::String).pattern(Some("^[0-9a-f]{128}$")).into(),
        "bytes" => plain(Type::String).content_encoding("base64").into(),
        name => reference(name),
    }
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

const NO_SCOPES: [&str; 0] = [];
const SIGNED: &str = "session";
const OPERATOR: &str = "operator";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_lists_every_route_and_nothing_else() {
        let document: serde_json::Value = serde_json::from_slice(&document().unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut listed = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                listed.insert((method.to_uppercase(), path.clone()));
            }
        }
        let served: BTreeSet<_> = routes()
            .iter()
            .map(|route| (route.method.to_owned(), route.path.replace("{*", "{")))
            .collect();
        assert_eq!(listed, served);
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = String::from_utf8(document().unwrap()).unwrap();
        let known: BTreeSet<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn the_interface_document_names_every_route() {
        let text = include_str!("../../../docs/api.md");
        for route in routes() {
            let path = route
                .path
                .replace("{*", "{")
                .replace("{certificate}", "{sha256}");
            assert!(text.contains(&format!("`{path}")), "{path}");
        }
    }
}
