//! A thing to do about a drop: told in a sentence, and in commands.

use schemars::JsonSchema;
use serde::Serialize;

/// One way to let a dropped packet pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayOut {
    /// What to do, in one sentence.
    pub action: String,
    /// Commands that do it, where commands suffice; `<...>` stands for what only the user can choose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

impl WayOut {
    pub(crate) fn new(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            commands: Vec::new(),
        }
    }

    pub(crate) fn with(
        action: impl Into<String>,
        commands: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            action: action.into(),
            commands: commands.into_iter().collect(),
        }
    }
}
