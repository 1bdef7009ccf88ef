//! `column BETWEEN … OR column BETWEEN …`: whether a number is in one of some stretches.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType};

/// Whether the column is within one of the stretches, their ends among them.
#[derive(Debug, Clone)]
pub(crate) struct Within<C> {
    /// The column.
    pub column: C,
    /// The stretches, by their ends.
    pub stretches: Vec<(i64, i64)>,
}

impl<C> Expression for Within<C> {
    type SqlType = Bool;
}

impl<C> ValidGrouping<()> for Within<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C: AppearsOnTable<T>, T> AppearsOnTable<T> for Within<C> {}

impl<C: SelectableExpression<T>, T> SelectableExpression<T> for Within<C> {}

impl<C> QueryId for Within<C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for Within<C>
where
    DB: Backend + HasSqlType<BigInt>,
    C: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // The last is said again until they are a power of two, so that few texts of each query exist.
        let count = self.stretches.len();
        let again = self.stretches.last().into_iter().cycle().take(count.next_power_of_two() - count);
        out.push_sql("(1 = 0");
        for (from, to) in self.stretches.iter().chain(again) {
            out.push_sql(" OR ");
            self.column.walk_ast(out.reborrow())?;
            out.push_sql(" BETWEEN ");
            out.push_bind_param::<BigInt, i64>(from)?;
            out.push_sql(" AND ");
            out.push_bind_param::<BigInt, i64>(to)?;
        }
        out.push_sql(")");
        Ok(())
    }
}
