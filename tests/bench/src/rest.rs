//! Households at rest: copies of one that lives, made in the database, as nobody could sign so many people up.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Tables with rows of a household, those that are referred to first, and which rows are of the household `@home`.
const TABLES: [(&str, &str); 9] = [
    ("users", "id IN (SELECT user_id FROM members WHERE household_id = @home)"),
    ("households", "id = @home"),
    ("household_streams", "household_id = @home"),
    ("household_events", "household_id = @home"),
    ("members", "household_id = @home"),
    ("member_periods", "member_id IN (SELECT id FROM members WHERE household_id = @home)"),
    ("conversations", "household_id = @home"),
    ("tasks", "household_id = @home"),
    ("occurrences", "household_id = @home"),
];

/// Makes a copy of this household for each of these numbers.
pub(crate) async fn copy(database: &str, home: Uuid, numbers: RangeInclusive<usize>) -> anyhow::Result<()> {
    let mut conn = Conn::new(Opts::from_url(database)?).await?;
    conn.exec_drop("SET @home = ?", (home.as_bytes(),)).await?;
    for (table, of_home) in TABLES {
        let columns: Vec<(String, String)> = conn
            .exec(
                "SELECT column_name, column_type FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position",
                (table,),
            )
            .await?;
        let names: Vec<_> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
        let values: Vec<_> = columns.iter().map(|(name, kind)| copied(name, kind)).collect();
        let statement = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} model, seq_{}_to_{} copy WHERE {of_home}",
            names.join(", "),
            values.join(", "),
            numbers.start(),
            numbers.end(),
        );
        conn.query_drop(statement).await?;
    }
    Ok(conn.disconnect().await?)
}

/// What a copy has in this column. Ids become other ids, alike wherever they stand; zeros are nobody's. They begin with the
/// copy's number, as ids begin with their time: rows of a household are near each other, and come in order.
fn copied(name: &str, kind: &str) -> String {
    match (name, kind) {
        (_, "binary(16)") => {
            let copy =
                format!("UNHEX(CONCAT(LPAD(HEX(copy.seq), 12, '0'), LEFT(MD5(HEX(model.{name})), 20)))");
            format!("IF(model.{name} = REPEAT(CHAR(0), 16), model.{name}, {copy})")
        }
        ("email", _) => format!("CONCAT(copy.seq, model.{name})"),
        _ => format!("model.{name}"),
    }
}
