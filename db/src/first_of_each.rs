//! `id IN (the first so many of each group)`: a page of each of many lists in one statement, which stays prepared.

use crate::message::End;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType};

/// Whether the id is among the first, from one end, of those rows of the table that have the same group and pass the filter.
/// The filter names the columns of the same table, and is asked inside.
#[derive(Debug, Clone)]
pub(crate) struct FirstOfEach<T, G, I, F> {
    /// The table.
    pub table: T,
    /// The column by which its rows are grouped.
    pub group: G,
    /// The column by which they are ordered, and told apart.
    pub id: I,
    /// Which of them count.
    pub filter: F,
    /// From which end.
    pub end: End,
    /// So many of each group.
    pub limit: i64,
}

impl<T, G, I, F> Expression for FirstOfEach<T, G, I, F> {
    type SqlType = Bool;
}

impl<T, G, I, F> ValidGrouping<()> for FirstOfEach<T, G, I, F> {
    type IsAggregate = is_aggregate::No;
}

impl<T, G, I: AppearsOnTable<S>, F, S> AppearsOnTable<S> for FirstOfEach<T, G, I, F> {}

impl<T, G, I: SelectableExpression<S>, F, S> SelectableExpression<S> for FirstOfEach<T, G, I, F> {}

impl<T, G, I, F> QueryId for FirstOfEach<T, G, I, F> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, G, I, F, DB> QueryFragment<DB> for FirstOfEach<T, G, I, F>
where
    DB: Backend + HasSqlType<BigInt>,
    T: QueryFragment<DB>,
    G: QueryFragment<DB>,
    I: QueryFragment<DB>,
    F: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT ranked.id FROM (SELECT ");
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(" AS id, ROW_NUMBER() OVER (PARTITION BY ");
        self.group.walk_ast(out.reborrow())?;
        out.push_sql(" ORDER BY ");
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(match self.end {
            End::Oldest => " ASC) AS place FROM ",
            End::Newest => " DESC) AS place FROM ",
        });
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out.reborrow())?;
        out.push_sql(") AS ranked WHERE ranked.place <= ");
        out.push_bind_param::<BigInt, i64>(&self.limit)?;
        out.push_sql(")");
        Ok(())
    }
}
