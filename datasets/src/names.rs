//! The names of unit variants as serde writes them, so that files and configuration use the same words.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The name of a unit variant.
pub fn of<T: Serialize>(variant: &T) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("only unit variants are named, not {other:?}"),
    }
}

/// The variant of that name.
pub fn parse<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(name.to_string())).ok()
}

#[cfg(test)]
mod tests {
    use conductor_types::{FinishReason, Phase, WorkflowErrorKind};

    #[test]
    fn names_are_the_ones_of_the_types() {
        for kind in WorkflowErrorKind::ALL {
            assert_eq!(super::of(&kind), kind.as_str());
            assert_eq!(super::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(super::of(&Phase::WarmStart), "warm_start");
        assert_eq!(super::parse::<FinishReason>("no such end"), None);
    }
}
