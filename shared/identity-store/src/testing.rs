//! What tests need to fill a table faster than one request per record would.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::record::Record;

use crate::item;

/// The item that the store writes for `record`.
#[must_use]
pub fn item(record: &Record) -> HashMap<String, AttributeValue> {
    item::write(record)
}
