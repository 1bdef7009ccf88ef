//! `column IN (…)` that stays prepared: diesel's own `eq_any` is prepared anew for every call.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, SingleValue};

/// Lists are filled up to one of these lengths, so that few texts of each query exist.
const LENGTHS: [usize; 6] = [1, 4, 16, 64, 256, 1024];

/// Whether the column is one of the ids, or of the words.
pub(crate) fn among<C, I: Copy>(column: C, ids: &[I]) -> Among<C, I> {
    let mut ids = ids.to_vec();
    if let (Some(last), Some(length)) =
        (ids.last().copied(), LENGTHS.iter().find(|length| **length >= ids.len()))
    {
        ids.resize(*length, last);
    }
    Among { column, ids }
}

/// See [`among`].
#[derive(Debug, Clone)]
pub(crate) struct Among<C, I> {
    column: C,
    ids: Vec<I>,
}

impl<C, I> Expression for Among<C, I> {
    type SqlType = Bool;
}

impl<C, I> ValidGrouping<()> for Among<C, I> {
    type IsAggregate = is_aggregate::No;
}

impl<C: AppearsOnTable<T>, I, T> AppearsOnTable<T> for Among<C, I> {}

impl<C: SelectableExpression<T>, I, T> SelectableExpression<T> for Among<C, I> {}

impl<C, I> QueryId for Among<C, I> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, I, DB> QueryFragment<DB> for Among<C, I>
where
    DB: Backend + HasSqlType<C::SqlType>,
    C: Expression<SqlType: SingleValue> + QueryFragment<DB>,
    I: ToSql<C::SqlType, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.ids.is_empty() {
            out.push_sql("1 = 0");
            return Ok(());
        }
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (");
        for (place, id) in self.ids.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<C::SqlType, I>(id)?;
        }
        out.push_sql(")");
        Ok(())
    }
}
