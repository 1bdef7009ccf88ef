//! `id IN (the first so many of each group)`: a page of each of many lists in one statement, which stays prepared and reads
//! no more than the pages.

use crate::message::End;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, SingleValue};

/// The most groups in one statement. SQLite joins at most 500 queries into one.
pub(crate) const GROUPS_AT_ONCE: usize = 64;
/// Groups are filled up to one of these numbers, so that few texts of each query exist.
const LENGTHS: [usize; 4] = [1, 4, 16, GROUPS_AT_ONCE];

/// Whether the id is among the first, from one end, of those rows of a table that are of one of the groups and pass the
/// filter. Everything names columns of that one table, and is asked of it inside: each group is a query of its own there,
/// which an index on the group and the order ends after so many rows.
#[derive(Debug, Clone)]
pub(crate) struct FirstOfEach<T, G, K, A, I, F> {
    /// The table.
    pub table: T,
    /// The column that tells the groups apart.
    pub group: G,
    /// Which groups, at most [`GROUPS_AT_ONCE`] of them.
    pub keys: Vec<K>,
    /// The column by which their rows are ordered,
    pub at: A,
    /// and their id, by which those are that are equal in it.
    pub id: I,
    /// Which rows count.
    pub filter: F,
    /// From which end.
    pub end: End,
    /// So many of each group.
    pub limit: i64,
}

impl<T, G, K, A, I, F> Expression for FirstOfEach<T, G, K, A, I, F> {
    type SqlType = Bool;
}

impl<T, G, K, A, I, F> ValidGrouping<()> for FirstOfEach<T, G, K, A, I, F> {
    type IsAggregate = is_aggregate::No;
}

impl<T, G, K, A, I: AppearsOnTable<S>, F, S> AppearsOnTable<S> for FirstOfEach<T, G, K, A, I, F> {}

impl<T, G, K, A, I: SelectableExpression<S>, F, S> SelectableExpression<S> for FirstOfEach<T, G, K, A, I, F> {}

impl<T, G, K, A, I, F> QueryId for FirstOfEach<T, G, K, A, I, F> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, G, K, A, I, F, DB> QueryFragment<DB> for FirstOfEach<T, G, K, A, I, F>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<G::SqlType>,
    T: QueryFragment<DB>,
    G: Expression<SqlType: SingleValue> + QueryFragment<DB>,
    K: ToSql<G::SqlType, DB>,
    A: QueryFragment<DB>,
    I: QueryFragment<DB>,
    F: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Some(last) = self.keys.last() else {
            out.push_sql("1 = 0");
            return Ok(());
        };
        let length = LENGTHS.into_iter().find(|length| *length >= self.keys.len());
        let filled_up = length.unwrap_or(0).saturating_sub(self.keys.len());
        let keys = self.keys.iter().chain(std::iter::repeat_n(last, filled_up));
        let direction = match self.end {
            End::Oldest => " ASC",
            End::Newest => " DESC",
        };
        self.id.walk_ast(out.reborrow())?;
        // In two layers: MySQL asks a union that stands in `IN` itself anew for every row.
        out.push_sql(" IN (SELECT found.id FROM (");
        for (place, key) in keys.enumerate() {
            out.push_sql(if place > 0 {
                " UNION ALL SELECT id FROM (SELECT "
            } else {
                "SELECT id FROM (SELECT "
            });
            self.id.walk_ast(out.reborrow())?;
            out.push_sql(" AS id FROM ");
            self.table.walk_ast(out.reborrow())?;
            out.push_sql(" WHERE ");
            self.group.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            out.push_bind_param::<G::SqlType, K>(key)?;
            out.push_sql(" AND ");
            self.filter.walk_ast(out.reborrow())?;
            out.push_sql(" ORDER BY ");
            self.at.walk_ast(out.reborrow())?;
            out.push_sql(direction);
            out.push_sql(", ");
            self.id.walk_ast(out.reborrow())?;
            out.push_sql(direction);
            out.push_sql(" LIMIT ");
            out.push_bind_param::<BigInt, i64>(&self.limit)?;
            out.push_sql(&format!(") AS of_{place}"));
        }
        out.push_sql(") AS found)");
        Ok(())
    }
}
