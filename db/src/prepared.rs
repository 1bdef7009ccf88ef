//! `UPDATE` that stays prepared: diesel's own is prepared anew for every call, since what it sets may change its text.

use diesel::QuerySource;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId, UpdateStatement};
use diesel::result::QueryResult;

/// Keeps a statement prepared.
pub(crate) trait Prepare: Sized {
    /// The same statement, found again by its text. Texts are few: nothing in them may be as long as a list of any length.
    fn prepared(self) -> Prepared<Self>;
}

impl<Table: QuerySource, Filter, Values, Returning> Prepare
    for UpdateStatement<Table, Filter, Values, Returning>
{
    fn prepared(self) -> Prepared<Self> {
        Prepared(self)
    }
}

/// See [`Prepare::prepared`].
pub(crate) struct Prepared<S>(S);

impl<S> QueryId for Prepared<S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<S> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}
