//! The built-in networks: `-t example:NAME`.

use crate::failure::Failure;

/// A network that comes with the program.
#[derive(Debug)]
pub(crate) struct Example {
    /// What stands after `example:`.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    /// Its scenario first, then the files that the scenario names.
    pub(crate) files: &'static [ExampleFile],
    /// What a team could promise about it, for `check`.
    pub(crate) promises: Option<ExampleFile>,
}

/// A file that was compiled in.
#[derive(Debug)]
pub(crate) struct ExampleFile {
    /// Name without folder.
    pub(crate) name: &'static str,
    /// Content.
    pub(crate) text: &'static str,
}

macro_rules! files {
    ($($name:literal),+) => {
        &[$(ExampleFile { name: $name, text: include_str!(concat!("examples/", $name)) }),+]
    };
}

/// All built-in networks, in the order in which a beginner meets them.
pub(crate) const EXAMPLES: &[Example] = &[
    Example {
        name: "sales-marketing-research",
        summary: "Three networks, two peerings: Sales and Research each reach Marketing, but not each other.",
        files: files!(
            "sales-marketing-research.yaml",
            "sales-marketing-research.arm.json"
        ),
        promises: None,
    },
    Example {
        name: "sales-marketing-research-unpeered",
        summary: "The same three networks before anybody has peered them.",
        files: files!("sales-marketing-research-unpeered.yaml"),
        promises: None,
    },
    Example {
        name: "hub-spoke-nva",
        summary: "Two spokes that talk through an appliance in the hub: user routes, forwarded traffic, security groups.",
        files: files!("hub-spoke-nva.yaml"),
        promises: Some(ExampleFile {
            name: "hub-spoke-nva.promises.yaml",
            text: include_str!("examples/hub-spoke-nva.promises.yaml"),
        }),
    },
];

impl Example {
    /// The example of this name.
    pub(crate) fn named(name: &str) -> Result<&'static Self, Failure> {
        EXAMPLES
            .iter()
            .find(|example| example.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
                Failure::Usage(format!(
                    "there is no example '{name}'; there are {}",
                    known.join(", ")
                ))
            })
    }
}
