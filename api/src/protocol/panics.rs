//! Panics of resolvers, kept to their fields.
//!
//! Only an extension gets in between a field and what it is part of, and any extension that is installed moves every
//! field of every operation to a slower path. So a schema runs without one. A query in which something panicked is run
//! again, by a schema that has the [`PanicGuard`]: it changes nothing, and is as rare as bugs are. A mutation is not
//! done twice; it fails as a whole.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Request, Response, ServerError, ServerResult, Value,
};
use futures_util::FutureExt;
use tracing::error;

use super::gate::Kind;
use super::{Charge, Context, Parameters, Service};

/// Runs a query or a mutation; a query that panics, once more and guarded.
pub(super) async fn execute<S: Service>(
    context: &Context<S>,
    kind: Kind,
    caller: S::Caller,
    request: Request,
    charge: Option<Charge>,
) -> Response {
    let service = &context.service;
    // In boxes, for the compiler: the type of an execution is as deep as the schema is wide.
    if kind != Kind::Query {
        return Box::pin(service.execute(caller, request, charge)).await;
    }
    let (again, who) = (parameters(&request), caller.clone());
    let execution = AssertUnwindSafe(Box::pin(service.execute(caller, request, charge)));
    let fault = match execution.catch_unwind().await {
        Ok(response) => return response,
        Err(fault) => fault,
    };
    if let Ok(operation) = context.planner.admit(again)
        && let Some(response) = Box::pin(service.execute_guarded(who, operation.request, charge)).await
    {
        context.stats.panic();
        error!(
            fault = said(&*fault),
            "a query panicked, and was run again with its panics kept to their fields"
        );
        return response;
    }
    resume_unwind(fault)
}

/// What the plan of a request is made from: cheaper to copy than the plan, which is nearly always for nothing.
fn parameters(request: &Request) -> Parameters {
    Parameters {
        query: request.query.clone(),
        document_id: None,
        operation_name: request.operation_name.clone(),
        variables: request.variables.clone(),
        extensions: async_graphql::Extensions::default(),
    }
}

/// The extension that makes of a panic the error of its field. For the schema behind [`Service::execute_guarded`].
pub struct PanicGuard;

impl ExtensionFactory for PanicGuard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Guard::default())
    }
}

/// The guard of one request.
#[derive(Default)]
struct Guard {
    caught: Mutex<Vec<ServerError>>,
}

/// Stands for an error that was caught, on its way up to the nearest field that may be null. On that way async-graphql
/// 7.0.19 shortens the path of an error in a list, so the error itself does not go it.
struct StandIn;

#[async_trait]
impl Extension for Guard {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let (node, pos) = (info.path_node, info.field.name.pos);
        let is_nullable = !info.return_type.ends_with('!');
        let fault = match AssertUnwindSafe(next.run(ctx, info)).catch_unwind().await {
            Ok(resolved) => return resolved,
            Err(fault) => fault,
        };
        // Without a code it is masked, and logged with the request's id, as everything is that nobody foresaw.
        let mut error = ServerError::new(format!("a resolver panicked: {}", said(&*fault)), Some(pos));
        error.path = path(node);
        self.caught.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        if is_nullable {
            return Ok(Some(Value::Null));
        }
        Err(ServerError { source: Some(Arc::new(StandIn)), ..ServerError::new("", None) })
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        response.errors.retain(|error| error.source::<StandIn>().is_none());
        response.errors.append(&mut self.caught.lock().unwrap_or_else(PoisonError::into_inner));
        response
    }
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let segment = |node: &QueryPathNode<'_>| match node.segment {
        QueryPathSegment::Index(index) => PathSegment::Index(index),
        QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
    };
    let mut path: Vec<_> = std::iter::successors(Some(node), |node| node.parent).map(segment).collect();
    path.reverse();
    path
}

/// The words of a panic.
fn said(fault: &(dyn Any + Send)) -> &str {
    let text = fault.downcast_ref::<&str>().copied();
    text.or_else(|| fault.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}
