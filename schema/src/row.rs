//! Rows: lists that are written as JSON at once.
//!
//! async-graphql makes a future, a context and a map's entry for each field of each item. A list of rows needs none of
//! them: what its selection asks of others is loaded ahead, for all rows together, and then each row writes its fields one
//! after another, in the bytes that the ordinary way would come to. Where that would not be exact (a field that rows do not
//! write, an error), the whole list goes the ordinary way.

#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::grocery::GroceryProduct;
use crate::member::Member;
use crate::scalar::{Cursor, DateTime, Decimal, LocalDate, LocalTime};
use crate::scope::Scope;
use crate::task::Occurrence;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::resolver_utils::EnumType;
use async_graphql::{
    ContextSelectionSet, ID, OutputType, Positioned, ScalarType, ServerResult, Value, registry,
};
use roomm8_db::{GroceryProductId, MemberId, TaskId};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Put among a schema's data where lists of rows are to be written at once.
pub(crate) struct WritesRows;

/// An object type that can write itself.
pub(crate) trait Row: OutputType {
    /// Loads what these fields of these rows name.
    fn load(
        rows: &[&Self],
        fields: &SelectionSet,
        scope: &Scope,
        ahead: &mut Ahead,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (rows, fields, scope, ahead);
        async { Ok(()) }
    }

    /// Writes the value of a field. `None` if it cannot: what it wrote is thrown away.
    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        let _ = (field, ahead, json);
        None
    }
}

impl<T: Row> Row for Arc<T> {
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        let rows: Vec<_> = rows.iter().map(AsRef::as_ref).collect();
        T::load(&rows, fields, scope, ahead).await
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        T::write(self, field, ahead, json)
    }
}

/// A field that may name a member, and whom it names of a row.
pub(crate) type Naming<T> = (&'static str, fn(&T) -> Option<MemberId>);

/// What was loaded ahead.
#[derive(Default)]
pub(crate) struct Ahead {
    members: HashMap<MemberId, Member>,
    pub(crate) products: HashMap<GroceryProductId, GroceryProduct>,
    pub(crate) open_occurrences: HashMap<TaskId, Vec<Occurrence>>,
}

impl Ahead {
    /// Loads the members whom the selected ones of these fields name.
    pub(crate) async fn members<'a, T: 'a>(
        &mut self,
        people: &[Naming<T>],
        fields: &SelectionSet,
        scope: &Scope,
        rows: impl Iterator<Item = &'a T> + Clone,
    ) -> Result<()> {
        // Field by field, which takes as many statements for few members as for many.
        for (field, of) in people {
            if selected(fields, field).next().is_some() {
                let found = scope.loaders().members.load_map(rows.clone().filter_map(of)).await?;
                self.members.extend(found.into_iter().map(|(id, row)| (id, row.into())));
            }
        }
        Ok(())
    }

    /// Writes the member whom one of these fields names, or that it names nobody.
    pub(crate) fn member<T>(
        &self,
        people: &[Naming<T>],
        row: &T,
        field: &Field,
        json: &mut Vec<u8>,
    ) -> Option<()> {
        let (_, of) = people.iter().find(|(name, _)| field.name.node == *name)?;
        match of(row) {
            Some(id) => object(self.members.get(&id)?, &field.selection_set.node, self, json),
            None => plain(&(), json),
        }
    }
}

/// A list of rows.
#[derive(Debug, Clone)]
pub(crate) struct Rows<T>(pub(crate) Vec<T>);

impl<T: Row> OutputType for Rows<T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<T> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<T> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut registry::Registry) -> String {
        <Vec<T> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self.written(ctx).await {
            Some(json) => Ok(Value::Binary(json.into())),
            None => OutputType::resolve(&self.0, ctx, field).await,
        }
    }
}

