//! Who runs a command on peerings, and what that needs: `--as` and `--permissions`.

use clap::Args;
use model::Network;
use model::authorization::RequiredAction;
use report::table::Table;
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Failure;

/// Who acts.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Permissions")]
pub(crate) struct AccessArguments {
    /// Act as this principal: its role assignments in the scenario decide, as in Azure
    #[arg(long = "as", value_name = "PRINCIPAL", global = true)]
    pub(crate) principal: Option<String>,
    /// Print the actions that the command needs, with their scopes and the role meant for them, and do nothing
    #[arg(long, global = true)]
    pub(crate) permissions: bool,
}

impl AccessArguments {
    /// Refuses what the principal may not do.
    pub(crate) fn check(
        &self,
        network: &Network,
        required: &[RequiredAction],
    ) -> Result<(), Failure> {
        let Some(principal) = &self.principal else {
            return Ok(());
        };
        if network.authorization.assignments.is_empty() {
            return Err(Failure::Usage(format!(
                "nothing is known of the rights of '{principal}': the input holds no roleAssignments"
            )));
        }
        Ok(network.authorize(principal, required)?)
    }

    /// What the command needs, as a document. With a principal each action says whether it is granted.
    pub(crate) fn document(&self, network: &Network, required: &[RequiredAction]) -> Value {
        let rows = required.iter().map(|needed| {
            let mut row = json!({
                "action": needed.action,
                "role": needed.role,
                "scope": needed.scope.as_str(),
            });
            if let Some(principal) = &self.principal {
                let alone = std::slice::from_ref(needed);
                row["granted"] = json!(network.authorize(principal, alone).is_ok());
            }
            row
        });
        rows.collect()
    }

    /// As a table: one row for each action and scope.
    pub(crate) fn write_table(document: &Value, console: &mut Console<'_>) -> Result<(), Failure> {
        let rows = document.as_array().map_or(&[][..], Vec::as_slice);
        let with_principal = rows.iter().any(|row| row.get("granted").is_some());
        let mut headers = vec!["Action", "Scope", "Role"];
        headers.extend(with_principal.then_some("Granted"));
        let mut table = Table::new(headers);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for row in rows {
            let mut cells = vec![
                text(&row["action"]),
                text(&row["scope"]),
                text(&row["role"]),
            ];
            cells.extend(row.get("granted").map(ToString::to_string));
            table.push(cells);
        }
        write!(console.out(), "{table}")?;
        Ok(())
    }
}
