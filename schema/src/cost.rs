//! What a field costs that is more work than its objects.

use async_graphql::TypeDirective;

/// What a field costs whatever it answers, beside a point for each object: as of the GraphQL Cost Directives Specification,
/// section 4.1.
#[TypeDirective(location = "FieldDefinition")]
pub(crate) fn cost(weight: String) {}