impl<T: Row> Rows<T> {
    async fn written(&self, ctx: &ContextSelectionSet<'_>) -> Option<Vec<u8>> {
        ctx.data_opt::<WritesRows>()?;
        let scope = ctx.data_opt::<Arc<Scope>>()?;
        let fields = &ctx.item.node;
        if !is_collected(fields) {
            return None;
        }
        let rows: Vec<_> = self.0.iter().collect();
        let mut ahead = Ahead::default();
        T::load(&rows, fields, scope, &mut ahead).await.ok()?;
        let mut json = Vec::with_capacity(64 * (1 + fields.items.len() * rows.len()));
        list(rows, fields, &ahead, &mut json)?;
        Some(json)
    }
}

/// Whether its fields are collected (GraphQL specification, 6.3.2), each key once, as the server's edge leaves them.
fn is_collected(fields: &SelectionSet) -> bool {
    fields.items.iter().enumerate().all(|(index, selection)| {
        let Selection::Field(field) = &selection.node else { return false };
        let key = &field.node.response_key().node;
        let is_new = fields.items.iter().take(index).all(
            |other| matches!(&other.node, Selection::Field(other) if other.node.response_key().node != *key),
        );
        is_new && field.node.directives.is_empty() && is_collected(&field.node.selection_set.node)
    })
}

/// The selections of the field of this name: none, one, or several under names of their own.
pub(crate) fn selected<'a>(fields: &'a SelectionSet, name: &'a str) -> impl Iterator<Item = &'a Field> {
    fields.items.iter().filter_map(move |selection| match &selection.node {
        Selection::Field(field) if field.node.name.node == name => Some(&field.node),
        _ => None,
    })
}

/// Writes rows as a list.
pub(crate) fn list<'a, T: Row + 'a>(
    rows: impl IntoIterator<Item = &'a T>,
    fields: &SelectionSet,
    ahead: &Ahead,
    json: &mut Vec<u8>,
) -> Option<()> {
    json.push(b'[');
    for (index, row) in rows.into_iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        object(row, fields, ahead, json)?;
    }
    json.push(b']');
    Some(())
}

/// Writes a row as an object.
pub(crate) fn object<T: Row>(
    row: &T,
    fields: &SelectionSet,
    ahead: &Ahead,
    json: &mut Vec<u8>,
) -> Option<()> {
    json.push(b'{');
    for (index, selection) in fields.items.iter().enumerate() {
        let Selection::Field(field) = &selection.node else { return None };
        if index > 0 {
            json.push(b',');
        }
        // A name has no character that JSON would write otherwise.
        json.push(b'"');
        json.extend_from_slice(field.node.response_key().node.as_bytes());
        json.extend_from_slice(b"\":");
        if field.node.name.node == "__typename" {
            plain(&row.introspection_type_name(), json)?;
        } else {
            row.write(&field.node, ahead, json)?;
        }
    }
    json.push(b'}');
    Some(())
}

/// Writes what JSON has a form for.
pub(crate) fn plain(value: &(impl Serialize + ?Sized), json: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(json, value).ok()
}

/// A value that is written as it is told.
pub(crate) trait Plain {
    fn write(&self, json: &mut Vec<u8>) -> Option<()>;
}

impl<T: Plain> Plain for Option<T> {
    fn write(&self, json: &mut Vec<u8>) -> Option<()> {
        match self {
            Some(value) => value.write(json),
            None => plain(&(), json),
        }
    }
}

macro_rules! written_by_serde {
    ($($type:ty),*) => {$(
        impl Plain for $type {
            fn write(&self, json: &mut Vec<u8>) -> Option<()> {
                plain(self, json)
            }
        }
    )*};
}
written_by_serde!(String, ID, i32, bool);

macro_rules! written_as_scalars {
    ($($type:ty),*) => {$(
        impl Plain for $type {
            fn write(&self, json: &mut Vec<u8>) -> Option<()> {
                plain(&self.to_value(), json)
            }
        }
    )*};
}
written_as_scalars!(Cursor, DateTime, Decimal, LocalDate, LocalTime);

/// Writes the value of an enum.
pub(crate) fn label<T: EnumType>(value: T, json: &mut Vec<u8>) -> Option<()> {
    plain(T::items().iter().find(|item| item.value == value)?.name, json)
}
